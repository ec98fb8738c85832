/** Redundant audio made to order, straight from RFC 2198. */

/** `copies`, oldest first: their age in ticks and their bytes. */
export function redPayload(
  blockPayloadType: number,
  primary: Uint8Array,
  copies: readonly { readonly age: number; readonly bytes: Uint8Array }[] = [],
): Buffer {
  const headers = copies.map(({ age, bytes }) => {
    const header = Buffer.alloc(4);
    header.writeUInt32BE(((0x80 | blockPayloadType) << 24) >>> 0);
    header.writeUIntBE((age << 10) | bytes.length, 1, 3);
    return header;
  });
  return Buffer.concat([...headers, Buffer.from([blockPayloadType]), ...copies.map(({ bytes }) => bytes), primary]);
}

/** Block payload types and blocks, oldest first; throws for what is none. */
export function redBlocksOf(payload: Buffer): { payloadType: number; age: number; bytes: Buffer }[] {
  const heads: { payloadType: number; age: number; length: number }[] = [];
  let at = 0;
  for (; payload[at]! >= 0x80; at += 4) {
    const rest = payload.readUIntBE(at + 1, 3);
    heads.push({ payloadType: payload[at]! & 127, age: rest >> 10, length: rest & 1023 });
  }
  const primary = payload[at++]!;
  const blocks = heads.map(({ payloadType, age, length }) => {
    const bytes = payload.subarray(at, at + length);
    at += length;
    return { payloadType, age, bytes };
  });
  return [...blocks, { payloadType: primary, age: 0, bytes: payload.subarray(at) }];
}
