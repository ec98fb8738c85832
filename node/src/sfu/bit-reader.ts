/** Bits of a bounded piece of a packet, most significant first. Reading past the end gives zeros and is remembered. */
export class BitReader {
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;
  /** More was read than there is. */
  overrun = false;

  open(bytes: Uint8Array, start: number, length: number): this {
    this.#bytes = bytes;
    this.#at = start * 8;
    this.#end = (start + length) * 8;
    this.overrun = false;
    return this;
  }

  /** Bits read so far, counted from the start of `bytes`. */
  get position(): number {
    return this.#at;
  }

  get bitsLeft(): number {
    return this.#end - this.#at;
  }

  bit(): number {
    if (this.#at >= this.#end) {
      this.overrun = true;
      return 0;
    }
    const at = this.#at++;
    return ((this.#bytes[at >> 3] as number) >> (7 - (at & 7))) & 1;
  }

  /** Up to 31 bits. */
  bits(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++) value = (value << 1) | this.bit();
    return value;
  }

  /** ns(n) of the AV1 specification, section 4.10.7: a value below `limit` in as few bits as it takes. */
  nonSymmetric(limit: number): number {
    let width = 0;
    for (let rest = limit; rest !== 0; rest >>= 1) width++;
    const short = (1 << width) - limit;
    const value = this.bits(width - 1);
    return value < short ? value : (value << 1) - short + this.bit();
  }

  /** ue(v) of H.264, section 9.1; more than 24 leading zeros are no number that we know. */
  exponentialGolomb(): number {
    let zeros = 0;
    while (this.bit() === 0) {
      if (this.overrun || ++zeros > 24) {
        this.overrun = true;
        return 0;
      }
    }
    return (1 << zeros) - 1 + this.bits(zeros);
  }
}
