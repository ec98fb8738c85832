/**
 * The forwarding core: RTP and RTCP in, RTP and RTCP out, time as an argument. It keeps the contract of LAYOUT.md A1: input
 * by `handle...`, output through the sink, which must not call back; consistent after every call.
 */
import type { PacketArena } from "./arena.ts";
import { Assignments } from "./assignments.ts";
import { AudioLevels } from "./audio-levels.ts";
import { Allocator } from "./congestion/allocator.ts";
import { PeerSender } from "./congestion/peer-sender.ts";
import { Consumer } from "./consumer.ts";
import type { ForwardingState } from "./forwarding-state.ts";
import { type RouterOptions, resolveRouterOptions } from "./options.ts";
import { Peer } from "./peer.ts";
import { Producer } from "./producer.ts";
import { RouterState } from "./router-state.ts";
import { RtcpInput } from "./rtcp-input.ts";
import { RtcpOutput } from "./rtcp-output.ts";
import type { RtpView } from "./rtp-view.ts";
import { ingressSummaryOf, type RouterCounters, summaryOf } from "./stats.ts";
import { Track } from "./track.ts";
import type {
  Assignment,
  ConsumerInput,
  EgressId,
  IngressId,
  IngressInput,
  IngressSummary,
  InstantMs,
  PeerInput,
  PeerSummary,
  RandomSource,
  RouterSink,
  StreamSummary,
  TrackInput,
} from "./types.ts";

export class RouterCore {
  readonly #state: RouterState;
  readonly #output: RtcpOutput;
  readonly #input: RtcpInput;
  readonly #assignments: Assignments;
  readonly #allocator: Allocator;
  readonly #levels: AudioLevels;
  /** By ingress id. */
  readonly #producers: (Producer | undefined)[] = [];
  readonly #freeIngresses: IngressId[] = [];
  readonly #consumers = new Map<EgressId, Consumer>();
  #nextTickMs: InstantMs = Number.NEGATIVE_INFINITY;
  #busy = false;

  constructor(input: {
    readonly sink: RouterSink;
    readonly random: RandomSource;
    readonly arena: PacketArena;
    readonly options?: RouterOptions;
  }) {
    const options = resolveRouterOptions(input.options);
    this.#state = new RouterState({ ...input, options });
    this.#output = new RtcpOutput(this.#state);
    this.#assignments = new Assignments(this.#state, this.#output);
    this.#allocator = new Allocator(this.#state, this.#assignments);
    this.#input = new RtcpInput(this.#state, this.#output, this.#allocator);
    this.#levels = new AudioLevels(options);
  }

  get counters(): Readonly<RouterCounters> {
    return this.#state.counters;
  }

  get trackCount(): number {
    return this.#state.tracks.size;
  }

  /**
   * A transport. `feedbackSsrc` is the sender SSRC of what the node says to it; `startBps` what its path is taken to carry at
   * first. Replaces nothing: a known id is a no-op. `duplicatesAudio`: while the path is lossy, voices go twice to it.
   */
  addPeer(peerId: string, input: PeerInput, nowMs: InstantMs): void {
    const { feedbackSsrc, startBps, duplicatesAudio = false } = input;
    const { peers, random, options } = this.#state;
    if (peers.has(peerId)) return;
    const nextReportMs = nowMs + (random.uint32() / 2 ** 32) * options.reportIntervalMs;
    peers.set(
      peerId,
      new Peer(peerId, feedbackSsrc, { nextReportMs, startBps: startBps ?? options.startBps, duplicatesAudio }),
    );
    if (this.#nextTickMs === Number.NEGATIVE_INFINITY) this.#nextTickMs = nowMs + options.tickMs;
  }

  peerSummary(peerId: string): PeerSummary | undefined {
    return this.#state.peers.get(peerId)?.summary();
  }

  ingressSummaries(peerId: string): readonly IngressSummary[] {
    return [...(this.#state.peers.get(peerId)?.producers.values() ?? [])].map(ingressSummaryOf);
  }

  /** Its producers and consumers must have been removed. */
  removePeer(peerId: string): void {
    this.#state.peers.get(peerId)?.sender?.close();
    this.#state.peers.delete(peerId);
  }

  addTrack(input: TrackInput, nowMs: InstantMs): void {
    if (this.#state.tracks.has(input.trackId)) return;
    const track = new Track(input);
    this.#state.tracks.set(input.trackId, track);
    if (input.kind === "audio" && !input.remote) this.#levels.add(input.trackId, input.roomId);
    this.#assignments.trackAdded(track, nowMs);
    this.#output.sendDueRequests(nowMs);
  }

  hasTrack(trackId: string): boolean {
    return this.#state.tracks.has(trackId);
  }

  removeTrack(trackId: string): void {
    const track = this.#state.tracks.get(trackId);
    if (track === undefined) return;
    for (const producer of track.producers) if (producer !== undefined) this.#dropProducer(producer);
    this.#state.tracks.delete(trackId);
    this.#levels.remove(trackId);
    this.#assignments.trackRemoved(track);
  }

  /** While muted, nothing is forwarded; afterwards video goes on with a keyframe. */
  setTrackMuted({ trackId, muted }: { readonly trackId: string; readonly muted: boolean }, nowMs: InstantMs): void {
    const track = this.#state.tracks.get(trackId);
    if (track === undefined || track.muted === muted) return;
    track.muted = muted;
    if (muted) for (const consumer of track.consumers) consumer.pause();
    this.#assignments.reselectAll(track, nowMs);
    this.#output.sendDueRequests(nowMs);
  }

  /** A layer's stream. Replaces the layer's former one (a publisher that restarted). Undefined: no such track, layer or peer. */
  addIngress(input: IngressInput, nowMs: InstantMs): IngressId | undefined {
    const track = this.#state.tracks.get(input.trackId);
    const peer = this.#state.peers.get(input.peerId);
    const index = track?.input.layers.indexOf(input.layer) ?? -1;
    if (track === undefined || peer === undefined || index < 0) return undefined;
    const former = track.producers[index];
    if (former !== undefined) this.#dropProducer(former);
    const ingress = this.#freeIngresses.pop() ?? (this.#producers.length as IngressId);
    const owner = { track, peer, arena: this.#state.arena };
    const producer = new Producer(ingress, input, owner, this.#state.options);
    this.#producers[ingress] = producer;
    track.producers[index] = producer;
    peer.producers.set(input.ssrc, producer);
    this.#assignments.reselectAll(track, nowMs);
    return ingress;
  }

  removeIngress(ingress: IngressId, nowMs: InstantMs): void {
    const producer = this.#producers[ingress];
    if (producer === undefined) return;
    const { track } = producer;
    this.#dropProducer(producer);
    this.#assignments.reselectAll(track, nowMs);
    if (track.input.remote && !track.hasProducers && track.consumers.size === 0) this.removeTrack(track.input.trackId);
  }

  /** `state`: as exported by the consumer that this one continues. */
  addConsumer(input: ConsumerInput, state?: ForwardingState): boolean {
    const peer = this.#state.peers.get(input.peerId);
    if (peer === undefined || this.#consumers.has(input.egress)) return false;
    const consumer = new Consumer(input, { state: this.#state, peer }, state);
    this.#consumers.set(input.egress, consumer);
    peer.consumers.set(input.ssrc, consumer);
    if (input.rtx !== undefined) peer.consumers.set(input.rtx.ssrc, consumer);
    if (input.transportFeedback !== true) return true;
    const { minBps, maxBps } = this.#state.options;
    peer.sender ??= new PeerSender(this.#state.pacing, { startBps: peer.startBps, minBps, maxBps });
    if (input.rtx !== undefined) peer.sender.streams.add(consumer);
    return true;
  }

  removeConsumer(egress: EgressId, nowMs: InstantMs): void {
    const consumer = this.#consumers.get(egress);
    if (consumer === undefined) return;
    this.#assignments.assign(consumer, null, nowMs);
    this.#consumers.delete(egress);
    consumer.peer.sender?.remove(consumer);
    consumer.peer.consumers.delete(consumer.input.ssrc);
    if (consumer.input.rtx !== undefined) consumer.peer.consumers.delete(consumer.input.rtx.ssrc);
  }

  assign(egress: EgressId, assignment: Assignment | null, nowMs: InstantMs): void {
    const consumer = this.#consumers.get(egress);
    if (consumer === undefined) return;
    const former = consumer.track;
    this.#assignments.assign(consumer, assignment, nowMs);
    consumer.peer.allocatedAtMs = Number.NEGATIVE_INFINITY;
    this.#allocator.run(consumer.peer, nowMs);
    this.#output.sendDueRequests(nowMs);
    if (former === undefined || former === consumer.track) return;
    // A remote track that nobody watches and nothing feeds is only a name.
    const idle = former.input.remote && !former.hasProducers && former.consumers.size === 0;
    if (idle) this.removeTrack(former.input.trackId);
  }

  streamSummary(egress: EgressId): StreamSummary | undefined {
    const consumer = this.#consumers.get(egress);
    return consumer === undefined ? undefined : summaryOf(consumer);
  }

  exportForwardingState(egress: EgressId): ForwardingState | undefined {
    return this.#consumers.get(egress)?.exportForwardingState();
  }

  /** One authentic, decrypted packet of that stream. */
  handleRtp(ingress: IngressId, packet: RtpView, nowMs: InstantMs): void {
    this.#enter();
    const producer = this.#producers[ingress];
    if (producer === undefined) this.#state.sink.dropped("unknown_ssrc");
    else this.#handlePacket(producer, packet, nowMs, false);
    this.#busy = false;
  }

  /** One packet of the RTX stream that repairs that stream. */
  handleRtx(ingress: IngressId, packet: RtpView, nowMs: InstantMs): void {
    this.#enter();
    const producer = this.#producers[ingress];
    if (producer === undefined) this.#state.sink.dropped("unknown_ssrc");
    else this.#handlePacket(producer, packet, nowMs, true);
    this.#busy = false;
  }

  /** An authentic packet that belongs to no stream: its sender's estimator wants to know that it came. */
  handleUnrouted(peerId: string, packet: RtpView, nowMs: InstantMs): void {
    this.#state.peers.get(peerId)?.noteArrival(packet.transportSeq, nowMs);
  }

  handleRtcp(peerId: string, bytes: Uint8Array, nowMs: InstantMs): void {
    this.#enter();
    const peer = this.#state.peers.get(peerId);
    if (peer !== undefined) this.#input.handle(peer, bytes, nowMs);
    this.#busy = false;
  }

  handleTimeout(nowMs: InstantMs): void {
    this.#enter();
    for (const sender of this.#state.pacing) sender.handleTimeout(nowMs);
    this.#output.sendDueRequests(nowMs);
    if (nowMs >= this.#nextTickMs) this.#tick(nowMs);
    this.#busy = false;
  }

  /** Infinity when idle. */
  deadlineMs(): InstantMs {
    if (this.#state.peers.size === 0) return Number.POSITIVE_INFINITY;
    let deadlineMs = Math.min(this.#nextTickMs, this.#output.deadlineMs());
    for (const sender of this.#state.pacing) deadlineMs = Math.min(deadlineMs, sender.deadlineMs());
    return deadlineMs;
  }

  #enter(): void {
    if (this.#busy) throw new Error("the sink called back into the core");
    this.#busy = true;
  }

  #handlePacket(producer: Producer, packet: RtpView, nowMs: InstantMs, isRepair: boolean): void {
    const { counters, sink } = this.#state;
    counters.rtp_packets_received++;
    counters.rtp_bytes_received += packet.length;
    producer.peer.noteArrival(packet.transportSeq, nowMs);
    if (isRepair) counters.rtx_received++;
    const extSeq = isRepair ? producer.acceptRepair(packet, nowMs) : producer.accept(packet, nowMs);
    if (typeof extSeq !== "number") {
      sink.dropped(extSeq);
      return;
    }
    if (isRepair) counters.rtp_packets_repaired++;
    this.#noteRequests(producer, nowMs);
    if (!producer.active) this.#activate(producer, nowMs);
    if (producer.track.muted) sink.dropped("muted");
    else {
      if (producer.red !== undefined && producer.red.foundCount > 0) this.#recover(producer, packet, nowMs);
      this.#forward(producer, extSeq, packet, nowMs);
    }
  }

  /** What was lost towards us and lies in this packet as a copy goes out before it. Who gets redundant audio finds it there. */
  #recover(producer: Producer, carrier: RtpView, nowMs: InstantMs): void {
    const { counters, recovered } = this.#state;
    const { red, info, consumers } = producer;
    const { primaryAt } = info;
    for (let i = 0; i < (red?.foundCount ?? 0); i++) {
      const extSeq = producer.recover(i, carrier, recovered, nowMs);
      if (extSeq === undefined) continue;
      counters.red_recovered++;
      for (const consumer of consumers) if (!consumer.takesRed) consumer.forward(producer, extSeq, recovered, nowMs);
    }
    info.primaryAt = primaryAt;
  }

  /** The first packet of a stream, or of one that had fallen silent. */
  #activate(producer: Producer, nowMs: InstantMs): void {
    producer.active = true;
    this.#assignments.reselectAll(producer.track, nowMs);
    // Whoever waits will be served by this very packet, or needs to ask.
    if (producer.info.startsKeyframe) producer.keyframes.satisfy();
    else if (this.#state.awaitingKeyframe.has(producer)) producer.keyframes.request(nowMs);
    this.#output.sendDueRequests(nowMs);
  }

  #forward(producer: Producer, extSeq: number, packet: RtpView, nowMs: InstantMs): void {
    const { consumers, track } = producer;
    if (packet.payloadLength === 0) {
      this.#state.counters.rtp_padding_received++;
      for (const consumer of consumers) consumer.skip(producer, extSeq, packet, nowMs);
      return;
    }
    if (packet.audioLevel >= 0 && !track.input.remote) this.#levels.note(track.input.trackId, packet.audioLevel, nowMs);
    let switches = 0;
    for (let i = 0; i < consumers.length; i++) {
      if (consumers[i]?.forward(producer, extSeq, packet, nowMs) === true) switches++;
    }
    if (switches === 0) return;
    this.#state.counters.layer_switches += switches;
    this.#assignments.updateDemand(track);
  }

  /** Puts the producer where the timer looks for it. */
  #noteRequests(producer: Producer, nowMs: InstantMs): void {
    if (producer.nack !== undefined && producer.nack.deadlineMs !== Number.POSITIVE_INFINITY) {
      this.#state.nacking.add(producer);
    }
    if (producer.keyframes.deadlineMs <= nowMs) this.#state.awaitingKeyframe.add(producer);
  }

  #tick(nowMs: InstantMs): void {
    const { tickMs } = this.#state.options;
    // Late calls catch up without a burst: the next tick counts from now when several were missed.
    this.#nextTickMs = Math.max(this.#nextTickMs + tickMs, nowMs + tickMs / 2);
    this.#output.sendFeedback(nowMs);
    this.#output.sendReports(nowMs);
    this.#noteSilentLayers(nowMs);
    for (const peer of this.#state.peers.values()) {
      peer.tick(nowMs);
      this.#allocator.run(peer, nowMs);
    }
    for (const track of this.#state.tracks.values()) this.#assignments.narrowLocal(track, nowMs);
    for (const event of this.#levels.takeEvents(nowMs)) this.#state.sink.event(event);
  }

  #noteSilentLayers(nowMs: InstantMs): void {
    const { layerSilenceMs } = this.#state.options;
    for (const producer of this.#producers) {
      if (producer?.active !== true || nowMs - producer.lastPacketMs < layerSilenceMs) continue;
      producer.active = false;
      this.#assignments.reselectAll(producer.track, nowMs);
    }
  }

  #dropProducer(producer: Producer): void {
    const { track, peer } = producer;
    this.#producers[producer.ingress] = undefined;
    this.#freeIngresses.push(producer.ingress);
    const index = track.producers.indexOf(producer);
    if (index >= 0) track.producers[index] = undefined;
    if (peer.producers.get(producer.ssrc) === producer) peer.producers.delete(producer.ssrc);
    // Also those that show another track by now: what they sent of this one could be repaired until now.
    for (const consumer of this.#consumers.values()) consumer.forget(producer);
    this.#state.nacking.delete(producer);
    this.#state.awaitingKeyframe.delete(producer);
    producer.close();
  }
}
