/**
 * One outgoing stream: a slot or a trunk egress. Whatever it is fed from, the receiver sees one unbroken stream: one SSRC,
 * consecutive sequence numbers, timestamps that never go back, picture ids that count on.
 */
import { NackResponder } from "./nack-responder.ts";
import type { ResolvedRouterOptions } from "./options.ts";
import type { Peer } from "./peer.ts";
import type { Producer } from "./producer.ts";
import { RtpRewrite } from "./rtp-rewrite.ts";
import type { RtpView } from "./rtp-view.ts";
import { extendSeq } from "./sequence.ts";
import { SequenceMap } from "./sequence-map.ts";
import type { Track } from "./track.ts";
import type {
  Assignment,
  ConsumerCodec,
  ConsumerInput,
  EgressId,
  InstantMs,
  RandomSource,
  RouterSink,
} from "./types.ts";

/** Where a stream stands; given to another node's consumer, it goes on there without a gap. */
export interface ForwardingState {
  readonly nextExtSeq: number;
  readonly nextRtxSeq: number;
  readonly lastTimestamp: number;
  readonly lastPictureId: number;
  readonly lastTl0PictureIndex: number;
  readonly packetsSent: number;
  readonly octetsSent: number;
}

/** How one source's numbers become the receiver's; the last two are kept, because requests come late. */
class Mapping {
  readonly sequence = new SequenceMap();
  producer: Producer | undefined;
  /** First number of the receiver that belongs to this mapping. */
  egressStart = 0;
  timestampOffset = 0;
  pictureIdOffset = 0;
  tl0Offset = 0;
}

/** Time always passes between two sources. */
const MIN_STEP_MS = 1;
const NO_CODEC: ConsumerCodec = { name: "opus", payloadType: 0, rtxPayloadType: undefined };

export class Consumer {
  readonly input: ConsumerInput;
  readonly peer: Peer;
  readonly #sink: RouterSink;
  readonly #responder: NackResponder;
  readonly #rewrite = new RtpRewrite();
  /** What is assigned; the track may not be here (yet). */
  assignment: Assignment | undefined;
  track: Track | undefined;
  /** Layer index by size or name, -1: none. */
  wantedIndex = -1;
  #codec: ConsumerCodec = NO_CODEC;
  #current = new Mapping();
  #previous = new Mapping();
  /** Fed from its next keyframe on. */
  #awaited: Producer | undefined;
  #started: boolean;
  #lastExtSeq: number;
  #nextRtxSeq: number;
  #lastTimestamp: number;
  #lastSentMs: InstantMs = 0;
  #lastPictureId: number;
  #lastTl0: number;
  packetsSent: number;
  octetsSent: number;

  constructor(
    input: ConsumerInput,
    owner: { readonly peer: Peer; readonly sink: RouterSink; readonly random: RandomSource },
    options: ResolvedRouterOptions,
    state?: ForwardingState,
  ) {
    this.input = input;
    this.peer = owner.peer;
    this.#sink = owner.sink;
    this.#responder = new NackResponder(options.retransmitBps);
    this.#started = state !== undefined;
    // RFC 3550 section 5.1: random starts; below 2^15, so that the roll-over counter surely begins at 0.
    this.#lastExtSeq = state === undefined ? owner.random.uint32() & 0x7fff : state.nextExtSeq - 1;
    this.#nextRtxSeq = state?.nextRtxSeq ?? owner.random.uint32() & 0x7fff;
    this.#lastTimestamp = state?.lastTimestamp ?? owner.random.uint32();
    this.#lastPictureId = state?.lastPictureId ?? owner.random.uint32() & 0x7fff;
    this.#lastTl0 = state?.lastTl0PictureIndex ?? owner.random.uint32() & 0xff;
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

  get lastTimestamp(): number {
    return this.#lastTimestamp;
  }

  /** Offset from the current source's timestamps to the receiver's. */
  get timestampOffset(): number {
    return this.#current.timestampOffset;
  }

  exportForwardingState(): ForwardingState {
    return {
      nextExtSeq: this.#lastExtSeq + 1,
      nextRtxSeq: this.#nextRtxSeq,
      lastTimestamp: this.#lastTimestamp,
      lastPictureId: this.#lastPictureId,
      lastTl0PictureIndex: this.#lastTl0,
      packetsSent: this.packetsSent,
      octetsSent: this.octetsSent,
    };
  }

  /** Binds to a track whose codec the m-line carries; false when it does not. */
  bind(track: Track): boolean {
    const codec = this.input.codecs.find(({ name }) => name === track.input.codec);
    if (codec === undefined || track.input.kind !== this.input.kind) return false;
    this.#codec = codec;
    this.track = track;
    return true;
  }

  /** Waits for a keyframe of that source, while the present one goes on. Returns true when that is news. */
  await(producer: Producer): boolean {
    if (producer === this.#awaited) return false;
    this.#leave(this.#awaited);
    this.#awaited = undefined;
    if (producer === this.#current.producer) return false;
    this.#awaited = producer;
    producer.consumers.push(this);
    return true;
  }

  /** Stops forwarding; the receiver's numbers go on from here when something is awaited again. */
  pause(): void {
    this.#leave(this.#awaited);
    this.#awaited = undefined;
    this.#leave(this.#current.producer);
    this.#current.producer = undefined;
  }

  /** That source is gone for good. */
  forget(producer: Producer): void {
    if (this.#awaited === producer) this.#awaited = undefined;
    if (this.#current.producer === producer) this.#current.producer = undefined;
    if (this.#previous.producer === producer) this.#previous.producer = undefined;
  }

  /** The hot path: one packet of a source in whose list this consumer is. Returns true when it was switched to here. */
  forward(producer: Producer, extSeq: number, view: RtpView, nowMs: InstantMs): boolean {
    let switched = false;
    if (producer !== this.#current.producer) {
      if (!producer.info.startsKeyframe || producer !== this.#awaited) return false;
      this.#switchTo(producer, extSeq, view, nowMs);
      switched = true;
    }
    const current = this.#current;
    const egressSeq = current.sequence.map(extSeq);
    if (egressSeq < 0) return switched;
    this.#fill(current, producer, view, egressSeq);
    const rewrite = this.#rewrite;
    if (egressSeq > this.#lastExtSeq) {
      this.#lastExtSeq = egressSeq;
      this.#lastTimestamp = rewrite.timestamp;
      this.#lastSentMs = nowMs;
      if (rewrite.pictureIdAt > 0) this.#lastPictureId = rewrite.pictureId;
      if (rewrite.tl0PictureIndexAt > 0) this.#lastTl0 = rewrite.tl0PictureIndex;
    }
    this.packetsSent++;
    this.octetsSent += view.payloadLength;
    this.#sink.rtp(this.input.egress, view, rewrite);
    return switched;
  }

  /**
   * A packet of the current source that carries nothing: the receiver's numbers close over it. When newer packets went out
   * already, its hole is there, and it is sent empty, or the receiver would wait for it.
   */
  skip(producer: Producer, extSeq: number, view: RtpView): void {
    const current = this.#current;
    if (producer !== current.producer) return;
    const egressSeq = current.sequence.map(extSeq);
    if (egressSeq > this.#lastExtSeq) {
      current.sequence.skip(extSeq);
      return;
    }
    if (egressSeq < 0) return;
    this.#fill(current, producer, view, egressSeq);
    this.packetsSent++;
    this.#sink.rtp(this.input.egress, view, this.#rewrite);
  }

  /** Answers one requested number; `scratch` is a view to stand on the cache. Returns false when it is refused. */
  retransmit(seq: number, scratch: RtpView, nowMs: InstantMs): boolean {
    const egressSeq = extendSeq(seq, this.#lastExtSeq);
    const mapping = egressSeq >= this.#current.egressStart ? this.#current : this.#previous;
    const producer = mapping.producer;
    if (producer === undefined) return false;
    const extSeq = mapping.sequence.reverse(egressSeq);
    if (!producer.cache.load(extSeq, scratch, nowMs)) return false;
    const request = { extSeq: egressSeq, byteLength: scratch.length, rttMs: Math.max(0, this.peer.roundTrip.rttMs) };
    if (!this.#responder.admit(request, nowMs)) return false;
    if (!producer.info.read(producer.track.input.codec, scratch)) return false;
    this.#fill(mapping, producer, scratch, egressSeq);
    const rewrite = this.#rewrite;
    let egress: EgressId = this.input.egress;
    if (this.input.rtx !== undefined && this.#codec.rtxPayloadType !== undefined) {
      egress = this.input.rtx.egress;
      rewrite.payloadType = this.#codec.rtxPayloadType;
      rewrite.originalSeq = egressSeq & 0xffff;
      rewrite.extSeq = this.#nextRtxSeq++;
    }
    this.#sink.rtp(egress, scratch, rewrite);
    return true;
  }

  #fill(mapping: Mapping, producer: Producer, view: RtpView, egressSeq: number): void {
    const { info } = producer;
    const rewrite = this.#rewrite;
    rewrite.payloadType = this.#codec.payloadType;
    rewrite.extSeq = egressSeq;
    rewrite.timestamp = (view.timestamp + mapping.timestampOffset) >>> 0;
    rewrite.marker = view.marker;
    rewrite.originalSeq = -1;
    rewrite.audioLevel = view.audioLevel < 0 ? 127 : view.audioLevel;
    rewrite.pictureIdAt = 0;
    rewrite.tl0PictureIndexAt = 0;
    if (view.payloadLength === 0) return;
    if (info.pictureIdAt > 0) {
      rewrite.pictureIdAt = info.pictureIdAt;
      rewrite.pictureIdBytes = info.pictureIdBytes;
      rewrite.pictureId = (info.pictureId + mapping.pictureIdOffset) & 0x7fff;
    }
    if (info.tl0PictureIndexAt > 0) {
      rewrite.tl0PictureIndexAt = info.tl0PictureIndexAt;
      rewrite.tl0PictureIndex = (info.tl0PictureIndex + mapping.tl0Offset) & 0xff;
    }
  }

  #switchTo(producer: Producer, extSeq: number, view: RtpView, nowMs: InstantMs): void {
    const old = this.#current;
    const next = this.#previous;
    const stepTicks = this.#started ? this.#stepTicks(old.producer, producer, view, nowMs) : 1;
    this.#leave(old.producer);
    this.#previous = old;
    this.#current = next;
    this.#awaited = undefined;
    next.producer = producer;
    next.egressStart = this.#lastExtSeq + 1;
    next.sequence.reset(extSeq, next.egressStart);
    next.timestampOffset = (this.#lastTimestamp + stepTicks - view.timestamp) >>> 0;
    const { info } = producer;
    next.pictureIdOffset = info.pictureIdAt > 0 ? (this.#lastPictureId + 1 - info.pictureId) & 0x7fff : 0;
    next.tl0Offset = info.tl0PictureIndexAt > 0 ? (this.#lastTl0 + 1 - info.tl0PictureIndex) & 0xff : 0;
    this.#started = true;
  }

  /**
   * How far the receiver's clock moves from the last packet to this one. Two layers of one track are compared by their
   * sender's wall clock, so that lips stay in step; else by arrival.
   */
  #stepTicks(old: Producer | undefined, next: Producer, view: RtpView, nowMs: InstantMs): number {
    const clockRateHz = next.track.input.clockRateHz;
    let stepMs = nowMs - this.#lastSentMs;
    if (old !== undefined && old.track === next.track && old.clock.isKnown && next.clock.isKnown) {
      const lastSourceTimestamp = (this.#lastTimestamp - this.#current.timestampOffset) >>> 0;
      stepMs = next.clock.ntpMsOf(view.timestamp) - old.clock.ntpMsOf(lastSourceTimestamp);
    }
    return Math.max(1, Math.round((Math.max(MIN_STEP_MS, stepMs) * clockRateHz) / 1000));
  }

  #leave(producer: Producer | undefined): void {
    if (producer === undefined) return;
    const index = producer.consumers.indexOf(this);
    if (index >= 0) producer.consumers.splice(index, 1);
  }
}
