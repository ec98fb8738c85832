/**
 * What an exported room is: a ZIP of these entries. JSON lines are one object each. Later versions may add entries and
 * fields; readers pass over what they do not know.
 *
 *     room.json            ExportedRoom
 *     messages.ndjson      ExportedMessage, ascending by id
 *     revisions.ndjson     ExportedRevision: earlier texts of messages, ascending by message, then by age
 *     happenings.ndjson    ExportedHappening
 *     expenses.ndjson      ExportedExpense
 *     files.ndjson         ExportedFile: what is known of the files
 *     files/<id>/<name>    their bytes
 */
import type { Expense, FileInfo, Happening, Role } from "#protocol";
import type { MessageRecord } from "../store/archive.ts";

export const FORMAT = "hearsay-room";
export const FORMAT_VERSION = 1;

export interface ExportedRoom {
  readonly format: typeof FORMAT;
  readonly version: number;
  readonly exportedAtMs: number;
  readonly room: {
    readonly slug: string;
    readonly title: string;
    readonly description?: string;
    readonly access: "open" | "invite";
    readonly capacity: number;
    readonly createdAtMs: number;
  };
  readonly members: readonly {
    readonly userId: string;
    readonly displayName: string;
    readonly handle?: string;
    readonly role: Role;
  }[];
}
export type ExportedMessage = Omit<MessageRecord, "roomId" | "clientId" | "changeId">;
export interface ExportedRevision {
  readonly messageId: string;
  readonly text: string;
  readonly writtenAtMs: number;
}
export type ExportedHappening = Omit<Happening, "version">;
export type ExportedExpense = Expense;
export type ExportedFile = FileInfo;

export const ENTRIES = {
  room: "room.json",
  messages: "messages.ndjson",
  revisions: "revisions.ndjson",
  happenings: "happenings.ndjson",
  expenses: "expenses.ndjson",
  files: "files.ndjson",
} as const;

export const filePath = (fileId: string, name: string): string => `files/${fileId}/${name}`;

/** The id in a path that filePath() made. */
export const fileIdIn = (path: string): string | undefined =>
  /^files\/([0-9A-HJKMNP-TV-Z]{26})\/[^/]+$/.exec(path)?.[1];
