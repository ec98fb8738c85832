// Messages that still have to be told, each a limited number of times, the least told first.
// memberlist queue.go; spec section 4.10.

export interface Broadcast {
  readonly bytes: Uint8Array;
  /** A later broadcast of the same subject replaces this one. Undefined: replaces nothing. */
  readonly subject?: string | undefined;
  /** Called once, when the broadcast was told often enough, was replaced, or had to give way. */
  readonly finished?: (() => void) | undefined;
}

interface Entry extends Broadcast {
  readonly id: number;
  /** Of the bytes: read so often that it is kept at hand. */
  readonly length: number;
  transmits: number;
}

const NONE: readonly Uint8Array[] = Object.freeze([]);

/** retransmitMult * ceil(log10(n + 1)): enough for a rumour to reach everybody with high probability (SWIM section 4.1). */
export function retransmitLimit(retransmitMult: number, memberCount: number): number {
  return retransmitMult * Math.ceil(Math.log10(memberCount + 1));
}

export class BroadcastQueue {
  readonly #maxEntries: number;
  /** By times told; inside a tier shorter first, older first among equals, so that the choice is near the end. */
  readonly #tiers: Entry[][] = [];
  readonly #bySubject = new Map<string, Entry>();
  #size = 0;
  #nextId = 0;

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  get size(): number {
    return this.#size;
  }

  /** At the bound the most told, and of those the oldest, gives way. */
  queue(broadcast: Broadcast): void {
    this.#nextId += 1;
    const { bytes, subject, finished } = broadcast;
    const entry: Entry = { id: this.#nextId, length: bytes.length, transmits: 0, bytes, subject, finished };
    if (entry.subject !== undefined) {
      const replaced = this.#bySubject.get(entry.subject);
      if (replaced !== undefined) this.#finish(replaced);
      this.#bySubject.set(entry.subject, entry);
    }
    this.#insert(entry);
    if (this.#size > this.#maxEntries) this.prune(this.#maxEntries);
  }

  /**
   * What fits into `limitBytes` when each message costs `overheadBytes` more. Every message that is returned counts as
   * told once; one told `transmitLimit` times is dropped. A message appears at most once.
   */
  fetch(overheadBytes: number, limitBytes: number, transmitLimit: number): readonly Uint8Array[] {
    return this.#settle(this.#choose(overheadBytes, limitBytes), { tells: 1, transmitLimit });
  }

  /** The same choice for somebody who most likely hears nothing: it does not count, and nothing is dropped. */
  peek(overheadBytes: number, limitBytes: number): readonly Uint8Array[] {
    return this.#settle(this.#choose(overheadBytes, limitBytes), { tells: 0, transmitLimit: Number.POSITIVE_INFINITY });
  }

  /** Keeps at most `maxEntries`, dropping the most told first and of those the oldest. */
  prune(maxEntries: number): void {
    while (this.#size > maxEntries) {
      const tier = this.#tiers.findLast((entries) => entries.length > 0);
      if (tier === undefined) return;
      this.#finish(tier.reduce((oldest, entry) => (entry.id < oldest.id ? entry : oldest)));
    }
  }

  /** Drops the broadcast about a subject, if any. */
  invalidate(subject: string): void {
    const entry = this.#bySubject.get(subject);
    if (entry !== undefined) this.#finish(entry);
  }

  #choose(overheadBytes: number, limitBytes: number): readonly Entry[] {
    const chosen: Entry[] = [];
    if (this.#size === 0) return chosen;
    let freeBytes = limitBytes - overheadBytes;
    for (const tier of this.#tiers) {
      for (let index = lastFitting(tier, freeBytes); index >= 0; index = lastFitting(tier, freeBytes)) {
        const entry = tier[index] as Entry;
        removeAt(tier, index);
        chosen.push(entry);
        freeBytes -= overheadBytes + entry.length;
      }
    }
    return chosen;
  }

  #settle(
    chosen: readonly Entry[],
    { tells, transmitLimit }: { readonly tells: number; readonly transmitLimit: number },
  ): readonly Uint8Array[] {
    if (chosen.length === 0) return NONE;
    this.#size -= chosen.length;
    const messages: Uint8Array[] = [];
    for (const entry of chosen) messages.push(entry.bytes);
    // Backwards, because the last chosen come first in their next tier: so each goes to its end.
    for (let i = chosen.length - 1; i >= 0; i -= 1) {
      const entry = chosen[i] as Entry;
      entry.transmits += tells;
      if (entry.transmits < transmitLimit) this.#insert(entry);
      else this.#forget(entry);
    }
    return messages;
  }

  #insert(entry: Entry): void {
    while (this.#tiers.length <= entry.transmits) this.#tiers.push([]);
    const tier = this.#tiers[entry.transmits] as Entry[];
    const last = tier[tier.length - 1];
    if (last === undefined || isBefore(last, entry)) tier.push(entry);
    else tier.splice(insertionIndex(tier, entry), 0, entry);
    this.#size += 1;
  }

  #finish(entry: Entry): void {
    const tier = this.#tiers[entry.transmits] as Entry[];
    removeAt(tier, tier.indexOf(entry));
    this.#size -= 1;
    this.#forget(entry);
  }

  #forget(entry: Entry): void {
    if (entry.subject !== undefined && this.#bySubject.get(entry.subject) === entry) {
      this.#bySubject.delete(entry.subject);
    }
    entry.finished?.();
  }
}

function insertionIndex(tier: readonly Entry[], entry: Entry): number {
  let low = 0;
  let high = tier.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isBefore(tier[middle] as Entry, entry)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.length < b.length || (a.length === b.length && a.id < b.id);
}

/** Index of the last entry of at most `freeBytes`, by halving; -1 when there is none. */
function lastFitting(tier: readonly Entry[], freeBytes: number): number {
  const last = tier.length - 1;
  // Nearly always the longest fits, or not even the shortest does.
  if (last < 0 || (tier[0] as Entry).length > freeBytes) return -1;
  if ((tier[last] as Entry).length <= freeBytes) return last;
  let low = 0;
  let high = last;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((tier[middle] as Entry).length <= freeBytes) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function removeAt(tier: Entry[], index: number): void {
  if (index === tier.length - 1) tier.pop();
  else tier.splice(index, 1);
}
