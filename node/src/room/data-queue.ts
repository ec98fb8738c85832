/**
 * Reliable data messages that wait for one other node: sent in order, many in one request, one request at a time; bounded.
 * Pure: answers what to send next. Rules: SPEC.md [P94], [P95].
 */
export interface DataItem {
  readonly roomId: string;
  /** The participant who sent it. */
  readonly from: string;
  /** Counts on the sending node, over all rooms. */
  readonly seq: number;
  /** As the sender sent it, in base64. */
  readonly data: string;
}

export const MAX_QUEUED_ITEMS = 512;
export const MAX_QUEUED_CHARS = 1_048_576;
/**
 * Of one batch. With one batch under way at a time these bound what reaches a far node: at a round trip of 160 ms five clients
 * at their full rate (test/rooms/data-limits.sim.test.ts). Where nothing waits, a batch is one message.
 */
export const MAX_BATCH_ITEMS = 256;
export const MAX_BATCH_CHARS = 262_144;

export class DataQueue {
  #items: DataItem[] = [];
  #chars = 0;
  #isBusy = false;

  get size(): number {
    return this.#items.length;
  }

  /** False when the node takes its messages too slowly: the message is not sent. */
  add(item: DataItem): boolean {
    if (this.#items.length >= MAX_QUEUED_ITEMS || this.#chars + item.data.length > MAX_QUEUED_CHARS) return false;
    this.#items.push(item);
    this.#chars += item.data.length;
    return true;
  }

  /** The next batch, in order, at least one item; undefined while one is under way or nothing waits. */
  take(): readonly DataItem[] | undefined {
    if (this.#isBusy || this.#items.length === 0) return undefined;
    let chars = 0;
    let count = 0;
    for (const item of this.#items) {
      chars += item.data.length;
      if (count >= MAX_BATCH_ITEMS || (count > 0 && chars > MAX_BATCH_CHARS)) break;
      count += 1;
    }
    const batch = this.#items.splice(0, count);
    for (const item of batch) this.#chars -= item.data.length;
    this.#isBusy = true;
    return batch;
  }

  /** The batch arrived, or was given up. */
  done(): void {
    this.#isBusy = false;
  }
}
