// What a browser tells a server about the packets it gets: transport-wide feedback with real statuses
// (draft-holmer-rmcat-transport-wide-cc-extensions-01), so that the server's bandwidth estimator has its full work.
// Arrivals are those of a wide path without jitter (20 Mbit/s, by abs-send-time), however late this process looks at
// them: what its own delays would say is of no interest. Where a server stamps no numbers, a packet of the same size goes, so that each server gets equally many.

const TICKS_PER_REFERENCE = 256;
/** abs-send-time: 24 bits of 6.18 fixed-point seconds. */
const TICKS_PER_SECOND = 4_000;
const CYCLE_TICKS = 64 * TICKS_PER_SECOND;
const MAX_STATUSES = 400;
const PATH_BITS_PER_TICK = 20e6 / TICKS_PER_SECOND;
const OVERHEAD_BYTES = 28;

const SEQUENCE = 1;
const SEND_TIME = 2;

/** What the ids of header extensions mean in an SDP; one meaning may have an id in each media section. */
export function extensionIds(sdp) {
  const ids = new Uint8Array(16);
  for (const [, id, uri] of sdp.matchAll(/a=extmap:(\d+)\S* (\S+)/g)) {
    if (uri.includes("transport-wide-cc")) ids[id] = SEQUENCE;
    else if (uri.includes("abs-send-time")) ids[id] = SEND_TIME;
  }
  return ids;
}

export class Feedback {
  #ids;
  #base = -1;
  #highest = -1;
  #arrivals = new Map();
  #lastTicks = 0;
  #lastArrival = 0;
  #cycles = 0;
  #count = 0;
  #unreported = 0;

  constructor(ids) {
    this.#ids = ids;
  }

  /** One RTP packet, its header in the clear. */
  receive(packet) {
    this.#unreported += 1;
    if ((packet[0] & 0x10) === 0) return;
    let at = 12 + (packet[0] & 15) * 4;
    if (packet.readUInt16BE(at) !== 0xbede) return;
    const end = at + 4 + packet.readUInt16BE(at + 2) * 4;
    let seq = -1;
    let sendTime = -1;
    for (at += 4; at < end; ) {
      const head = packet[at++];
      if (head === 0) continue;
      const length = (head & 15) + 1;
      const means = this.#ids[head >> 4];
      if (means === SEQUENCE) seq = packet.readUInt16BE(at);
      else if (means === SEND_TIME) sendTime = packet.readUIntBE(at, 3);
      at += length;
    }
    if (seq >= 0) this.#note(seq, sendTime < 0 ? -1 : (sendTime * TICKS_PER_SECOND) / 2 ** 18, packet.length);
  }

  #note(seq, ticksInCycle, byteLength) {
    if (this.#highest < 0) {
      this.#highest = seq + 0x10000 - 1;
      this.#base = seq + 0x10000;
    }
    const extSeq = this.#highest + (((seq - this.#highest) << 16) >> 16);
    if (extSeq < this.#base) return;
    // Not all streams of a server say when (ours: audio does not): those came right after what came before them.
    let ticks = ticksInCycle < 0 ? this.#lastTicks : ticksInCycle + this.#cycles * CYCLE_TICKS;
    if (ticks < this.#lastTicks - CYCLE_TICKS / 2) {
      this.#cycles += 1;
      ticks += CYCLE_TICKS;
    }
    this.#lastTicks = ticks;
    this.#lastArrival = Math.max(ticks, this.#lastArrival) + ((byteLength + OVERHEAD_BYTES) * 8) / PATH_BITS_PER_TICK;
    this.#arrivals.set(extSeq, Math.floor(this.#lastArrival));
    this.#highest = Math.max(this.#highest, extSeq);
  }

  /** The next feedback packet in the clear; undefined when nothing came. */
  build() {
    if (this.#unreported === 0) return undefined;
    this.#unreported = 0;
    const count = Math.min(MAX_STATUSES, this.#highest - this.#base + 1);
    if (this.#highest < 0 || count === 0) return filler();
    const first = [...this.#arrivals.values()][0];
    const reference = Math.floor(first / TICKS_PER_REFERENCE);
    let previous = reference * TICKS_PER_REFERENCE;
    const symbols = [];
    const deltas = [];
    for (let i = 0; i < count; i += 1) {
      const ticks = this.#arrivals.get(this.#base + i);
      if (ticks === undefined) {
        symbols.push(0);
        continue;
      }
      const delta = ticks - previous;
      previous = ticks;
      const small = delta >= 0 && delta <= 255;
      symbols.push(small ? 1 : 2);
      if (small) deltas.push(delta);
      else deltas.push((delta >> 8) & 255, delta & 255);
    }
    const packet = assemble({ base: this.#base & 0xffff, reference, count: this.#count++, symbols, deltas });
    this.#base += count;
    this.#arrivals.clear();
    return packet;
  }
}

function assemble({ base, reference, count, symbols, deltas }) {
  const chunks = Math.ceil(symbols.length / 7);
  const packet = Buffer.alloc(Math.ceil((20 + chunks * 2 + deltas.length) / 4) * 4);
  packet.set([0x8f, 205]);
  packet.writeUInt16BE(packet.length / 4 - 1, 2);
  packet.writeUInt32BE(1, 4);
  packet.writeUInt16BE(base, 12);
  packet.writeUInt16BE(symbols.length, 14);
  packet.writeUIntBE(reference & 0xffffff, 16, 3);
  packet[19] = count & 255;
  // |1|1| seven symbols of two bits |
  for (let chunk = 0; chunk < chunks; chunk += 1) {
    let word = 0xc000;
    for (let i = 0; i < 7; i += 1) word |= (symbols[chunk * 7 + i] ?? 0) << (12 - 2 * i);
    packet.writeUInt16BE(word, 20 + chunk * 2);
  }
  packet.set(deltas, 20 + chunks * 2);
  return packet;
}

function filler() {
  const packet = Buffer.alloc(52);
  packet.set([0x8f, 205, 0, 12]);
  return packet;
}
