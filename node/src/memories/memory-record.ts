/** A file of a room as the archive keeps it. */
import type { FileInfo } from "#protocol";
import type { NewRecord, StoredRecord } from "../store/records.ts";

/** The record's id is the file's and its content's; its owner is the room; its weight the bytes of both contents. */
export interface MemoryValue extends Omit<FileInfo, "fileId" | "hasPreview"> {
  /** A browser may show it by itself. */
  readonly inline: boolean;
  readonly previewBytes?: number;
}

/** Apart from files' contents, so that no file of a room can be had by a picture's address. */
export const squareIdOf = (pictureId: string): string => `${pictureId}-s`;
export const previewIdOf = (fileId: string): string => `${fileId}-p`;

export function memoryRecord(roomId: string, fileId: string, value: MemoryValue): NewRecord {
  return { kind: "memory", id: fileId, owner: roomId, weight: value.bytes + (value.previewBytes ?? 0), value };
}

export function memoryOf(record: StoredRecord): MemoryValue {
  return record.value as MemoryValue;
}

/** What is told of a file. */
export interface ToldFile extends FileInfo {
  /** Written anew from its pixels: it tells no place. Anything else is kept as it came, with whatever it tells. */
  readonly cleaned: boolean;
}

export function fileInfoOf(record: StoredRecord): ToldFile {
  const { inline: _, previewBytes, ...shown } = memoryOf(record);
  // Every picture is written anew or refused (sniff.ts).
  const cleaned = shown.type.startsWith("image/");
  return { fileId: record.id, ...shown, hasPreview: previewBytes !== undefined, cleaned };
}
