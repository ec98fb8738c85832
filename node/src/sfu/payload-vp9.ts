/**
 * VP9 payload descriptor (RFC 9628 section 4.2).
 *
 *   |I|P|L|F|B|E|V|Z|     I: picture id; P: depends on an earlier picture; L: layer indices; F: flexible; B, E: first,
 *   |M| PICTURE ID  |        last packet of a layer's frame; V: scalability structure; Z: no reference for upper layers
 *   | EXTENDED PID  |     if M
 *   | TID |U| SID |D|     if L; U: switching up to this TID is possible; D: depends on the layer below in this picture
 *   |   TL0PICIDX   |     if L and not F
 *   | P_DIFF      |N| ... if F and P, up to three
 *   | N_S |Y|G|-|-|-|     if V; if Y: N_S + 1 times width (16) and height (16)
 */

/** What the descriptor tells; positions count from the payload's start, 0: absent. */
export interface Vp9Facts {
  startsKeyframe: boolean;
  width: number;
  height: number;
  pictureIdAt: number;
  pictureIdBytes: number;
  pictureId: number;
  tl0PictureIndexAt: number;
  tl0PictureIndex: number;
  isLayered: boolean;
  spatialId: number;
  temporalId: number;
  startsFrame: boolean;
  endsFrame: boolean;
  switchesTemporal: boolean;
  switchesSpatial: boolean;
  /** By spatial layer, 0: not told. */
  readonly spatialWidths: Uint16Array;
  readonly spatialHeights: Uint16Array;
}

const MAX_REFERENCES = 3;

/** False: the descriptor does not fit the payload, or nothing follows it. */
export function readVp9(facts: Vp9Facts, bytes: Uint8Array, start: number, length: number): boolean {
  const flags = bytes[start] as number;
  const end = start + length;
  const predicted = (flags & 0x40) !== 0;
  const flexible = (flags & 0x10) !== 0;
  facts.startsFrame = (flags & 0x08) !== 0;
  facts.endsFrame = (flags & 0x04) !== 0;
  let at = start + 1;
  if ((flags & 0x80) !== 0) at = readPictureId(facts, bytes, { start, at, end });
  if (at > 0 && (flags & 0x20) !== 0) at = readLayers(facts, bytes, { start, at, end, flexible });
  if (at > 0 && flexible && predicted) at = skipReferences(bytes, at, end);
  const first = at > 0 && facts.startsFrame;
  facts.switchesSpatial = first && !predicted;
  facts.switchesTemporal ||= facts.switchesSpatial;
  facts.startsKeyframe = facts.switchesSpatial && facts.spatialId === 0;
  if (at > 0 && (flags & 0x02) !== 0) at = readStructure(facts, bytes, { at, end });
  return at > 0 && at < end;
}

type Position = { readonly at: number; readonly end: number };

/** Returns where the descriptor goes on, 0 when it does not fit; so do the next three. */
function readPictureId(facts: Vp9Facts, bytes: Uint8Array, from: Position & { readonly start: number }): number {
  const { at, end, start } = from;
  if (at >= end) return 0;
  const first = bytes[at] as number;
  const long = first >= 0x80;
  if (long && at + 1 >= end) return 0;
  facts.pictureIdAt = at - start;
  facts.pictureIdBytes = long ? 2 : 1;
  facts.pictureId = long ? ((first & 0x7f) << 8) | (bytes[at + 1] as number) : first & 0x7f;
  return at + facts.pictureIdBytes;
}

function readLayers(
  facts: Vp9Facts,
  bytes: Uint8Array,
  from: Position & { readonly start: number; readonly flexible: boolean },
): number {
  const { at, end, start, flexible } = from;
  if (at >= end) return 0;
  const layers = bytes[at] as number;
  facts.isLayered = true;
  facts.temporalId = layers >> 5;
  facts.switchesTemporal = (layers & 0x10) !== 0 && facts.startsFrame;
  facts.spatialId = (layers >> 1) & 7;
  if (flexible) return at + 1;
  if (at + 1 >= end) return 0;
  facts.tl0PictureIndexAt = at + 1 - start;
  facts.tl0PictureIndex = bytes[at + 1] as number;
  return at + 2;
}

function skipReferences(bytes: Uint8Array, from: number, end: number): number {
  for (let i = 0; i < MAX_REFERENCES; i++) {
    const at = from + i;
    if (at >= end) return 0;
    if (((bytes[at] as number) & 1) === 0) return at + 1;
  }
  // A fourth reference is not allowed.
  return 0;
}

function readStructure(facts: Vp9Facts, bytes: Uint8Array, { at: from, end }: Position): number {
  if (from >= end) return 0;
  const head = bytes[from] as number;
  const layers = (head >> 5) + 1;
  let at = from + 1;
  if ((head & 0x10) !== 0) {
    if (at + layers * 4 > end) return 0;
    facts.spatialWidths.fill(0);
    for (let i = 0; i < layers; i++, at += 4) {
      facts.spatialWidths[i] = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
      facts.spatialHeights[i] = ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number);
    }
    facts.width = facts.spatialWidths[layers - 1] as number;
    facts.height = facts.spatialHeights[layers - 1] as number;
  }
  return (head & 0x08) === 0 ? at : skipPictureGroup(bytes, at, end);
}

/** |N_G|, then N_G times | TID |U| R |-|-| and R times P_DIFF. */
function skipPictureGroup(bytes: Uint8Array, from: number, end: number): number {
  if (from >= end) return 0;
  const pictures = bytes[from] as number;
  let at = from + 1;
  for (let i = 0; i < pictures; i++) {
    if (at >= end) return 0;
    at += 1 + (((bytes[at] as number) >> 2) & 3);
  }
  return at > end ? 0 : at;
}
