/** Small square pictures of people and rooms. Who has one's id may see it; ids are minted by chance and never reused. */
import type { Readable } from "node:stream";
import { ulid } from "ulid";
import type { IncomingFile } from "../http/incoming-file.ts";
import { ApiError } from "../http/problems.ts";
import type { Clock } from "../mesh/clock.ts";
import type { Archive, UserRecord } from "../store/archive.ts";
import { oneChunk, spooled } from "./byte-stream.ts";
import { MEMORY_LIMITS } from "./memories.ts";
import { squareIdOf } from "./memory-record.ts";
import type { Pictures } from "./pictures.ts";

/** That one person has made and not removed. */
export const MAX_PICTURES = 50;
const UNFINISHED_MS = 600_000;

export interface AvatarParts {
  readonly archive: Archive;
  readonly pictures: Pictures;
  readonly clock: Clock;
  readonly tempDir: string;
}

export class Avatars {
  readonly #parts: AvatarParts;

  constructor(parts: AvatarParts) {
    this.#parts = parts;
  }

  /** Throws ApiError too_many, too_large, bad_picture, busy. */
  async add(user: UserRecord, file: IncomingFile): Promise<string> {
    const { archive, pictures, clock, tempDir } = this.#parts;
    const { count } = await archive.records.weigh("picture", user.id);
    if (count >= MAX_PICTURES) throw new ApiError("too_many", { detail: `${MAX_PICTURES} pictures: remove one first` });
    const maxBytes = MEMORY_LIMITS.maxPictureBytes;
    const spool = { maxBytes, tempDir };
    const { bytes } = await spooled(file.read(maxBytes), spool, (path) => pictures.square(path));
    const id = ulid(clock.wallMs());
    // Swept with the uploads when this node dies before the picture stands.
    await archive.records.add({
      kind: "upload",
      id,
      owner: user.id,
      dueAtMs: clock.wallMs() + UNFINISHED_MS,
      value: {},
    });
    await archive.contents.write(squareIdOf(id), oneChunk(bytes));
    await archive.records.add({ kind: "picture", id, owner: user.id, weight: bytes.length, value: {} });
    await archive.records.remove({ kind: "upload", id });
    return id;
  }

  /** Throws ApiError unknown_file. */
  async open(id: string): Promise<{ readonly bytes: number; readonly stream: Readable }> {
    const found = await this.#parts.archive.contents.read(squareIdOf(id));
    if (found === undefined) throw new ApiError("unknown_file");
    return { bytes: found.totalBytes, stream: found.stream };
  }

  /** Throws ApiError unknown_file, not_allowed. */
  async remove(user: UserRecord, id: string): Promise<void> {
    const { records, contents } = this.#parts.archive;
    const found = await records.get({ kind: "picture", id });
    if (found === undefined) throw new ApiError("unknown_file");
    if (found.owner !== user.id) throw new ApiError("not_allowed");
    await contents.drop(squareIdOf(id));
    await records.remove(found);
  }

  /** All that a person has made. */
  async forget(userId: string): Promise<void> {
    const { records, contents } = this.#parts.archive;
    for (const record of await records.list({ kind: "picture", owner: userId, limit: MAX_PICTURES })) {
      await contents.drop(squareIdOf(record.id));
      await records.remove(record);
    }
  }
}
