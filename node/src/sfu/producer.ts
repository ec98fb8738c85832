/** One incoming stream: one layer of one track, on one SSRC. */
import type { PacketArena } from "./arena.ts";
import type { Consumer } from "./consumer.ts";
import { DependencyDescriptor } from "./dependency-descriptor.ts";
import { PayloadInfo } from "./keyframe.ts";
import { KeyframeRequester } from "./keyframe-requester.ts";
import { LayerMeter } from "./layer-meter.ts";
import { NackGenerator } from "./nack-generator.ts";
import type { ResolvedRouterOptions } from "./options.ts";
import type { Peer } from "./peer.ts";
import type { RedLayout } from "./red.ts";
import { RedRepair } from "./red-repair.ts";
import { ReceptionStatistics, SourceClock } from "./reports.ts";
import { RetransmissionCache } from "./retransmission-cache.ts";
import type { RtpView } from "./rtp-view.ts";
import { extendSeq, SequenceUnwrapper } from "./sequence.ts";
import type { Track } from "./track.ts";
import type { IngressId, IngressInput, InstantMs, RedInput, RouterDropReason } from "./types.ts";

/** A repaired packet older than this is of no use to anybody. */
const MAX_REPAIR_AGE = 1000;

export class Producer {
  readonly ingress: IngressId;
  readonly track: Track;
  readonly peer: Peer;
  readonly layer: string;
  readonly ssrc: number;
  readonly statistics: ReceptionStatistics;
  readonly clock: SourceClock;
  readonly cache: RetransmissionCache;
  /** Undefined where the sender does not answer NACK. */
  readonly nack: NackGenerator | undefined;
  readonly keyframes: KeyframeRequester;
  /** Of the packet received last. */
  readonly info = new PayloadInfo();
  readonly meter: LayerMeter | undefined;
  /** Of a sender that may send redundant audio. */
  readonly red: RedRepair | undefined;
  /** Who is fed from here, or waits for a keyframe here. */
  readonly consumers: Consumer[] = [];
  readonly #redInput: RedInput | undefined;
  readonly #unwrapper = new SequenceUnwrapper();
  #dependency: DependencyDescriptor | undefined;
  width = 0;
  height = 0;
  /** Of each spatial layer, by the last keyframe; zeros while unknown. */
  readonly spatialSizes: { width: number; height: number }[] = [];
  active = false;
  lastPacketMs: InstantMs = Number.NEGATIVE_INFINITY;
  repaired = 0;
  octetsReceived = 0;

  constructor(
    ingress: IngressId,
    input: IngressInput,
    owner: { readonly track: Track; readonly peer: Peer; readonly arena: PacketArena },
    options: ResolvedRouterOptions,
  ) {
    const { kind, clockRateHz } = owner.track.input;
    this.ingress = ingress;
    this.track = owner.track;
    this.peer = owner.peer;
    this.layer = input.layer;
    this.ssrc = input.ssrc;
    this.statistics = new ReceptionStatistics(input.ssrc, clockRateHz);
    this.clock = new SourceClock(clockRateHz);
    this.cache = new RetransmissionCache(owner.arena, {
      maxBytes: kind === "audio" ? options.audioCacheBytes : options.cacheBytes,
      maxAgeMs: options.cacheMs,
    });
    this.nack = input.nack ? new NackGenerator(options) : undefined;
    this.#redInput = input.red;
    this.red = input.red === undefined ? undefined : new RedRepair();
    this.meter = kind === "video" ? new LayerMeter() : undefined;
    this.keyframes = new KeyframeRequester(options);
  }

  get highestExtSeq(): number {
    return this.#unwrapper.highest;
  }

  /**
   * Takes an original packet. Returns its extended sequence number, to be forwarded; or why it is not. Padding without
   * payload is accepted with an empty view.
   */
  accept(view: RtpView, nowMs: InstantMs): number | RouterDropReason {
    if (!view.trimPadding()) return "bad_payload";
    const extSeq = this.#unwrapper.unwrap(view.seq);
    this.statistics.receive(extSeq, view.timestamp, nowMs);
    this.lastPacketMs = nowMs;
    return this.#take(extSeq, view, nowMs);
  }

  /**
   * Takes a packet out of its RTX envelope (RFC 4588 section 4), in place: the two bytes of the original number disappear
   * by moving the header over them.
   */
  acceptRepair(view: RtpView, nowMs: InstantMs): number | RouterDropReason {
    if (!view.trimPadding()) return "bad_rtx";
    if (view.payloadLength < 2 || this.#unwrapper.highest < 0) return "bad_rtx";
    const { bytes } = view;
    const at = view.payloadOffset;
    const originalSeq = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
    const extSeq = extendSeq(originalSeq, this.#unwrapper.highest);
    if (extSeq < this.#unwrapper.highest - MAX_REPAIR_AGE) return "too_old";
    if (this.cache.has(extSeq)) return "duplicate";
    bytes.copyWithin(view.offset + 2, view.offset, at);
    view.offset += 2;
    view.length -= 2;
    view.payloadLength -= 2;
    view.dependencyStart += 2;
    view.seq = originalSeq;
    bytes[view.offset + 2] = originalSeq >> 8;
    bytes[view.offset + 3] = originalSeq & 0xff;
    this.#restorePayloadType(view);
    if (extSeq > this.#unwrapper.highest) this.#unwrapper.unwrap(originalSeq);
    else this.repaired++;
    return this.#take(extSeq, view, nowMs);
  }

  /** When the packet is redundant audio (RFC 2198), fills `layout` and sets `primaryAt`. False: it is, and malformed. */
  readRed(info: PayloadInfo, view: RtpView, layout: RedLayout): boolean {
    const input = this.#redInput;
    if (input === undefined || view.payloadType !== input.payloadType || view.payloadLength === 0) return true;
    if (!layout.read(view, input.blockPayloadType)) return false;
    info.primaryAt = layout.primaryAt;
    return true;
  }

  /**
   * The i-th of the packets that `red` found in the copies of that packet, as if it had come by itself: it is stored, counts
   * as repaired, and `into` stands on it. Undefined: there is no packet memory, or it has come meanwhile.
   */
  recover(i: number, carrier: RtpView, into: RtpView, nowMs: InstantMs): number | undefined {
    const { red, info } = this;
    const input = this.#redInput;
    if (red === undefined || input === undefined) return undefined;
    const extSeq = red.foundExtSeqs[i] as number;
    if (this.cache.has(extSeq)) return undefined;
    const packet = red.packet(i, carrier, input.blockPayloadType);
    this.cache.store(extSeq, packet, nowMs);
    if (!this.cache.load(extSeq, into, nowMs)) return undefined;
    into.audioLevel = carrier.audioLevel;
    red.note(extSeq, into.timestamp);
    this.nack?.receive(extSeq, nowMs);
    this.repaired++;
    info.read(this.track.input.codec, into);
    return extSeq;
  }

  /** Feeds that consumer no more. */
  leave(consumer: Consumer): void {
    const index = this.consumers.indexOf(consumer);
    if (index >= 0) this.consumers.splice(index, 1);
  }

  close(): void {
    this.cache.close();
    this.nack?.clear();
    this.keyframes.satisfy();
  }

  #take(extSeq: number, view: RtpView, nowMs: InstantMs): number | RouterDropReason {
    const inReach = this.nack?.receive(extSeq, nowMs) ?? true;
    if (!inReach && this.track.input.kind === "video") this.keyframes.request(nowMs);
    const { info } = this;
    if (this.cache.has(extSeq)) return "duplicate";
    if (!info.read(this.track.input.codec, view)) return "bad_payload";
    if (this.red !== undefined && !this.#noteRed(this.red, extSeq, view)) return "bad_red";
    if (view.dependencyLength > 0) this.#describe(view);
    this.cache.store(extSeq, view, nowMs);
    this.octetsReceived += view.payloadLength;
    if (view.payloadLength > 0) this.meter?.add(info, view.payloadLength, nowMs);
    if (info.startsKeyframe && this.track.input.kind === "video") this.#noteKeyframe();
    return extSeq;
  }

  #noteRed(red: RedRepair, extSeq: number, view: RtpView): boolean {
    red.foundCount = 0;
    if (!this.readRed(this.info, view, red.layout)) return false;
    red.note(extSeq, view.timestamp);
    if (this.info.primaryAt > 0) red.search(extSeq, view.timestamp);
    return true;
  }

  /** An RTX stream has a payload type for each that it repairs (RFC 4588 section 8.6). */
  #restorePayloadType(view: RtpView): void {
    const input = this.#redInput;
    if (input === undefined || view.payloadType !== input.rtxPayloadType) return;
    view.payloadType = input.payloadType;
    view.bytes[view.offset + 1] = ((view.bytes[view.offset + 1] as number) & 0x80) | input.payloadType;
  }

  #describe(view: RtpView): void {
    this.#dependency ??= new DependencyDescriptor();
    if (this.#dependency.read(view.bytes, view.dependencyStart, view.dependencyLength)) {
      this.info.describe(this.#dependency);
    }
  }

  #noteKeyframe(): void {
    const { info } = this;
    this.keyframes.satisfy();
    if (info.width === 0) return;
    this.width = info.width;
    this.height = info.height;
    this.spatialSizes.length = 0;
    for (let i = 0; i < info.spatialWidths.length && (info.spatialWidths[i] as number) > 0; i++) {
      this.spatialSizes.push({ width: info.spatialWidths[i] as number, height: info.spatialHeights[i] as number });
    }
  }
}
