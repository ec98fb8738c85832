/** Writes a room as a ZIP, piece by piece: never more of it is in memory than a page of records and a chunk of a file. */
import { Readable } from "node:stream";
import { ZipFile } from "yazl";
import type { Happenings } from "../happenings/happenings.ts";
import { fileInfoOf } from "../memories/memory-record.ts";
import type { Clock } from "../mesh/clock.ts";
import { type Archive, MAX_PAGE, type RoomRecord } from "../store/archive.ts";
import type { RecordKind, StoredRecord } from "../store/records.ts";
import { ENTRIES, type ExportedRoom, FORMAT, FORMAT_VERSION, filePath } from "./format.ts";

export interface RoomExportParts {
  readonly archive: Archive;
  readonly happenings: Happenings;
  readonly clock: Clock;
}

/** Pages are read from the front; "-" sorts before all ids. */
const FIRST = "-";

/**
 * A stream that ends badly when something could not be read: then the ZIP lacks its end and no program takes it for whole.
 * What changes meanwhile may be in it or not.
 */
export async function exportRoom(parts: RoomExportParts, room: RoomRecord): Promise<Readable> {
  const { archive } = parts;
  const head = JSON.stringify(await headOf(parts, room), undefined, 2);
  const files: StoredRecord[] = [];
  for await (const record of recordsOf(archive, "memory", room.id)) files.push(record);

  const zip = new ZipFile();
  const output = Readable.from(zip.outputStream, { objectMode: false });
  let entry: Readable | undefined;
  zip.on("error", (error: Error) => output.destroy(error));
  // Who reads hears of it by reading; nobody reading yet must not end the process.
  output.on("error", () => undefined).once("close", () => entry?.destroy());
  const add = (path: string, options: { readonly compress: boolean }, make: () => Promise<Readable>): void =>
    zip.addReadStreamLazy(path, options, (use) => {
      make().then(
        // An error of the source must end the whole, not only this entry.
        (stream) => {
          entry = stream.on("error", (error) => output.destroy(error));
          use(null, stream);
        },
        (error: unknown) => output.destroy(asError(error)),
      );
    });
  const lines = (path: string, source: () => AsyncIterable<object>): void =>
    add(path, { compress: true }, async () => Readable.from(textOf(source()), { objectMode: false }));

  zip.addBuffer(Buffer.from(head), ENTRIES.room);
  lines(ENTRIES.messages, () => messagesOf(archive, room.id));
  lines(ENTRIES.revisions, () => revisionsOf(archive, room.id));
  lines(ENTRIES.happenings, () => happeningsOf(parts, room.id));
  lines(ENTRIES.expenses, () => expensesOf(archive, room.id));
  lines(ENTRIES.files, () => Readable.from(files.map(fileInfoOf)));
  for (const file of files)
    add(filePath(file.id, fileInfoOf(file).name), { compress: false }, () => bytesOf(archive, file.id));
  zip.end();
  return output;
}

async function headOf({ archive, clock }: RoomExportParts, room: RoomRecord): Promise<ExportedRoom> {
  const members: ExportedRoom["members"][number][] = [];
  for (let after: string | undefined; ; ) {
    const page = await archive.listMembers(room.id, { limit: MAX_PAGE, ...(after === undefined ? {} : { after }) });
    const users = new Map((await archive.getUsers(page.map(({ userId }) => userId))).map((user) => [user.id, user]));
    for (const { userId, role } of page) {
      const user = users.get(userId);
      const handle = user?.handle === undefined || user.handle === null ? {} : { handle: user.handle };
      members.push({ userId, role, displayName: user?.displayName ?? "", ...handle });
    }
    after = page.at(-1)?.userId;
    if (page.length < MAX_PAGE) break;
  }
  const { slug, title, description, access, capacity, createdAtMs } = room;
  const told = description === undefined ? {} : { description };
  return {
    format: FORMAT,
    version: FORMAT_VERSION,
    exportedAtMs: clock.wallMs(),
    room: { slug, title, ...told, access, capacity, createdAtMs },
    members,
  };
}

async function* messagesOf(archive: Archive, roomId: string): AsyncIterable<object> {
  for (let after = FIRST; ; ) {
    const { messages, more } = await archive.listMessages(roomId, { after, limit: MAX_PAGE });
    for (const { roomId: _, clientId: __, changeId: ___, ...message } of messages) yield message;
    after = messages.at(-1)?.id ?? after;
    if (!more) return;
  }
}

async function* revisionsOf(archive: Archive, roomId: string): AsyncIterable<object> {
  for await (const { order, value } of recordsOf(archive, "revision", roomId))
    yield { messageId: order.split("/")[0], ...value };
}

async function* happeningsOf({ archive, happenings }: RoomExportParts, roomId: string): AsyncIterable<object> {
  for await (const record of recordsOf(archive, "happening", roomId)) {
    const { version: _, ...happening } = await happenings.info(record);
    yield happening;
  }
}

async function* expensesOf(archive: Archive, roomId: string): AsyncIterable<object> {
  for await (const { id, value } of recordsOf(archive, "expense", roomId)) yield { expenseId: id, ...value };
}

async function* recordsOf(archive: Archive, kind: RecordKind, owner: string): AsyncIterable<StoredRecord> {
  for (let after = FIRST; ; ) {
    const page = await archive.records.list({ kind, owner, after, limit: MAX_PAGE });
    yield* page;
    after = page.at(-1)?.order ?? after;
    if (page.length < MAX_PAGE) return;
  }
}

async function* textOf(objects: AsyncIterable<object>): AsyncIterable<Buffer> {
  for await (const each of objects) yield Buffer.from(`${JSON.stringify(each)}\n`);
}

/** A file that was removed meanwhile is empty in the export. */
async function bytesOf(archive: Archive, fileId: string): Promise<Readable> {
  return (await archive.contents.read(fileId))?.stream ?? Readable.from([], { objectMode: false });
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));
