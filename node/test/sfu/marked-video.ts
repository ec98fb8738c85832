/** VP8 with temporal layers whose bodies say which layer, picture and part they are. */

/** What a packet's body says of itself. */
export interface Mark {
  readonly layer: number;
  readonly frame: number;
  readonly part: number;
  readonly parts: number;
  readonly temporalId: number;
  readonly keyframe: boolean;
}

export function markOf(payload: Buffer): Mark {
  const at = payload.indexOf('{"layer"');
  return JSON.parse(payload.subarray(at, payload.indexOf("}", at) + 1).toString()) as Mark;
}

export function videoPayload(
  mark: Mark,
  picture: { pictureId: number; tl0: number; sync: boolean; width: number },
  size: number,
) {
  const { part, keyframe, temporalId } = mark;
  const descriptor = Buffer.from([
    part === 0 ? 0x90 : 0x80,
    0xf0,
    0x80 | (picture.pictureId >> 8),
    picture.pictureId & 255,
    picture.tl0,
    (temporalId << 6) | (picture.sync ? 0x20 : 0),
  ]);
  const height = (picture.width * 9) / 16;
  const head = Buffer.from([keyframe ? 0 : 1, 0, 0, 0x9d, 1, 0x2a, 0, 0, 0, 0]);
  head.writeUInt16LE(picture.width, 6);
  head.writeUInt16LE(height, 8);
  const body = Buffer.alloc(Math.max(100, size));
  body.write(JSON.stringify(mark), 0);
  return Buffer.concat([descriptor, head, body]);
}
