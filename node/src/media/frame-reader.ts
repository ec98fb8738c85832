/**
 * Cuts a TCP stream into the datagrams that it stands for (RFC 4571 section 2): each has its length before it.
 *
 *   |  length (16 bits)  |  datagram  ...  |  length  |  ...
 */

const PREFIX_BYTES = 2;

export class FrameReader {
  readonly #maxFrameBytes: number;
  /** The beginning of a frame whose rest has not come: shorter than a whole one. */
  #rest: Buffer | undefined = undefined;

  constructor(maxFrameBytes: number) {
    this.#maxFrameBytes = maxFrameBytes;
  }

  /**
   * The datagrams that are complete with this chunk, as views of it where they lie in it as a whole; empty ones are
   * left out. Undefined: a frame is longer than allowed, and the stream is of no more use.
   */
  read(chunk: Buffer): Buffer[] | undefined {
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    const frames: Buffer[] = [];
    let at = 0;
    while (at + PREFIX_BYTES <= bytes.length) {
      const frameBytes = bytes.readUInt16BE(at);
      if (frameBytes > this.#maxFrameBytes) return undefined;
      const end = at + PREFIX_BYTES + frameBytes;
      if (end > bytes.length) break;
      if (frameBytes > 0) frames.push(bytes.subarray(at + PREFIX_BYTES, end));
      at = end;
    }
    // A copy, so that a few bytes do not keep a large chunk alive.
    this.#rest = at === bytes.length ? undefined : Buffer.from(bytes.subarray(at));
    return frames;
  }
}

/** A datagram with its length before it. Throws RangeError when it is longer than 65,535 bytes. */
export function frame(datagram: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(PREFIX_BYTES + datagram.length);
  framed.writeUInt16BE(datagram.length, 0);
  framed.set(datagram, PREFIX_BYTES);
  return framed;
}
