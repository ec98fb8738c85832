// Serf tags in the Meta field of a member, and the coordinate in the payload of an ack.

import type { WireDropReason } from "../sink.ts";
import type { Tags } from "../types.ts";
import { orderOf } from "./decode-message.ts";
import { MAX_META_BYTES } from "./limits.ts";
import { PING_PAYLOAD_VERSION, TAGS_MAGIC } from "./message-type.ts";
import type { WireCoordinate } from "./messages.ts";
import { Reader } from "./reader.ts";
import { decodeUtf8Lossy, encodeUtf8 } from "./utf8.ts";
import { Writer } from "./writer.ts";

/** Serf's protocol from which on members have more tags than `role`. */
const PROTOCOL_WITH_TAGS = 3;

/**
 * 0xff and the map, keys sorted so that equal tags are equal bytes, or the bare `role` where older protocols are spoken;
 * undefined when longer than the 512 bytes of the format.
 */
export function encodeTags(tags: Tags, serfProtocol = PROTOCOL_WITH_TAGS): Uint8Array | undefined {
  const bytes = serfProtocol < PROTOCOL_WITH_TAGS ? encodeUtf8(tags["role"] ?? "") : encodeTagMap(tags);
  return bytes.length <= MAX_META_BYTES ? bytes : undefined;
}

function encodeTagMap(tags: Tags): Uint8Array {
  const names = Object.keys(tags).sort();
  const out = new Writer();
  out.byte(TAGS_MAGIC);
  out.map(names.length);
  for (const name of names) {
    out.text(name);
    out.text(tags[name] ?? "");
  }
  return out.take();
}

/**
 * Tags of any Meta. Without the magic byte it is the text of the tag `role` (Serf protocol 2). What cannot be read as a
 * map gives the tags before the problem, because a member without tags is better than no member.
 */
export function decodeTags(meta: Uint8Array): Tags {
  if (meta[0] !== TAGS_MAGIC) return { role: decodeUtf8Lossy(meta) };
  const reader = new Reader(meta, 1);
  const entries: [string, string][] = [];
  const count = reader.map();
  for (let i = 0; i < count && !reader.isFailed; i += 1) {
    const name = decodeUtf8Lossy(reader.blob());
    const value = decodeUtf8Lossy(reader.blob());
    if (!reader.isFailed) entries.push([name, value]);
  }
  // fromEntries defines own properties, so that a tag named __proto__ is only a tag.
  return Object.fromEntries(entries);
}

/** Payload version 1 and the map; 130 bytes with eight dimensions. */
export function encodeCoordinatePayload(coordinate: WireCoordinate): Uint8Array {
  const out = new Writer();
  out.byte(PING_PAYLOAD_VERSION);
  writeCoordinate(out, coordinate);
  return out.take();
}

function writeCoordinate(out: Writer, coordinate: WireCoordinate): void {
  out.map(4);
  out.text("Adjustment");
  out.float(coordinate.adjustment);
  out.text("Error");
  out.float(coordinate.error);
  out.text("Height");
  out.float(coordinate.height);
  out.text("Vec");
  out.list(coordinate.vec.length);
  for (const component of coordinate.vec) out.float(component);
}

const COORDINATE_FIELDS = ["Vec", "Error", "Adjustment", "Height"];
/** The reference has eight; more could only be an attack on memory. */
const MAX_DIMENSIONS = 64;

export type DecodedCoordinate =
  | { readonly ok: true; readonly coordinate: WireCoordinate }
  | { readonly ok: false; readonly reason: WireDropReason };

/** The payload of an ack. Whether the numbers make sense (finite, eight dimensions) is the caller's to judge. */
export function decodeCoordinatePayload(payload: Uint8Array): DecodedCoordinate {
  if (payload.length === 0) return { ok: false, reason: "empty" };
  if (payload[0] !== PING_PAYLOAD_VERSION) return { ok: false, reason: "unknown_type" };
  const reader = new Reader(payload, 1);
  let vec: number[] = [];
  let error = 0;
  let adjustment = 0;
  let height = 0;
  const count = reader.struct();
  const order = orderOf(reader, COORDINATE_FIELDS);
  for (let i = 0; i < count && !reader.isFailed; i += 1) {
    switch (order === undefined ? reader.key() : order[i]) {
      case "Vec":
        vec = readVector(reader);
        break;
      case "Error":
        error = reader.float();
        break;
      case "Adjustment":
        adjustment = reader.float();
        break;
      case "Height":
        height = reader.float();
        break;
      default:
        reader.skip();
    }
  }
  if (reader.problem !== undefined) return { ok: false, reason: reader.problem };
  return { ok: true, coordinate: { vec, error, adjustment, height } };
}

function readVector(reader: Reader): number[] {
  const count = reader.list();
  if (count > MAX_DIMENSIONS) reader.fail("too_many");
  const vec: number[] = [];
  for (let i = 0; i < count && !reader.isFailed; i += 1) vec.push(reader.float());
  return vec;
}
