/**
 * H.264 payloads (RFC 6184 section 5.2): single NAL units (types 1 to 23), STAP-A (24), FU-A (28).
 *
 *   |F|NRI|  Type   |          STAP-A: then |size (16)| NAL |...    FU-A: then |S|E|R|  Type   | fragment
 *
 * A keyframe begins with its sequence parameter set, which carries the size; a picture that starts without one could not be
 * decoded by somebody who joins there. Temporal layers are not told by the payload.
 */
import { BitReader } from "./bit-reader.ts";

const SEQUENCE_PARAMETERS = 7;
const STAP_A = 24;
const FU_A = 28;
/** Units looked at in one aggregate; parameter sets come first. */
const MAX_UNITS = 8;
/** Profiles with chroma format and scaling lists (H.264 section 7.3.2.1.1). */
const HIGH_PROFILES = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);
const MAX_SIDE = 16_384;

export interface H264Facts {
  startsKeyframe: boolean;
  width: number;
  height: number;
}

const reader = new BitReader();

/** False: no NAL unit of a kind that may stand in a packet. */
export function readH264(facts: H264Facts, bytes: Uint8Array, start: number, length: number): boolean {
  const type = (bytes[start] as number) & 0x1f;
  if (type >= 1 && type <= 23) {
    if (type === SEQUENCE_PARAMETERS) readParameters(facts, bytes, start + 1, length - 1);
    return true;
  }
  if (type === FU_A) return length >= 2;
  return type === STAP_A && readAggregate(facts, bytes, start, length);
}

function readAggregate(facts: H264Facts, bytes: Uint8Array, start: number, length: number): boolean {
  const end = start + length;
  let at = start + 1;
  for (let i = 0; i < MAX_UNITS && at < end; i++) {
    if (at + 3 > end) return false;
    const size = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
    if (size === 0 || at + 2 + size > end) return false;
    if (((bytes[at + 2] as number) & 0x1f) === SEQUENCE_PARAMETERS) readParameters(facts, bytes, at + 3, size - 1);
    at += 2 + size;
  }
  return true;
}

/** Size from a sequence parameter set (H.264 section 7.3.2.1.1); cropping is left aside. What cannot be read leaves 0. */
function readParameters(facts: H264Facts, bytes: Uint8Array, start: number, length: number): void {
  facts.startsKeyframe = true;
  const bits = reader.open(bytes, start, length);
  const profile = bits.bits(8);
  bits.bits(16);
  bits.exponentialGolomb();
  // Scaling lists are of no use in calls; a size that cannot be told is assumed by the layer selector.
  if (HIGH_PROFILES.has(profile) && !skipHighProfile(bits)) return;
  bits.exponentialGolomb();
  const order = bits.exponentialGolomb();
  if (order === 0) bits.exponentialGolomb();
  else if (order !== 2) return;
  bits.exponentialGolomb();
  bits.bit();
  const width = (bits.exponentialGolomb() + 1) * 16;
  const rows = (bits.exponentialGolomb() + 1) * 16;
  const height = bits.bit() === 1 ? rows : rows * 2;
  if (bits.overrun || width > MAX_SIDE || height > MAX_SIDE) return;
  facts.width = width;
  facts.height = height;
}

function skipHighProfile(bits: BitReader): boolean {
  if (bits.exponentialGolomb() === 3) bits.bit();
  bits.exponentialGolomb();
  bits.exponentialGolomb();
  bits.bit();
  return bits.bit() === 0;
}
