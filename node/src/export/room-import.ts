/**
 * Reads an exported room into an empty one. Nothing in it is believed: every line is checked as a request would be, files go
 * the way of uploads, and whoever said or owed something is nobody here: names stay, under ids that no account can have.
 * Whose handle exists here is made a member again.
 */
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ClassConstructor } from "class-transformer";
import { ulid } from "ulid";
import { owedOf } from "../bills/shares.ts";
import type { Happenings } from "../happenings/happenings.ts";
import { HappeningDto } from "../http/happenings.dto.ts";
import * as dto from "../http/import.dto.ts";
import type { IncomingFile } from "../http/incoming-file.ts";
import { ApiError } from "../http/problems.ts";
import { parseDto } from "../http/validate.dto.ts";
import { withTempFolder } from "../keeping/temp-folders.ts";
import type { Memories } from "../memories/memories.ts";
import type { Clock } from "../mesh/clock.ts";
import type { Archive, RoomRecord, UserRecord } from "../store/archive.ts";
import { foreign } from "./foreign.ts";
import { ENTRIES, FORMAT, FORMAT_VERSION, fileIdIn } from "./format.ts";
import { linesOf } from "./lines.ts";
import { MessageImport } from "./message-import.ts";
import { ZipReader } from "./zip-reader.ts";

export interface RoomImportParts {
  readonly archive: Archive;
  readonly memories: Memories;
  readonly happenings: Happenings;
  readonly clock: Clock;
  /** Where the ZIP lies while it is read; its directory is at its end. */
  readonly tempDir: string;
  readonly maxBytes: number;
}

export interface Imported {
  readonly messages: number;
  readonly files: number;
  readonly happenings: number;
  readonly expenses: number;
}

const MAX_ENTRIES = 6_000;
const MAX_MESSAGES = 1_000_000;
const MAX_RECORDS = 5_000;
/** Looked for by their handles; further ones come by invites. */
const MAX_MEMBERS = 1_000;

/** The room must be empty. Throws ApiError bad_import, too_large, changed_meanwhile; the room may hold a part of it then. */
export async function importRoom(
  parts: RoomImportParts,
  to: { readonly room: RoomRecord; readonly user: UserRecord },
  file: IncomingFile,
): Promise<Imported> {
  await assertEmpty(parts.archive, to.room.id);
  return await withTempFolder(parts.tempDir, async (folder) => {
    const path = join(folder, "room.zip");
    await pipeline(Readable.from(file.read(parts.maxBytes)), createWriteStream(path, { mode: 0o600 }));
    const zip = await ZipReader.open(path, { maxEntries: MAX_ENTRIES, maxBytes: parts.maxBytes });
    try {
      return await new Import(parts, to, zip).run();
    } finally {
      zip.close();
    }
  });
}

async function assertEmpty(archive: Archive, roomId: string): Promise<void> {
  const kinds = ["memory", "happening", "expense"] as const;
  const kept = await Promise.all(kinds.map((kind) => archive.records.weigh(kind, roomId)));
  if ((await archive.newestMessageId(roomId)) !== undefined || kept.some(({ count }) => count > 0))
    throw new ApiError("changed_meanwhile", { detail: "a room is imported into an empty one" });
}

class Import {
  readonly #parts: RoomImportParts;
  readonly #roomId: string;
  readonly #user: UserRecord;
  readonly #zip: ZipReader;

  constructor(parts: RoomImportParts, to: { readonly room: RoomRecord; readonly user: UserRecord }, zip: ZipReader) {
    this.#parts = parts;
    this.#roomId = to.room.id;
    this.#user = to.user;
    this.#zip = zip;
  }

  async run(): Promise<Imported> {
    const members = await this.#checkHead();
    const { archive, clock } = this.#parts;
    const revisions = this.#revisions();
    const texts = new MessageImport({ archive, clock, roomId: this.#roomId, revisions });
    for (const member of members) await this.#member(member);
    return {
      messages: await this.#each(ENTRIES.messages, { dto: dto.ImportedMessageDto, limit: MAX_MESSAGES }, (line) =>
        texts.add(line),
      ),
      happenings: await this.#each(ENTRIES.happenings, { dto: dto.ImportedHappeningDto, limit: MAX_RECORDS }, (line) =>
        this.#happening(line),
      ),
      expenses: await this.#each(ENTRIES.expenses, { dto: dto.ImportedExpenseDto, limit: MAX_RECORDS }, (line) =>
        this.#expense(line),
      ),
      files: await this.#files(),
    };
  }

  /** Before anything is written. Answers the members that have a handle. */
  async #checkHead(): Promise<readonly dto.ImportedMemberDto[]> {
    for await (const head of linesOf(this.#zip.read(ENTRIES.room), { whole: true })) {
      const { format, version, members } = head as Readonly<Record<string, unknown>>;
      if (format !== FORMAT || typeof version !== "number" || version > FORMAT_VERSION) continue;
      const named = (Array.isArray(members) ? members : []).filter((member: unknown) => hasHandle(member));
      return named.slice(0, MAX_MEMBERS).map((member) => checked(dto.ImportedMemberDto, member, ENTRIES.room));
    }
    throw new ApiError("bad_import", { detail: `its ${ENTRIES.room} is not of this format` });
  }

  async #each<Line extends object>(
    path: string,
    { dto, limit }: { readonly dto: ClassConstructor<Line>; readonly limit: number },
    keep: (line: Line) => Promise<void>,
  ): Promise<number> {
    let count = 0;
    if (!this.#zip.has(path)) return count;
    for await (const line of linesOf(this.#zip.read(path), { whole: false })) {
      count += 1;
      if (count > limit) throw new ApiError("too_large", { detail: `${path} has more than ${limit} lines` });
      await keep(checked(dto, line, `${path}, line ${count}`));
    }
    return count;
  }

  /** Whoever has that handle here, as a plain member: on another mesh it may have been another person's. Guests stay outside. */
  async #member({ handle, role }: dto.ImportedMemberDto): Promise<void> {
    const { archive, clock } = this.#parts;
    const user = role === "guest" ? undefined : await archive.findUserByHandle(handle);
    if (user === undefined || user.deletedAtMs !== undefined) return;
    await archive.addMember({ roomId: this.#roomId, userId: user.id, role: "member", addedAtMs: clock.wallMs() });
  }

  async *#revisions(): AsyncGenerator<dto.ImportedRevisionDto> {
    const path = ENTRIES.revisions;
    if (!this.#zip.has(path)) return;
    for await (const line of linesOf(this.#zip.read(path), { whole: false }))
      yield checked(dto.ImportedRevisionDto, line, path);
  }

  async #happening({ answers = [], ...line }: dto.ImportedHappeningDto): Promise<void> {
    const { title, text, place, startsAt, endsAt, timeZone, remindMinutes } = line;
    const wanted = { title, text, place, startsAt, endsAt, timeZone, remindMinutes };
    const input = checked(HappeningDto, withoutHoles(wanted), ENTRIES.happenings);
    const { happeningId } = await this.#parts.happenings.add(this.#roomId, this.#user, { ...input });
    for (const { userId, displayName, reply } of answers) {
      const order = foreign(userId);
      const key = { kind: "answer", id: `${happeningId}.${order}`, owner: happeningId, order } as const;
      await this.#parts.archive.records.add({ ...key, value: { displayName, reply } });
    }
  }

  async #expense(line: dto.ImportedExpenseDto): Promise<void> {
    const { title, amountMinor, currency, split, settlement = false, createdAtMs } = line;
    const shares = line.shares.map((share) => ({ ...share, userId: foreign(share.userId) }));
    const shared = owedOf({ amountMinor, split, shares });
    if ("fault" in shared) throw new ApiError("bad_import", { detail: `an expense does not add up (${shared.fault})` });
    const value = { title, amountMinor, currency, split, settlement, createdAtMs, shares, owed: shared.owed };
    const payer = { payerId: foreign(line.payerId), createdBy: this.#user.id };
    const id = ulid(this.#parts.clock.wallMs());
    await this.#parts.archive.records.add({ kind: "expense", id, owner: this.#roomId, value: { ...value, ...payer } });
  }

  async #files(): Promise<number> {
    const about = new Map<string, dto.ImportedFileDto>();
    await this.#each(ENTRIES.files, { dto: dto.ImportedFileDto, limit: MAX_RECORDS }, async (line) => {
      about.set(line.fileId, line);
    });
    let count = 0;
    for (const { path, bytes } of this.#zip.entries()) {
      const known = about.get(fileIdIn(path) ?? "");
      if (known === undefined) continue;
      const incoming: IncomingFile = { name: known.name, read: (maxBytes) => bounded(this.#zip.read(path), maxBytes) };
      const { uploaderId, uploaderName, createdAtMs, caption } = known;
      const by = { id: foreign(uploaderId), displayName: uploaderName };
      await this.#parts.memories.add(this.#roomId, by, incoming, {
        caption,
        declaredBytes: bytes,
        importedAtMs: createdAtMs,
      });
      count += 1;
    }
    return count;
  }
}

async function* bounded(source: AsyncIterable<Buffer>, maxBytes: number): AsyncIterable<Buffer> {
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new ApiError("too_large", { detail: `a file has more than ${maxBytes} bytes` });
    yield chunk;
  }
}

function checked<T extends object>(dto: ClassConstructor<T>, line: unknown, where: string): T {
  const parsed = parseDto(dto, line);
  if (parsed.ok) return parsed.value;
  const [fault] = parsed.errors;
  throw new ApiError("bad_import", { detail: `${where}: ${fault?.path ?? ""} ${fault?.message ?? ""}`.slice(0, 300) });
}

const withoutHoles = (fields: object): object =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

const hasHandle = (member: unknown): boolean =>
  typeof member === "object" && member !== null && "handle" in member && typeof member.handle === "string";
