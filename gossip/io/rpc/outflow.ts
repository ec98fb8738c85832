// What waits for a client that reads slowly. Answers are written at once, because no further request is read meanwhile;
// records of streams wait here, so many of each stream, and the newest are lost beyond that: the reference's buffer
// (serf ipc_event_stream.go) does the same.

import type { Seq } from "./command.ts";

/** Records of one stream that wait. */
export const MAX_WAITING_RECORDS = 512;
/** Bytes of all streams of a connection that wait. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;

interface Waiting {
  readonly seq: Seq;
  readonly bytes: Uint8Array;
}

export interface OutflowPorts {
  /** Takes the bytes in any case; false: write no more until `drained`. */
  readonly write: (bytes: Uint8Array) => boolean;
  readonly dropped: (seq: Seq) => void;
}

export class Outflow {
  readonly #ports: OutflowPorts;
  readonly #counts = new Map<Seq, number>();
  #waiting: Waiting[] = [];
  #bytes = 0;
  #isFull = false;

  constructor(ports: OutflowPorts) {
    this.#ports = ports;
  }

  reply(bytes: Uint8Array): void {
    if (!this.#ports.write(bytes)) this.#isFull = true;
  }

  /** `canDrop` is false for what the client waits for. */
  record(seq: Seq, bytes: Uint8Array, { canDrop }: { readonly canDrop: boolean }): void {
    if (!this.#isFull && this.#waiting.length === 0) {
      this.reply(bytes);
      return;
    }
    const count = this.#counts.get(seq) ?? 0;
    const isFull = count >= MAX_WAITING_RECORDS || this.#bytes + bytes.length > MAX_WAITING_BYTES;
    if (canDrop && isFull) {
      this.#ports.dropped(seq);
      return;
    }
    this.#waiting.push({ seq, bytes });
    this.#counts.set(seq, count + 1);
    this.#bytes += bytes.length;
  }

  /** The client has read on. */
  drained(): void {
    this.#isFull = false;
    let written = 0;
    for (const { seq, bytes } of this.#waiting) {
      if (this.#isFull) break;
      written += 1;
      this.#bytes -= bytes.length;
      this.#counts.set(seq, (this.#counts.get(seq) ?? 1) - 1);
      this.reply(bytes);
    }
    this.#waiting = this.#waiting.slice(written);
  }

  /** The stream is over: what waits of it is of no use. */
  forget(seq: Seq): void {
    this.#counts.delete(seq);
    this.#waiting = this.#waiting.filter((waiting) => waiting.seq !== seq);
    this.#bytes = this.#waiting.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }
}
