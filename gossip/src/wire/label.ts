// The label of newer memberlists: 0xf4 | n | n bytes, once in front of a packet or a dialled stream, never encrypted but
// authenticated. A stock Serf agent has none and drops what has one.

import type { WireDropReason } from "../sink.ts";
import { MessageType } from "./message-type.ts";
import { encodeUtf8 } from "./utf8.ts";

const NO_LABEL = { ok: true, length: 0 } as const;

/** Bytes of the header for this label. */
export const labelBytes = (label: string): number => 2 + encodeUtf8(label).length;

/** The header (label of 1..255 bytes) and the bytes after it. */
export function writeLabel(label: string, bytes: Uint8Array): Uint8Array {
  const text = encodeUtf8(label);
  const labelled = new Uint8Array(2 + text.length + bytes.length);
  labelled[0] = MessageType.hasLabel;
  labelled[1] = text.length;
  labelled.set(text, 2);
  labelled.set(bytes, 2 + text.length);
  return labelled;
}

/** How many bytes the header takes (0 without a label), or that it is not the one expected. */
export function readLabel(
  bytes: Uint8Array,
  expected: string | undefined,
): { readonly ok: true; readonly length: number } | { readonly ok: false; readonly reason: WireDropReason } {
  if (bytes.length === 0) return { ok: false, reason: "empty" };
  if (bytes[0] !== MessageType.hasLabel) return expected === undefined ? NO_LABEL : { ok: false, reason: "bad_label" };
  if (expected === undefined) return { ok: false, reason: "bad_label" };
  const header = writeLabel(expected, new Uint8Array(0));
  const matches = header.every((byte, index) => byte === bytes[index]);
  return matches ? { ok: true, length: header.length } : { ok: false, reason: "bad_label" };
}
