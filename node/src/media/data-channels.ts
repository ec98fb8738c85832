/**
 * The data channels of one client (RFC 8831) over its DTLS association, by werift's SCTP: stream 0 "events", reliable and in
 * order, and stream 1 "lossy", unordered. Both ends know them beforehand (negotiated: true), so no other can be opened.
 *
 * werift's partial reliability gives up the wrong messages (it takes the oldest one that was sent, whichever stream it is
 * of), so this node never uses it: a lossy message is simply not sent while others wait.
 */
import { type RTCDtlsTransport, RTCSctpTransport } from "werift";
import type { DataChannelName } from "./control.ts";
import { type SctpDropReason, SctpGuard } from "./sctp-guard.ts";
import { TokenBucket } from "./token-bucket.ts";

export type DataDropReason =
  | SctpDropReason
  /** The client's association was ended, as it sent what could never be delivered. */
  | "data_overflow"
  /** More or larger messages than a client may send. */
  | "data_rate"
  | "data_too_long"
  /** No string and no bytes: an attempt to open a channel. */
  | "data_unexpected"
  /** To a client whose channel is not open, or whose buffer is full. */
  | "data_not_sent";
export type DataMessage = string | Uint8Array;

export interface DataChannelsSink {
  message(channel: DataChannelName, data: DataMessage): void;
  dropped(reason: DataDropReason): void;
  /** The channels can be sent on from now on. */
  opened(): void;
}

/** What a=max-message-size says: the bound of a client's messages. */
export const MAX_MESSAGE_BYTES = 16_384;
/** Of messages to clients, which take 256 KiB: room for what is put before another client's message on its way. */
const MAX_SENT_BYTES = MAX_MESSAGE_BYTES + 1_024;
export const SCTP_PORT = 5_000;
/** What may wait for a client on the reliable channel; and while that much waits nothing lossy is sent. */
const MAX_BUFFERED_BYTES = 262_144;
const LOSSY_BUFFERED_BYTES = 8_192;
/** Each costs werift a look at all that wait. */
const MAX_PENDING_SENDS = 256;
/** Of one client: messages and bytes in a second, and at once. */
const MESSAGES_PER_SECOND = 200;
const BYTES_PER_SECOND = 262_144;

const STREAMS: readonly DataChannelName[] = ["events", "lossy"];
/** RFC 8831 section 8. */
const STRING = 51;
const BINARY = 53;
const STRING_EMPTY = 56;
const BINARY_EMPTY = 57;

/** werift's packet reader; it rejects on some packets, which the callback that werift itself installs leaves unhandled. */
interface PacketReader {
  handleData(packet: Buffer): Promise<void>;
}

export class DataChannels {
  readonly #sink: DataChannelsSink;
  readonly #dtls: RTCDtlsTransport;
  readonly #transport: RTCSctpTransport;
  readonly #guard = new SctpGuard(STREAMS.length);
  readonly #messages = new TokenBucket({ perSecond: MESSAGES_PER_SECOND, burst: 2 * MESSAGES_PER_SECOND });
  readonly #bytes = new TokenBucket({ perSecond: BYTES_PER_SECOND, burst: 2 * BYTES_PER_SECOND });
  readonly #nowMs: () => number;
  #bufferedBytes = 0;
  #pendingSends = 0;
  #open = false;
  #closed = false;

  /** `dtls` is connected; `remotePort` is a=sctp-port of the client. */
  constructor(
    input: { readonly dtls: RTCDtlsTransport; readonly remotePort: number; readonly nowMs: () => number },
    sink: DataChannelsSink,
  ) {
    this.#sink = sink;
    this.#dtls = input.dtls;
    this.#nowMs = input.nowMs;
    this.#transport = new RTCSctpTransport(SCTP_PORT, MAX_MESSAGE_BYTES);
    this.#transport.setDtlsTransport(input.dtls);
    const { sctp } = this.#transport;
    // Instead of werift's channels, which know more kinds than are wanted here.
    sctp.onReceive.allUnsubscribe();
    sctp.onReceive.subscribe((streamId, protocolId, data) => this.#receive({ streamId, protocolId, data }));
    sctp.stateChanged.connected.subscribe(() => {
      if (this.#open || this.#closed) return;
      this.#open = true;
      sink.opened();
    });
    sctp.stateChanged.closed.subscribe(() => {
      this.#open = false;
    });
    input.dtls.dataReceiver = (packet) => this.#handle(packet);
    this.#transport.start(input.remotePort).catch(() => sink.dropped("sctp_malformed"));
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** Bytes that wait for the client to take them. */
  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  /** False: not sent, and counted: the channel is not open, its buffer is full, or the message is too long. */
  send(channel: DataChannelName, data: DataMessage): boolean {
    const bytes = typeof data === "string" ? Buffer.from(data, "utf8") : Buffer.from(data);
    const limit = channel === "lossy" ? LOSSY_BUFFERED_BYTES : MAX_BUFFERED_BYTES;
    const full = this.#bufferedBytes > limit || this.#pendingSends >= MAX_PENDING_SENDS;
    if (bytes.length > MAX_SENT_BYTES || !this.#open || full) {
      this.#sink.dropped(bytes.length > MAX_SENT_BYTES ? "data_too_long" : "data_not_sent");
      return false;
    }
    const isText = typeof data === "string";
    // An empty message is one byte that is not delivered.
    const body = bytes.length > 0 ? bytes : Buffer.alloc(1);
    const kinds = isText ? [STRING_EMPTY, STRING] : [BINARY_EMPTY, BINARY];
    const protocolId = kinds[Math.min(1, bytes.length)] ?? BINARY;
    this.#bufferedBytes += body.length;
    this.#pendingSends++;
    this.#transport.sctp
      .send(STREAMS.indexOf(channel), protocolId, body, { ordered: channel === "events" })
      .catch(() => this.#sink.dropped("data_not_sent"))
      .finally(() => {
        this.#bufferedBytes -= body.length;
        this.#pendingSends--;
      });
    return true;
  }

  /** Ends the association. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#open = false;
    this.#dtls.dataReceiver = () => undefined;
    this.#transport.sctp.onReceive.allUnsubscribe();
    this.#transport.stop().catch(() => undefined);
  }

  #handle(packet: Buffer): void {
    const verdict = this.#guard.judge(packet);
    if (verdict === "overflow") {
      this.#sink.dropped("data_overflow");
      this.close();
    } else if (verdict !== "pass") this.#sink.dropped(verdict);
    else {
      const reader = this.#transport.sctp as unknown as PacketReader;
      reader.handleData(packet).catch(() => this.#sink.dropped("sctp_malformed"));
    }
  }

  #receive(input: { readonly streamId: number; readonly protocolId: number; readonly data: Buffer }): void {
    const { streamId, protocolId, data } = input;
    this.#guard.delivered(streamId);
    const channel = STREAMS[streamId];
    const message = decode(protocolId, data);
    if (channel === undefined || message === undefined) this.#sink.dropped("data_unexpected");
    else if (data.length > MAX_MESSAGE_BYTES) this.#sink.dropped("data_too_long");
    else if (!this.#allows(data.length)) this.#sink.dropped("data_rate");
    else this.#sink.message(channel, message);
  }

  #allows(bytes: number): boolean {
    const nowMs = this.#nowMs();
    return this.#messages.take(1, nowMs) && this.#bytes.take(bytes, nowMs);
  }
}

function decode(protocolId: number, data: Buffer): DataMessage | undefined {
  switch (protocolId) {
    case STRING:
      return data.toString("utf8");
    case STRING_EMPTY:
      return "";
    case BINARY:
      return new Uint8Array(data);
    case BINARY_EMPTY:
      return new Uint8Array(0);
    default:
      return undefined;
  }
}
