/** 16-bit sequence numbers and the unwrapped ("extended") ones they stand for. */

/** Steps from `from` forward to `to`, negative when `to` is older: -32,768 to 32,767. */
export function seqDistance(from: number, to: number): number {
  const ahead = (to - from) & 0xffff;
  return ahead >= 0x8000 ? ahead - 0x10000 : ahead;
}

/** The extended number nearest to `near` whose low 16 bits are `seq`. */
export function extendSeq(seq: number, near: number): number {
  return near + seqDistance(near & 0xffff, seq);
}

/** Steps between two 32-bit RTP timestamps, negative when `to` is older. */
export function timestampDistance(from: number, to: number): number {
  return (to - from) | 0;
}

/**
 * Unwraps one stream. The first number counts from one cycle up, so that older packets that come late still have a
 * positive number.
 */
export class SequenceUnwrapper {
  /** Largest extended number so far, -1 before the first. */
  highest = -1;

  /** Extends without remembering; -1 before the first packet has no neighbour. */
  peek(seq: number): number {
    return this.highest < 0 ? seq + 0x10000 : extendSeq(seq, this.highest);
  }

  unwrap(seq: number): number {
    const extended = this.peek(seq);
    if (extended > this.highest) this.highest = extended;
    return extended;
  }
}
