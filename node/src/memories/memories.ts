/**
 * Files of rooms. An upload is announced in the archive before its first byte and struck off when its file stands in the
 * gallery, so whatever breaks in between is found and removed (uploads-sweep.ts), and its space counts from the beginning.
 */
import type { Readable } from "node:stream";
import { ulid } from "ulid";
import type { FileInfo, GalleryPage } from "#protocol";
import type { IncomingFile } from "../http/incoming-file.ts";
import { ApiError } from "../http/problems.ts";
import type { OnRoomChange } from "../keeping/room-change.ts";
import type { Clock } from "../mesh/clock.ts";
import { KeyedBuckets } from "../signalling/token-bucket.ts";
import type { Archive, UserRecord } from "../store/archive.ts";
import { isStoreUnavailable } from "../store/errors.ts";
import type { StoredRecord } from "../store/records.ts";
import { hashed, oneChunk, peek, spooled } from "./byte-stream.ts";
import { safeFileName } from "./file-name.ts";
import { fileInfoOf, type MemoryValue, memoryOf, memoryRecord, previewIdOf } from "./memory-record.ts";
import type { Pictures } from "./pictures.ts";
import { adviceFor, SNIFF_BYTES, sniff } from "./sniff.ts";

export interface MemoryLimits {
  /** One file. */
  readonly maxFileBytes: number;
  /** All files of a room, with their previews and with what is under way. */
  readonly maxRoomBytes: number;
  readonly maxRoomFiles: number;
  /** What is decoded, before it is. */
  readonly maxPictureBytes: number;
  /** Uploads under way on this node. */
  readonly maxUploads: number;
}
export const MEMORY_LIMITS: MemoryLimits = {
  maxFileBytes: 100 * 1024 ** 2,
  maxRoomBytes: 5 * 1024 ** 3,
  maxRoomFiles: 5_000,
  maxPictureBytes: 30 * 1024 ** 2,
  maxUploads: 24,
};

/** Previews are reserved with their file. */
const PREVIEW_RESERVE_BYTES = 100_000;
/** Uploads of one person, over all rooms. */
const UPLOAD_RATE = { burst: 60, perSecond: 1 };
/** No upload takes this long (http/slow-requests.ts). */
const UPLOAD_LEASE_MS = 2 * 3_600_000;
/** Between striking a file off and its bytes' removal. */
const REMOVAL_LEASE_MS = 120_000;

export interface MemoriesOptions {
  readonly archive: Archive;
  readonly pictures: Pictures;
  readonly clock: Clock;
  readonly changed: OnRoomChange;
  /** Pictures lie here until they are written anew. */
  readonly tempDir: string;
  readonly limits?: Partial<MemoryLimits>;
}

export interface NewMemory {
  readonly caption?: string | undefined;
  /** Of the whole request, when it says so. */
  readonly declaredBytes: number | undefined;
  /** Of a room that is brought in: when the file was put in there. Such files are not counted as uploads of a person. */
  readonly importedAtMs?: number;
}

type Stored = Pick<MemoryValue, "bytes" | "sha256" | "type" | "width" | "height" | "previewBytes">;

export class Memories {
  readonly #options: MemoriesOptions;
  readonly #limits: MemoryLimits;
  readonly #buckets = new KeyedBuckets(UPLOAD_RATE);
  #uploads = 0;

  constructor(options: MemoriesOptions) {
    this.#options = options;
    this.#limits = { ...MEMORY_LIMITS, ...options.limits };
  }

  /** Throws ApiError: rate_limited, busy, too_many, storage_full, too_large, bad_picture, picture_format, invalid_input. Then nothing is kept. */
  async add(
    roomId: string,
    user: Pick<UserRecord, "id" | "displayName">,
    file: IncomingFile,
    about: NewMemory,
  ): Promise<FileInfo> {
    const { clock, archive } = this.#options;
    const waitMs = about.importedAtMs === undefined ? this.#buckets.take(user.id, clock.nowMs()) : 0;
    if (waitMs > 0) throw new ApiError("rate_limited", { retryAfterMs: waitMs });
    if (this.#uploads >= this.#limits.maxUploads) throw new ApiError("busy", { retryAfterMs: 5_000 });
    this.#uploads += 1;
    const fileId = ulid(clock.wallMs());
    try {
      await this.#reserve(roomId, fileId, about.declaredBytes);
      const value = await this.#store(fileId, file, {
        uploaderId: user.id,
        uploaderName: user.displayName,
        createdAtMs: about.importedAtMs ?? clock.wallMs(),
        ...(about.caption === undefined ? {} : { caption: about.caption }),
      });
      const added = await archive.records.add(memoryRecord(roomId, fileId, value));
      if (added.record === undefined) throw new ApiError("internal");
      // What stands in the gallery is done; an upload that is not struck off now is struck off by the sweep.
      await archive.records.remove({ kind: "upload", id: fileId }).catch((error: unknown) => {
        if (!isStoreUnavailable(error)) throw error;
      });
      const info = fileInfoOf(added.record);
      this.#tell(roomId, { change: "added", id: fileId, userId: user.id, data: info });
      return info;
    } catch (error) {
      // The file may stand in the gallery after all when the archive did not say; then only the sweep can tell.
      if (!isStoreUnavailable(error)) await this.#giveUp(fileId);
      throw error;
    } finally {
      this.#uploads -= 1;
    }
  }

  async list(roomId: string, page: { readonly before?: string; readonly limit: number }): Promise<GalleryPage> {
    const { records } = this.#options.archive;
    const range = { kind: "memory", owner: roomId, ...page, limit: page.limit + 1 } as const;
    const [found, used] = await Promise.all([records.list(range), records.weigh("memory", roomId)]);
    const shown = found.slice(0, page.limit);
    const last = shown.at(-1);
    return {
      files: shown.map(fileInfoOf),
      ...(found.length > page.limit && last !== undefined ? { nextCursor: last.id } : {}),
      usedBytes: used.weight,
      maxBytes: this.#limits.maxRoomBytes,
    };
  }

  /** Throws ApiError unknown_file. */
  async get(fileId: string): Promise<StoredRecord> {
    const found = await this.#options.archive.records.get({ kind: "memory", id: fileId });
    if (found === undefined) throw new ApiError("unknown_file");
    return found;
  }

  /** Throws ApiError unknown_file when the bytes have just gone. */
  async open(contentId: string, range?: { readonly start: number; readonly end: number }): Promise<Readable> {
    const found = await this.#options.archive.contents.read(contentId, range);
    if (found === undefined) throw new ApiError("unknown_file");
    return found.stream;
  }

  async remove(record: StoredRecord, byUserId: string): Promise<void> {
    const { records } = this.#options.archive;
    const dueAtMs = this.#options.clock.wallMs() + REMOVAL_LEASE_MS;
    await records.add({ kind: "upload", id: record.id, owner: record.owner, dueAtMs, value: {} });
    const wasThere = await records.remove(record);
    await this.#giveUp(record.id);
    if (wasThere)
      this.#tell(record.owner, { change: "removed", id: record.id, userId: byUserId, data: { fileId: record.id } });
  }

  /** What is reserved counts as used, so uploads at once cannot together take more than there is. */
  async #reserve(roomId: string, fileId: string, declaredBytes: number | undefined): Promise<void> {
    const { records } = this.#options.archive;
    const { maxFileBytes, maxRoomBytes, maxRoomFiles } = this.#limits;
    // A form has a few hundred bytes beside its file.
    if (declaredBytes !== undefined && declaredBytes > maxFileBytes + 16_384)
      throw new ApiError("too_large", { detail: `at most ${maxFileBytes} bytes` });
    const weight = Math.min(declaredBytes ?? maxFileBytes, maxFileBytes) + PREVIEW_RESERVE_BYTES;
    const dueAtMs = this.#options.clock.wallMs() + UPLOAD_LEASE_MS;
    await records.add({ kind: "upload", id: fileId, owner: roomId, dueAtMs, weight, value: {} });
    const [kept, coming] = await Promise.all([records.weigh("memory", roomId), records.weigh("upload", roomId)]);
    if (kept.count + coming.count > maxRoomFiles) throw new ApiError("too_many");
    if (kept.weight + coming.weight > maxRoomBytes) throw new ApiError("storage_full");
  }

  async #store(
    fileId: string,
    file: IncomingFile,
    by: Pick<MemoryValue, "uploaderId" | "uploaderName" | "createdAtMs" | "caption">,
  ): Promise<MemoryValue> {
    const { head, whole } = await peek(file.read(this.#limits.maxFileBytes), SNIFF_BYTES);
    const is = sniff(head);
    if (is.picture === "refused") throw new ApiError("picture_format", { detail: adviceFor(is) });
    const stored =
      is.picture === undefined
        ? await this.#storeBytes(fileId, whole, is.type)
        : await this.#storePicture(fileId, whole, is);
    const extension = is.picture === "asPng" ? "png" : is.extension;
    return { name: safeFileName(file.name, extension), inline: is.inline, ...stored, ...by };
  }

  async #storeBytes(fileId: string, source: AsyncIterable<Uint8Array>, type: string): Promise<Stored> {
    const { bytes, sha256 } = hashed(source);
    const length = await this.#options.archive.contents.write(fileId, bytes);
    return { bytes: length, sha256: sha256(), type };
  }

  async #storePicture(
    fileId: string,
    source: AsyncIterable<Uint8Array>,
    is: ReturnType<typeof sniff>,
  ): Promise<Stored> {
    const { archive, pictures, tempDir } = this.#options;
    const { contents } = archive;
    const spool = { maxBytes: this.#limits.maxPictureBytes, tempDir };
    const { full, preview } = await spooled(source, spool, (path) => pictures.renew(path, is));
    const { bytes, sha256 } = hashed(oneChunk(full.bytes));
    await contents.write(fileId, bytes);
    await contents.write(previewIdOf(fileId), oneChunk(preview.bytes));
    const { width, height, type } = full;
    return { bytes: full.bytes.length, sha256: sha256(), type, width, height, previewBytes: preview.bytes.length };
  }

  /** Best effort: what stays behind is swept. */
  async #giveUp(fileId: string): Promise<void> {
    const { contents, records } = this.#options.archive;
    try {
      await contents.drop(fileId);
      await contents.drop(previewIdOf(fileId));
      await records.remove({ kind: "upload", id: fileId });
    } catch {
      return; // The store is away; the upload's record is still there and will be due.
    }
  }

  #tell(
    roomId: string,
    {
      change,
      id,
      userId,
      data,
    }: { readonly change: "added" | "removed"; readonly id: string; readonly userId: string; readonly data: object },
  ): void {
    const event = change === "added" ? "file.added" : "file.removed";
    this.#options.changed({ roomId, what: "file", change, id, userId, event, data });
  }
}

/** Of the file itself; previews are WebP. */
export const typeToServe = (record: StoredRecord): string => {
  const { inline, type } = memoryOf(record);
  return inline || type === "application/pdf" || type.startsWith("text/") ? type : "application/octet-stream";
};
