/**
 * What one media worker does, with or without a thread around it: one UDP port, the transports on it, and one RTP
 * plane, driven by one timer. It is a whole MediaPlane for the rooms that are pinned to it.
 */
import { hostCandidates, machineAddresses, tcpCandidates } from "./candidates.ts";
import type {
  LayerTarget,
  MediaEvent,
  MediaPlane,
  MediaStats,
  NegotiateInput,
  NegotiateResult,
  PeerGrants,
  PeerStats,
  TrunkParameters,
  TrunkStream,
} from "./control.ts";
import { createCertificate } from "./dtls-peer.ts";
import { IceLiteAgents } from "./ice-lite.ts";
import type { UdpAddress } from "./ip-address.ts";
import { LogLimit } from "./log-limit.ts";
import { LoopDelay } from "./loop-delay.ts";
import type { MediaEnvironment } from "./media-environment.ts";
import { MediaError } from "./media-error.ts";
import type { MediaLog } from "./media-log.ts";
import { MediaMux } from "./media-mux.ts";
import type { PeerLimitsOptions } from "./peer-limits.ts";
import { PeerTransport, readOffer } from "./peer-transport.ts";
import type { AdaptationEvent, PlaneEvent, RtpPlaneApi, RtpPlaneSink } from "./rtp-plane-types.ts";
import type { HostCandidate } from "./sdp-answer.ts";
import { SlotStates, streamSource } from "./slot-states.ts";
import { parseStun } from "./stun.ts";
import { type TrunkRole, TrunkTransport } from "./trunk-transport.ts";

export interface MediaHostOptions {
  /** UDP port; 0 lets the system choose. */
  readonly port: number;
  /** Address to bind; default all interfaces. */
  readonly host?: string;
  /** Addresses told to others instead of the machine's own (NAT 1:1). Literals. */
  readonly advertise?: readonly string[];
  /** Also listen on TCP, under the same port number. Default true. */
  readonly tcp?: boolean;
  /** How much each client may send. */
  readonly peerLimits?: PeerLimitsOptions;
}
export interface MediaHostParts {
  readonly log: MediaLog;
  readonly createPlane: (sink: RtpPlaneSink) => RtpPlaneApi;
  readonly event: (event: MediaEvent) => void;
  /** Monotonic milliseconds. Default performance.now; another in tests of long silences. */
  readonly nowMs?: () => number;
}

/** Clients of one worker; a core forwards for fewer. */
const MAX_PEERS = 2_000;
const MAX_TRUNKS = 500;
/** How often silence is looked for. */
const SWEEP_INTERVAL_MS = 250;
/** An error of the socket can come with each packet: the counter has them all, the log one in this time. */
const SOCKET_ERROR_LOG_MS = 1_000;

export class MediaHost implements MediaPlane {
  readonly #options: MediaHostOptions;
  readonly #parts: MediaHostParts;
  readonly #listeners = new Set<(event: MediaEvent) => void>();
  readonly #agents = new IceLiteAgents();
  readonly #peers = new Map<string, PeerTransport>();
  readonly #trunks = new Map<string, TrunkTransport>();
  readonly #slotStates = new SlotStates((event) => this.#emit(event));
  readonly #byAgentId = new Map<string, PeerTransport | TrunkTransport>();
  readonly #counters = new Map<string, number>();
  readonly #dropped = new Map<string, number>();
  readonly #socketErrors = new LogLimit(SOCKET_ERROR_LOG_MS);
  readonly #delay = new LoopDelay();
  #env: MediaEnvironment | undefined = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;
  #armedForMs = Number.POSITIVE_INFINITY;
  #nextSweepMs = 0;
  #planeEvents: (PlaneEvent | AdaptationEvent)[] = [];

  constructor(options: MediaHostOptions, parts: MediaHostParts) {
    this.#options = options;
    this.#parts = parts;
  }

  async start(): Promise<{ readonly candidates: readonly HostCandidate[] }> {
    if (this.#env !== undefined) return { candidates: this.#env.candidates };
    const certificate = await createCertificate();
    const { host } = this.#options;
    const nowMs = this.#parts.nowMs ?? (() => performance.now());
    const mux = new MediaMux(
      { port: this.#options.port, ...(host === undefined ? {} : { host }), tcp: this.#options.tcp ?? true },
      {
        stun: (bytes, from) => this.#handleStun(bytes, from),
        dropped: (reason) => this.#drop(reason),
        localPriority: (address) => this.#env?.tcpCandidates.find((own) => own.host === address)?.priority ?? 0,
        burstEnd: () => this.#afterInput(),
        failed: (error) => this.#socketFailed(error),
      },
      nowMs,
    );
    const port = await mux.bind();
    const advertise = this.#options.advertise ?? [];
    const candidates = hostCandidates({ port, host, advertise, families: mux.families(), machine: machineAddresses() });
    if (mux.tcpFamilies().length === 0 && this.#options.tcp !== false)
      this.#parts.log.warn({ port }, "no TCP on the media port: another has it");
    const plane = this.#parts.createPlane({
      event: (event) => this.#planeEvents.push(event),
      adapt: (event) => this.#planeEvents.push(event),
    });
    this.#env = {
      mux,
      plane,
      certificate,
      candidates,
      tcpCandidates: tcpCandidates(candidates, mux.tcpFamilies()),
      agents: this.#agents,
      log: this.#parts.log,
      peerLimits: this.#options.peerLimits ?? {},
      nowMs,
      event: (event) => this.#emit(event),
      dropped: (reason) => this.#drop(reason),
      count: (name, by = 1) => this.#counters.set(name, (this.#counters.get(name) ?? 0) + by),
    };
    this.#delay.start();
    this.#arm();
    return { candidates };
  }

  async stop(): Promise<void> {
    const env = this.#env;
    this.#env = undefined;
    clearTimeout(this.#timer);
    this.#delay.stop();
    for (const transport of this.#byAgentId.values()) transport.close();
    for (const map of [this.#peers, this.#trunks, this.#byAgentId]) map.clear();
    await env?.mux.close();
  }

  async negotiate(input: NegotiateInput): Promise<NegotiateResult> {
    const env = this.#running();
    const offer = readOffer(input.sdp);
    const known = input.fresh ? undefined : this.#peers.get(input.peerId);
    if (known !== undefined && known.roomId === input.roomId) {
      return this.#changed(() => this.#agreed(known, known.negotiate(input, offer)));
    }
    if (this.#peers.size >= MAX_PEERS) throw new MediaError("peer_limit", `more than ${MAX_PEERS} clients`);
    const peer = new PeerTransport({ ...input, offer }, env, (gone) => this.#forget(gone));
    return this.#changed(() => {
      // Throws before anything of the older transport was touched.
      const grants = input.grants ?? this.#peers.get(input.peerId)?.grants;
      const result = peer.negotiate({ ...input, ...(grants === undefined ? {} : { grants }) }, offer);
      this.#removePeer(input.peerId);
      this.#peers.set(input.peerId, peer);
      this.#byAgentId.set(peer.agent.id, peer);
      return this.#agreed(peer, result);
    });
  }

  #agreed({ peerId }: PeerTransport, result: NegotiateResult): NegotiateResult {
    this.#slotStates.setSlots(peerId, result.slots);
    this.#slotStates.setTracks(peerId, result.tracks);
    return result;
  }

  closePeer(peerId: string): void {
    this.#changed(() => this.#removePeer(peerId));
  }

  assignSlot(input: {
    readonly peerId: string;
    readonly mid: string;
    readonly trackId: string | null;
    readonly target?: LayerTarget;
  }): void {
    this.#changed(() => this.#peers.get(input.peerId)?.assignSlot(input));
    this.#slotStates.assign(input);
  }

  setTrackMuted(input: { readonly trackId: string; readonly muted: boolean }): void {
    this.#changed(() => {
      for (const peer of this.#peers.values()) peer.setTrackMuted(input);
    });
  }

  async sendData(input: Parameters<MediaPlane["sendData"]>[0]): Promise<readonly string[]> {
    const { peerIds, channel, data } = input;
    const refused = peerIds.filter((peerId) => this.#peers.get(peerId)?.sendData(channel, data) !== true);
    this.#env?.count("data_messages_sent", peerIds.length - refused.length);
    return refused;
  }

  setPeerGrants({ peerId, grants }: { readonly peerId: string; readonly grants: PeerGrants }): void {
    this.#changed(() => this.#peers.get(peerId)?.setGrants(grants));
  }

  closeTrack(trackId: string): void {
    this.#changed(() => this.#env?.plane.removeTrack(trackId, this.#env.nowMs()));
  }

  async createTrunk(input: { readonly trunkId: string; readonly role: TrunkRole }): Promise<TrunkParameters> {
    const env = this.#running();
    this.#removeTrunk(input.trunkId);
    if (this.#trunks.size >= MAX_TRUNKS) throw new MediaError("peer_limit", `more than ${MAX_TRUNKS} trunks`);
    const trunk = new TrunkTransport(input, env, (gone) => this.#forget(gone));
    this.#trunks.set(trunk.trunkId, trunk);
    this.#byAgentId.set(trunk.planeId, trunk);
    return trunk.parameters();
  }

  connectTrunk(input: { readonly trunkId: string; readonly remote: TrunkParameters }): void {
    this.#changed(() => this.#trunks.get(input.trunkId)?.connect(input.remote));
  }

  closeTrunk(trunkId: string): void {
    this.#changed(() => this.#removeTrunk(trunkId));
  }

  async openTrunkEgress(input: { readonly trunkId: string; readonly stream: TrunkStream }): Promise<boolean> {
    const opened = await this.#trunks.get(input.trunkId)?.openEgress(input.stream);
    return this.#changed(() => opened ?? false);
  }

  closeTrunkEgress(input: { readonly trunkId: string; readonly ssrc: number }): void {
    this.#changed(() => this.#trunks.get(input.trunkId)?.closeEgress(input.ssrc));
  }

  async openTrunkIngress(input: {
    readonly trunkId: string;
    readonly stream: Omit<TrunkStream, "ssrc" | "rtxSsrc">;
  }): Promise<{ readonly ssrc: number; readonly rtxSsrc: number }> {
    const opened = this.#changed(() => this.#trunks.get(input.trunkId)?.openIngress(input.stream));
    if (opened === undefined) throw new MediaError("media_unavailable", `no trunk ${input.trunkId}, or it is full`);
    this.#slotStates.setTracks(streamSource(input.trunkId, opened.ssrc), [input.stream.track]);
    return opened;
  }

  closeTrunkIngress(input: { readonly trunkId: string; readonly ssrc: number }): void {
    this.#changed(() => this.#trunks.get(input.trunkId)?.closeIngress(input.ssrc));
    this.#slotStates.setTracks(streamSource(input.trunkId, input.ssrc), []);
  }

  async stats(): Promise<MediaStats> {
    const plane = this.#env?.plane.stats();
    return {
      peers: this.#peers.size,
      tracks: plane?.tracks ?? 0,
      trunks: [...this.#trunks.values()].map((trunk) => trunk.stats()),
      counters: { ...plane?.counters, ...Object.fromEntries(this.#counters) },
      dropped: { ...plane?.dropped, ...Object.fromEntries(this.#dropped) },
      eventLoopDelayP99Ms: this.#delay.p99Ms(),
    };
  }

  async peerStats(peerId: string): Promise<PeerStats | undefined> {
    const stats = this.#peers.get(peerId)?.stats();
    return stats && { ...stats, slots: this.#slotStates.shownTo(peerId) };
  }

  onEvent(listener: (event: MediaEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #running(): MediaEnvironment {
    if (this.#env === undefined) throw new MediaError("media_unavailable", "the media plane is not running");
    return this.#env;
  }

  /** True: an authentic request, which was answered. */
  #handleStun(bytes: Buffer, from: UdpAddress): boolean {
    const env = this.#env;
    if (env === undefined) return false;
    // Answers (class bits set) are for a trunk that asked; everything else is for the lite agents.
    if (bytes[0] === 1) {
      this.#handleStunAnswer(bytes);
      return false;
    }
    const outcome = this.#agents.handle(bytes, from, env.nowMs());
    if (outcome.kind === "drop") {
      this.#drop(outcome.reason);
      return false;
    }
    const transport = this.#byAgentId.get(outcome.agent.id);
    if (outcome.selected !== undefined) transport?.handleSelected(outcome.selected);
    env.mux.send(outcome.bytes, from);
    env.count("stun_answered");
    if (outcome.state !== undefined) transport?.handleIceState(outcome.state);
    return true;
  }

  #handleStunAnswer(bytes: Buffer): void {
    const parsed = parseStun(bytes);
    const trunks = [...this.#trunks.values()];
    const taken = parsed.ok && trunks.some((trunk) => trunk.handleStunAnswer(bytes, parsed.message.transactionId));
    if (!taken) this.#drop(parsed.ok ? "stun_unknown_transaction" : parsed.reason);
  }

  #removePeer(peerId: string): void {
    const peer = this.#peers.get(peerId);
    if (peer === undefined) return;
    peer.close();
    this.#forget(peer);
  }

  #removeTrunk(trunkId: string): void {
    const trunk = this.#trunks.get(trunkId);
    if (trunk === undefined) return;
    trunk.close();
    this.#forget(trunk);
  }

  #forget(transport: PeerTransport | TrunkTransport): void {
    if (transport instanceof PeerTransport) {
      if (this.#peers.get(transport.peerId) === transport) {
        this.#peers.delete(transport.peerId);
        this.#slotStates.removePeer(transport.peerId);
      }
      if (this.#byAgentId.get(transport.peerId) === transport) this.#byAgentId.delete(transport.peerId);
    } else {
      const { trunkId } = transport;
      for (const ssrc of transport.ingressSsrcs()) this.#slotStates.setTracks(streamSource(trunkId, ssrc), []);
      if (this.#trunks.get(trunkId) === transport) this.#trunks.delete(trunkId);
      if (this.#byAgentId.get(transport.planeId) === transport) this.#byAgentId.delete(transport.planeId);
    }
  }

  #socketFailed(error: Error): void {
    const leftOut = this.#socketErrors.take(this.#env?.nowMs() ?? 0);
    if (leftOut !== undefined) this.#parts.log.error({ err: error, leftOut }, "the media socket reported an error");
  }

  #drop(reason: string): void {
    this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + 1);
  }

  #emit(event: MediaEvent): void {
    this.#parts.event(event);
    for (const listener of [...this.#listeners]) listener(event);
  }

  /** Runs a command, then does what is due after any input. */
  #changed<T>(run: () => T): T {
    try {
      return run();
    } finally {
      this.#afterInput();
    }
  }

  /** After a burst of datagrams, a command or a timeout: sends what waits, says what happened, sets the timer. */
  #afterInput(): void {
    const plane = this.#env?.plane;
    if (plane === undefined) return;
    plane.flush();
    if (this.#planeEvents.length > 0) {
      const events = this.#planeEvents;
      this.#planeEvents = [];
      for (const event of events) {
        if (event.kind === "trackStarted") this.#parts.log.debug(event, "a layer of a track has started");
        else if (event.kind === "slotPaused") this.#slotStates.setPaused(event);
        else this.#emit(event);
      }
    }
    this.#arm();
  }

  /** One timer per worker: set anew only when something is due earlier than what it waits for. */
  #arm(): void {
    const env = this.#env;
    if (env === undefined) return;
    let deadlineMs = Math.min(env.plane.deadlineMs(), this.#nextSweepMs);
    for (const trunk of this.#trunks.values()) deadlineMs = Math.min(deadlineMs, trunk.deadlineMs());
    if (deadlineMs >= this.#armedForMs) return;
    clearTimeout(this.#timer);
    this.#armedForMs = deadlineMs;
    this.#timer = setTimeout(this.#handleTimer, Math.max(0, deadlineMs - env.nowMs()));
  }

  readonly #handleTimer = (): void => {
    const env = this.#env;
    if (env === undefined) return;
    this.#armedForMs = Number.POSITIVE_INFINITY;
    const nowMs = env.nowMs();
    env.plane.handleTimeout(nowMs);
    for (const trunk of this.#trunks.values()) trunk.handleTimeout(nowMs);
    if (nowMs >= this.#nextSweepMs) this.#sweep(nowMs);
    this.#afterInput();
  };

  #sweep(nowMs: number): void {
    this.#nextSweepMs = nowMs + SWEEP_INTERVAL_MS;
    for (const agent of this.#agents.handleTimeout(nowMs)) this.#byAgentId.get(agent.id)?.handleIceState(agent.state);
    for (const transport of [...this.#byAgentId.values()]) transport.handleSweep(nowMs);
    this.#env?.mux.handleSweep(nowMs);
    this.#delay.handleSweep(nowMs);
  }
}
