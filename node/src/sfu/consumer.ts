/**
 * One outgoing stream: a slot or a trunk egress. Whatever it is fed from, the receiver sees one unbroken stream: one SSRC,
 * consecutive sequence numbers, timestamps that never go back, picture ids that count on.
 */
import type { PacedStream } from "./congestion/pacer.ts";
import { PACKET_OVERHEAD_BYTES, type PeerSender } from "./congestion/peer-sender.ts";
import { EgressMapping } from "./egress-mapping.ts";
import {
  exportNumbers,
  type ForwardingState,
  firstNumbers,
  noteNumbers,
  type StreamNumbers,
} from "./forwarding-state.ts";
import type { PayloadInfo } from "./keyframe.ts";
import { ALL_LAYERS, LayerFilter } from "./layer-filter.ts";
import { NackResponder } from "./nack-responder.ts";
import type { Peer } from "./peer.ts";
import type { Producer } from "./producer.ts";
import { unwrap } from "./red.ts";
import { ViewerReport } from "./reports.ts";
import type { RouterState } from "./router-state.ts";
import type { RtpRewrite } from "./rtp-rewrite.ts";
import type { RtpView } from "./rtp-view.ts";
import { extendSeq } from "./sequence.ts";
import type { Track } from "./track.ts";
import type { Assignment, ConsumerCodec, ConsumerInput, EgressId, InstantMs } from "./types.ts";

const NO_CODEC: ConsumerCodec = { name: "opus", payloadType: 0, rtxPayloadType: undefined };
/** The latest so many packets serve as probes, in turn. */
const PROBE_REACH = 16;
/** Longer than the distance of two packets of a voice that goes on. */
const COPY_WAIT_MS = 30;

export class Consumer implements PacedStream {
  readonly input: ConsumerInput;
  readonly peer: Peer;
  /** What is assigned; the track may not be here (yet). */
  assignment: Assignment | undefined;
  track: Track | undefined;
  /** Layer index by size or name and by what the path carries, -1: none. */
  wantedIndex = -1;
  /** Of that, what the path carries; ALL_LAYERS: no limit, -1: nothing, the slot is paused. */
  limitIndex = ALL_LAYERS;
  /** When the allocator last gave less or more. */
  loweredAtMs: InstantMs = Number.NEGATIVE_INFINITY;
  raisedAtMs: InstantMs = Number.NEGATIVE_INFINITY;
  raiseHoldMs = 1000;
  readonly filter = new LayerFilter();
  readonly report = new ViewerReport();
  readonly responder: NackResponder;
  packetsSent: number;
  octetsSent: number;
  readonly #state: RouterState;
  readonly #rewrite: RtpRewrite;
  #codec: ConsumerCodec = NO_CODEC;
  #current = new EgressMapping();
  /** Kept because requests for retransmission come late. */
  #previous = new EgressMapping();
  /** Fed from its next keyframe on. */
  #awaited: Producer | undefined;
  #started: boolean;
  #nextRtxSeq: number;
  #lastSentMs: InstantMs = 0;
  /** The receiver's numbers so far; and as they stood with the newest packet that really left, for later ones wait their turn. */
  readonly #last: StreamNumbers;
  readonly #sent: StreamNumbers = { extSeq: -1, timestamp: 0, pictureId: 0, tl0: 0, frameNumber: 0 };
  #probes = 0;
  /** Carries voices and can carry each again: so it does while the peer's path is lossy. */
  readonly #copies: boolean;
  /** The packet whose copy goes with the next one, -1: none. */
  #copySeq = -1;

  /** `state`: as exported by the consumer that this one continues. */
  constructor(
    input: ConsumerInput,
    owner: { readonly peer: Peer; readonly state: RouterState },
    state?: ForwardingState,
  ) {
    const { random, options, rewrite } = owner.state;
    this.input = input;
    this.peer = owner.peer;
    this.#state = owner.state;
    this.#rewrite = rewrite;
    this.responder = new NackResponder(options.retransmitBps);
    this.#started = state !== undefined;
    this.#copies = owner.peer.duplication !== undefined && input.kind === "audio" && input.rtx !== undefined;
    // RFC 3550 section 5.1: random starts; below 2^15, so that the roll-over counter surely begins at 0.
    this.#last = firstNumbers(random, state);
    this.#nextRtxSeq = state?.nextRtxSeq ?? random.uint32() & 0x7fff;
    this.packetsSent = state?.packetsSent ?? 0;
    this.octetsSent = state?.octetsSent ?? 0;
  }

  /** Layer index that is on the wire now, -1: none. */
  get currentIndex(): number {
    const producer = this.#current.producer;
    return producer === undefined ? -1 : producer.track.producers.indexOf(producer);
  }

  get current(): Producer | undefined {
    return this.#current.producer;
  }

  /** The source whose keyframe a viewer's request is for. */
  get source(): Producer | undefined {
    return this.#awaited ?? this.#current.producer;
  }

  /** Its receiver unwraps redundant audio itself. */
  get takesRed(): boolean {
    return this.#codec.redPayloadType !== undefined;
  }

  /** Offset from the current source's timestamps to the receiver's. */
  get timestampOffset(): number {
    return this.#current.timestampOffset;
  }

  exportForwardingState(): ForwardingState {
    const { packetsSent, octetsSent } = this;
    return exportNumbers(this.#last, { nextRtxSeq: this.#nextRtxSeq, packetsSent, octetsSent });
  }

  /** Binds to a track whose codec the m-line carries; false when it does not. */
  bind(track: Track): boolean {
    const codec = track.codecAmong(this.input.codecs);
    if (codec === undefined || track.input.kind !== this.input.kind) return false;
    this.#codec = codec;
    this.track = track;
    return true;
  }

  /** Waits for a keyframe of that source, while the present one goes on. Returns true when that is news. */
  await(producer: Producer): boolean {
    if (producer === this.#awaited) return false;
    this.#awaited?.leave(this);
    this.#awaited = undefined;
    if (producer === this.#current.producer) return false;
    this.#awaited = producer;
    producer.consumers.push(this);
    return true;
  }

  /** Stops forwarding; the receiver's numbers go on from here when something is awaited again. */
  pause(): void {
    this.#awaited?.leave(this);
    this.#awaited = undefined;
    this.park();
  }

  /** Stops what is on the wire, while a keyframe of something else may be awaited. What was sent can still be repaired. */
  park(): void {
    const parked = this.#current;
    if (parked.producer === undefined) return;
    parked.producer.leave(this);
    this.#current = this.#previous;
    this.#previous = parked;
    this.#current.producer = undefined;
    // What waits and never leaves never was: its numbers are given again.
    if (this.peer.sender?.pacer.forget(this) === true && this.#sent.extSeq >= 0) Object.assign(this.#last, this.#sent);
    this.#current.egressStart = this.#last.extSeq + 1;
  }

  /** As `park`, and for good: nothing of what was sent will be repaired. */
  abandon(): void {
    this.park();
    this.#previous.producer = undefined;
  }

  /** That source is gone for good. */
  forget(producer: Producer): void {
    if (this.#awaited === producer) this.#awaited = undefined;
    if (this.#current.producer === producer) this.park();
    if (this.#previous.producer === producer) this.#previous.producer = undefined;
  }

  /** The hot path: one packet of a source in whose list this consumer is. Returns true when it was switched to here. */
  forward(producer: Producer, extSeq: number, view: RtpView, nowMs: InstantMs): boolean {
    let switched = false;
    const { info } = producer;
    if (producer !== this.#current.producer) {
      if (!info.startsKeyframe || producer !== this.#awaited) return false;
      this.#switchTo(producer, extSeq, view, nowMs);
      switched = true;
    }
    const current = this.#current;
    if (info.isLayered && !this.#admits(current, info, extSeq)) {
      this.skip(producer, extSeq, view, nowMs);
      return switched;
    }
    const egressSeq = current.sequence.map(extSeq);
    if (egressSeq < 0) return switched;
    const wrappedBytes = this.takesRed ? 0 : info.primaryAt;
    unwrap(view, wrappedBytes);
    this.#fill(current, info, view, egressSeq);
    if (egressSeq > this.#last.extSeq) {
      noteNumbers(this.#last, this.#rewrite);
      this.#lastSentMs = nowMs;
    }
    this.packetsSent++;
    this.octetsSent += view.payloadLength;
    this.#send(producer, view, nowMs);
    unwrap(view, -wrappedBytes);
    if (this.#copies) this.#noteCopy(egressSeq, nowMs);
    return switched;
  }

  /**
   * A packet of the current source that carries nothing, or nothing for this viewer: the receiver's numbers close over it.
   * When newer packets went out already, its hole is there, and it is sent empty, or the receiver would wait for it.
   */
  skip(producer: Producer, extSeq: number, view: RtpView, nowMs: InstantMs): void {
    const current = this.#current;
    if (producer !== current.producer) return;
    const egressSeq = current.sequence.map(extSeq);
    if (egressSeq > this.#last.extSeq && extSeq >= current.sequence.newestStart) {
      current.sequence.skip(extSeq);
      return;
    }
    if (egressSeq < 0) return;
    const { payloadLength } = view;
    view.payloadLength = 0;
    this.#fill(current, producer.info, view, egressSeq);
    this.#last.extSeq = Math.max(this.#last.extSeq, egressSeq);
    this.packetsSent++;
    this.#emit(this.input.egress, view, nowMs);
    view.payloadLength = payloadLength;
  }

  /** Answers one requested number; `scratch` is a view to stand on the cache. Returns false when it is refused. */
  retransmit(seq: number, scratch: RtpView, nowMs: InstantMs): boolean {
    const egressSeq = extendSeq(seq, this.#last.extSeq);
    const mapping = this.#load(egressSeq, scratch, nowMs);
    if (mapping === undefined) return false;
    const rttMs = Math.max(0, this.peer.roundTrip.rttMs);
    const copies = this.responder.admit({ extSeq: egressSeq, byteLength: scratch.length, rttMs }, nowMs);
    // Without an RTX stream a second copy would be a packet of the same number, which SRTP receivers take for a replay.
    const useful = this.input.rtx === undefined ? Math.min(copies, 1) : copies;
    for (let i = 0; i < useful; i++) this.#sendAgain(scratch, egressSeq, nowMs);
    return copies > 0;
  }

  /** Sends the copy of a packet that no other followed for so long. */
  flushCopy(nowMs: InstantMs): void {
    if (this.#copySeq >= 0 && nowMs - this.#lastSentMs >= COPY_WAIT_MS) this.#sendCopy(nowMs);
  }

  sendQueued(extSeq: number, nowMs: InstantMs): number {
    const { scratch } = this.#state;
    if (this.#load(extSeq, scratch, nowMs) === undefined) {
      this.#state.counters.pacer_dropped++;
      return 0;
    }
    this.#noteSent();
    this.#emit(this.input.egress, scratch, nowMs);
    return scratch.length;
  }

  sendProbe(nowMs: InstantMs): number {
    const { rtx, codecs } = this.input;
    const payloadType = this.#codec.rtxPayloadType ?? codecs[0]?.rtxPayloadType;
    if (rtx === undefined || payloadType === undefined) return 0;
    const { scratch, counters } = this.#state;
    const egressSeq = this.#last.extSeq - (this.#probes++ % PROBE_REACH);
    counters.probes_sent++;
    if (this.#load(egressSeq, scratch, nowMs) !== undefined && this.#codec.rtxPayloadType !== undefined) {
      this.#sendAgain(scratch, egressSeq, nowMs, -1);
      return scratch.length;
    }
    if (!this.#state.loadPadding(scratch)) return 0;
    const rewrite = this.#rewrite;
    rewrite.start(payloadType, this.#nextRtxSeq++, this.#last.timestamp);
    rewrite.isPadding = true;
    this.#emit(rtx.egress, scratch, nowMs, -1);
    return scratch.length;
  }

  /** Stands `scratch` on a packet that was sent under that number, and fills the rewrite. Undefined: it is gone. */
  #load(egressSeq: number, scratch: RtpView, nowMs: InstantMs): EgressMapping | undefined {
    const mapping = egressSeq >= this.#current.egressStart ? this.#current : this.#previous;
    const { producer } = mapping;
    if (producer === undefined || producer.track.muted || egressSeq > this.#last.extSeq) return undefined;
    const extSeq = mapping.sequence.reverse(egressSeq);
    if (!producer.cache.load(extSeq, scratch, nowMs)) return undefined;
    const info = this.#state.scratchInfo;
    if (!info.read(producer.track.input.codec, scratch) || !producer.readRed(info, scratch, this.#state.scratchRed))
      return undefined;
    if (mapping.isLeftOut(info)) scratch.payloadLength = 0;
    if (!this.takesRed) unwrap(scratch, info.primaryAt);
    this.#fill(mapping, info, scratch, egressSeq);
    return mapping;
  }

  /** On the RTX stream where there is one; the rewrite is filled. */
  #sendAgain(view: RtpView, egressSeq: number, nowMs: InstantMs, mediaSeq = egressSeq): void {
    const rewrite = this.#rewrite;
    const { rtx } = this.input;
    const isRed = rewrite.blockPayloadType >= 0;
    const rtxPayloadType = isRed ? this.#codec.redRtxPayloadType : this.#codec.rtxPayloadType;
    let { egress } = this.input;
    if (rtx !== undefined && rtxPayloadType !== undefined) {
      egress = rtx.egress;
      rewrite.payloadType = rtxPayloadType;
      rewrite.originalSeq = egressSeq & 0xffff;
      rewrite.extSeq = this.#nextRtxSeq++;
    }
    this.#emit(egress, view, nowMs, mediaSeq);
  }

  /** What is filled goes now, or waits for its turn in its source's cache. */
  #send(producer: Producer, view: RtpView, nowMs: InstantMs): void {
    const sender = this.#sender();
    const waits = sender !== undefined && this.input.kind === "video" && !sender.pacer.mayPass(nowMs);
    if (!waits || producer.cache.memoryBytes === 0) {
      this.#noteSent();
      this.#emit(this.input.egress, view, nowMs);
      return;
    }
    const byteLength = view.payloadLength + PACKET_OVERHEAD_BYTES;
    sender.enqueue(this, { extSeq: this.#rewrite.extSeq, byteLength }, nowMs);
  }

  /** One packet later, so that a short burst of losses does not take both. What is redundant by itself needs no copy. */
  #noteCopy(egressSeq: number, nowMs: InstantMs): void {
    const isPlain = this.#rewrite.blockPayloadType < 0;
    if (this.#copySeq >= 0) this.#sendCopy(nowMs);
    if (isPlain && this.peer.duplication?.isOn === true) this.#copySeq = egressSeq;
  }

  #sendCopy(nowMs: InstantMs): void {
    const { scratch, counters } = this.#state;
    const egressSeq = this.#copySeq;
    this.#copySeq = -1;
    if (this.#load(egressSeq, scratch, nowMs) === undefined) return;
    counters.audio_copies_sent++;
    counters.audio_copy_bytes_sent += scratch.payloadLength + PACKET_OVERHEAD_BYTES;
    this.#sendAgain(scratch, egressSeq, nowMs);
  }

  #noteSent(): void {
    const rewrite = this.#rewrite;
    if (rewrite.extSeq > this.#sent.extSeq) noteNumbers(this.#sent, rewrite);
  }

  /** `mediaSeq`: of the packet that is lost with this one, -1: none. */
  #emit(egress: EgressId, view: RtpView, nowMs: InstantMs, mediaSeq = this.#rewrite.extSeq): void {
    const rewrite = this.#rewrite;
    const packet = { payloadBytes: view.payloadLength, ssrc: this.input.ssrc, mediaSeq };
    rewrite.transportSeq = this.#sender()?.number(packet, nowMs) ?? -1;
    this.#state.sink.rtp(egress, view, rewrite);
  }

  #sender(): PeerSender | undefined {
    return this.input.transportFeedback === true ? this.peer.sender : undefined;
  }

  /** Whether the packet is of a layer that this viewer gets. */
  #admits(current: EgressMapping, info: PayloadInfo, extSeq: number): boolean {
    const { filter } = this;
    if (extSeq > current.newestSource) {
      current.newestSource = extSeq;
      filter.advance(info);
    }
    const countsPictures = this.#codec.name === "VP8";
    if (countsPictures && current.isLeftOut(info)) return false;
    if (filter.isOpen || filter.keeps(info)) return true;
    if (countsPictures) current.leaveOut(info);
    return false;
  }

  #fill(mapping: EgressMapping, info: PayloadInfo, view: RtpView, egressSeq: number): void {
    const rewrite = this.#rewrite;
    rewrite.start(this.#codec.payloadType, egressSeq, (view.timestamp + mapping.timestampOffset) >>> 0);
    mapping.fill(rewrite, info, view, this.#codec);
    if (info.dependency !== undefined && info.dependency.activeBitAt > 0) this.filter.narrow(rewrite, info.dependency);
    if (info.isLayered && !view.marker && view.payloadLength > 0 && this.filter.endsPicture(info))
      rewrite.marker = true;
  }

  #switchTo(producer: Producer, extSeq: number, view: RtpView, nowMs: InstantMs): void {
    // Parked: what was sent last is in the previous mapping, and the current one is free.
    const parked = this.#current.producer === undefined && this.#previous.producer !== undefined;
    const old = parked ? this.#previous : this.#current;
    const next = parked ? this.#current : this.#previous;
    const before = { timestamp: this.#last.timestamp, sentAtMs: this.#lastSentMs };
    const stepTicks = this.#started ? old.stepTicks(before, { producer, timestamp: view.timestamp }, nowMs) : 1;
    this.#current.producer?.leave(this);
    this.#previous = old;
    this.#current = next;
    this.#awaited = undefined;
    next.timestampOffset = (this.#last.timestamp + stepTicks - view.timestamp) >>> 0;
    next.start(producer, extSeq, view, this.#last);
    this.filter.start();
    this.#started = true;
  }
}
