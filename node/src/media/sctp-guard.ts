/**
 * What of a client's SCTP packets (RFC 9260) may reach werift's association. werift trusts its peer: a chunk or parameter of
 * length 0 keeps its reader in a loop for ever, and what it waits to reassemble has no bound. So every packet is read
 * here first, and passes only if it is well-formed, of the two streams that were agreed, and within windows. Pure.
 *
 *   | source port | destination port | verification tag | checksum |  12 bytes, then chunks:
 *   |  type  |  flags  |     length     |  value, padded to 4 bytes ...
 */

export type SctpDropReason =
  | "sctp_malformed"
  /** A chunk that browsers have no need of. */
  | "sctp_unexpected"
  /** Another stream than those that were agreed. */
  | "sctp_unknown_stream"
  /** A number too far ahead of what has come. */
  | "sctp_window";
/** "overflow": the peer sends what can never be delivered; the association is to be ended. */
export type SctpVerdict = "pass" | "overflow" | SctpDropReason;

const HEADER_BYTES = 12;
const CHUNK_HEADER_BYTES = 4;
const DATA_HEADER_BYTES = 16;
const MAX_CHUNKS = 64;
/** Chunks that may come before one that is missing; browsers have far fewer under way. */
const WINDOW = 1_024;
/** Fragments of messages that are not whole yet: two of the largest, and some. */
const MAX_FRAGMENT_BYTES = 65_536;
/** Whole messages that wait for an earlier one of their stream. */
const MAX_WAITING = 2 * WINDOW;
const MAX_GAP_SPAN = 4_096;
const MAX_LIST = 16;

const DATA = 0;
const INIT = 1;
const SACK = 3;
const RECONFIG = 130;
const FORWARD_TSN = 192;
/** Chunks whose value is a list of parameters, or causes of the same form: HEARTBEAT, its ACK, ABORT, ERROR, RE-CONFIG. */
const LISTS: ReadonlySet<number> = new Set([4, 5, 6, 9, RECONFIG]);
/** SHUTDOWN, its ACK, COOKIE ECHO. */
const PLAIN: ReadonlySet<number> = new Set([7, 8, 10]);
/** RFC 6525: outgoing reset request and its response, which closing a channel takes. */
const RECONFIG_PARAMETERS: ReadonlySet<number> = new Set([13, 16]);
const LAST_FRAGMENT = 1;
const FIRST_FRAGMENT = 2;

interface Stream {
  fragmentBytes: number;
  /** Messages whose last fragment has come and that were not delivered. */
  waiting: number;
}

export class SctpGuard {
  readonly #streams: readonly Stream[];
  readonly #ahead = new Set<number>();
  /** All up to this number have come. */
  #cumulative: number | undefined = undefined;

  constructor(streamCount: number) {
    this.#streams = Array.from({ length: streamCount }, () => ({ fragmentBytes: 0, waiting: 0 }));
  }

  /** One packet as it came; what does not pass has changed nothing, except that an overflow is final. */
  judge(packet: Buffer): SctpVerdict {
    const chunks = readChunks(packet);
    if (typeof chunks === "string") return chunks;
    for (const chunk of chunks) {
      const reason = this.#check(chunk);
      if (reason !== undefined) return reason;
    }
    return chunks.every((chunk) => this.#take(chunk)) ? "pass" : "overflow";
  }

  /** werift has delivered a message of that stream. */
  delivered(streamId: number): void {
    const stream = this.#streams[streamId];
    if (stream !== undefined && stream.waiting > 0) stream.waiting--;
  }

  #check(chunk: Chunk): SctpDropReason | undefined {
    const { type, value } = chunk;
    if (PLAIN.has(type)) return undefined;
    if (LISTS.has(type)) return checkList(type, value);
    switch (type) {
      case INIT:
        if (value.length < 16 || !isList(value.subarray(16))) return "sctp_malformed";
        return this.#cumulative === undefined || this.#isAgain(value) ? undefined : "sctp_unexpected";
      case DATA:
        return this.#checkData(value);
      case SACK:
        return isSack(value) ? undefined : "sctp_malformed";
      case FORWARD_TSN:
        return this.#checkForward(value);
      default:
        return "sctp_unexpected";
    }
  }

  /** A repetition of the INIT that this association began with. */
  #isAgain(init: Buffer): boolean {
    return this.#ahead.size === 0 && init.readUInt32BE(12) === next(this.#cumulative ?? 0);
  }

  #checkData(value: Buffer): SctpDropReason | undefined {
    if (value.length <= DATA_HEADER_BYTES - CHUNK_HEADER_BYTES) return "sctp_malformed";
    if (this.#streams[value.readUInt16BE(4)] === undefined) return "sctp_unknown_stream";
    const distance = this.#distance(value.readUInt32BE(0));
    return distance === undefined || distance > WINDOW ? "sctp_window" : undefined;
  }

  #checkForward(value: Buffer): SctpDropReason | undefined {
    if (value.length < 4 || value.length % 4 !== 0 || value.length > 4 + 4 * MAX_LIST) return "sctp_malformed";
    for (let at = 4; at < value.length; at += 4) {
      if (this.#streams[value.readUInt16BE(at)] === undefined) return "sctp_unknown_stream";
    }
    const distance = this.#distance(value.readUInt32BE(0));
    return distance === undefined || distance > WINDOW ? "sctp_window" : undefined;
  }

  /** How far a number is ahead of what has come, 0 or less for the past; undefined before the INIT. */
  #distance(tsn: number): number | undefined {
    return this.#cumulative === undefined ? undefined : (tsn - this.#cumulative) | 0;
  }

  /** False: overflow. */
  #take({ type, flags, value }: Chunk): boolean {
    if (type === INIT) this.#cumulative = previous(value.readUInt32BE(12));
    if (type === FORWARD_TSN) this.#forward(value.readUInt32BE(0));
    if (type !== DATA) return true;
    const tsn = value.readUInt32BE(0);
    const stream = this.#streams[value.readUInt16BE(4)];
    if (stream === undefined || (this.#distance(tsn) ?? 0) <= 0 || this.#ahead.has(tsn)) return true;
    this.#ahead.add(tsn);
    this.#advance();
    const isLast = (flags & LAST_FRAGMENT) !== 0;
    if (isLast) stream.waiting++;
    if (isLast && (flags & FIRST_FRAGMENT) === 0) stream.fragmentBytes = 0;
    else if (!isLast) stream.fragmentBytes += value.length;
    return stream.waiting <= MAX_WAITING && stream.fragmentBytes <= MAX_FRAGMENT_BYTES;
  }

  /** The sender has given up what is missing up to a number; what belonged to it will not be delivered. */
  #forward(tsn: number): void {
    if ((this.#distance(tsn) ?? 0) <= 0) return;
    this.#cumulative = tsn;
    for (const ahead of this.#ahead) if ((this.#distance(ahead) ?? 0) <= 0) this.#ahead.delete(ahead);
    this.#advance();
    for (const stream of this.#streams) {
      stream.waiting = 0;
      stream.fragmentBytes = 0;
    }
  }

  #advance(): void {
    for (let tsn = next(this.#cumulative ?? 0); this.#ahead.delete(tsn); tsn = next(tsn)) this.#cumulative = tsn;
  }
}

interface Chunk {
  readonly type: number;
  readonly flags: number;
  readonly value: Buffer;
}

function readChunks(packet: Buffer): readonly Chunk[] | "sctp_malformed" {
  const chunks: Chunk[] = [];
  for (let at = HEADER_BYTES; at < packet.length; ) {
    if (at + CHUNK_HEADER_BYTES > packet.length || chunks.length === MAX_CHUNKS) return "sctp_malformed";
    const length = packet.readUInt16BE(at + 2);
    if (length < CHUNK_HEADER_BYTES || at + length > packet.length) return "sctp_malformed";
    const value = packet.subarray(at + CHUNK_HEADER_BYTES, at + length);
    chunks.push({ type: packet[at] ?? 255, flags: packet[at + 1] ?? 0, value });
    at += (length + 3) & ~3;
  }
  const alone = chunks.length === 1 || chunks.every(({ type }) => type !== INIT);
  return chunks.length > 0 && alone ? chunks : "sctp_malformed";
}

function checkList(type: number, value: Buffer): SctpDropReason | undefined {
  if (!isList(value)) return "sctp_malformed";
  if (type !== RECONFIG) return undefined;
  for (let at = 0; at + 4 <= value.length; at += (value.readUInt16BE(at + 2) + 3) & ~3) {
    const length = value.readUInt16BE(at + 2);
    if (!RECONFIG_PARAMETERS.has(value.readUInt16BE(at))) return "sctp_unexpected";
    if (length < 12 || length > 16 + 2 * MAX_LIST) return "sctp_malformed";
  }
  return undefined;
}

/** Parameters or causes, each with its length, of which none lies outside. */
function isList(value: Buffer): boolean {
  let at = 0;
  for (let count = 0; at + 4 <= value.length; count++) {
    const length = value.readUInt16BE(at + 2);
    if (length < 4 || at + length > value.length || count === MAX_LIST) return false;
    at += (length + 3) & ~3;
  }
  return true;
}

/** RFC 9260 section 3.3.4: cumulative number, window, counts of gaps and duplicates, then both lists. */
function isSack(value: Buffer): boolean {
  if (value.length < 12) return false;
  const gaps = value.readUInt16BE(8);
  const duplicates = value.readUInt16BE(10);
  if (value.length !== 12 + 4 * gaps + 4 * duplicates) return false;
  let span = 0;
  for (let at = 12; at < 12 + 4 * gaps; at += 4) {
    const [first, last] = [value.readUInt16BE(at), value.readUInt16BE(at + 2)];
    if (last < first) return false;
    span += last - first + 1;
  }
  return span <= MAX_GAP_SPAN;
}

function next(tsn: number): number {
  return (tsn + 1) >>> 0;
}
function previous(tsn: number): number {
  return (tsn - 1) >>> 0;
}
