// The compress message: {Algo, Buf}. LZW is the only algorithm there is.

import { orderOf } from "./decode-message.ts";
import { type Inflated, lzwCompress, lzwDecompress } from "./lzw.ts";
import { COMPRESS_LZW, MessageType } from "./message-type.ts";
import { Reader } from "./reader.ts";
import { Writer } from "./writer.ts";

const FIELDS = ["Algo", "Buf"];
const EMPTY: Uint8Array = new Uint8Array(0);
const MAX_ALGORITHM = 255;

export interface CompressBody {
  readonly algorithm: number;
  readonly packed: Uint8Array;
}

export function readCompressBody(reader: Reader): CompressBody {
  let algorithm = 0;
  let packed = EMPTY;
  const count = reader.struct();
  const order = orderOf(reader, FIELDS);
  for (let i = 0; i < count && !reader.isFailed; i += 1) {
    switch (order === undefined ? reader.key() : order[i]) {
      case "Algo":
        algorithm = reader.uint(MAX_ALGORITHM);
        break;
      case "Buf":
        packed = reader.blob();
        break;
      default:
        reader.skip();
    }
  }
  return { algorithm, packed };
}

/** Undoes one compress message, type byte first. An empty result is refused: no message is empty. */
export function readCompressed(bytes: Uint8Array, maxBytes: number): Inflated {
  const reader = new Reader(bytes, 1);
  const body = readCompressBody(reader);
  if (reader.problem !== undefined) return { ok: false, reason: reader.problem };
  return inflate(body, maxBytes);
}

export function inflate(body: CompressBody, maxBytes: number): Inflated {
  if (body.algorithm !== COMPRESS_LZW) return { ok: false, reason: "bad_compression" };
  const inflated = lzwDecompress(body.packed, maxBytes);
  if (inflated.ok && inflated.bytes.length === 0) return { ok: false, reason: "empty" };
  return inflated;
}

/** A compress message, type byte first; longer than the input when that does not compress. */
export function writeCompressed(message: Uint8Array): Uint8Array {
  const packed = lzwCompress(message);
  const out = new Writer("gossip", packed.length + 24);
  out.byte(MessageType.compress);
  out.map(2);
  out.text("Algo");
  out.int(COMPRESS_LZW);
  out.text("Buf");
  out.blob(packed);
  return out.take();
}
