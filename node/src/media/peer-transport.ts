/**
 * The transport of one client: its ICE-lite agent, its DTLS association, and the agreement about media lines.
 * What is agreed reaches the RTP plane when the keys are there; until then assignments wait here.
 */
import { randomInt } from "node:crypto";
import type {
  DataChannelName,
  LayerTarget,
  NegotiateInput,
  NegotiateResult,
  PeerGrants,
  PeerStats,
} from "./control.ts";
import { DataChannels } from "./data-channels.ts";
import { DtlsPeer, fingerprintOf, type SrtpMasterKeys } from "./dtls-peer.ts";
import { CLIENT_TIMEOUTS, IceLiteAgent, type IceState } from "./ice-lite.ts";
import type { UdpAddress } from "./ip-address.ts";
import { type MediaEnvironment, pickSsrc } from "./media-environment.ts";
import { MediaError } from "./media-error.ts";
import { PeerLimits } from "./peer-limits.ts";
import { PeerRates } from "./peer-rates.ts";
import { planeReceiver, planeSlot, planeText, slotOf } from "./plane-lines.ts";
import { writeAnswer } from "./sdp-answer.ts";
import { type ParsedOffer, parseOffer } from "./sdp-parse.ts";
import { type PlannedLine, planSession, type ReceiveLine, type SessionPlan } from "./sdp-plan.ts";
import type { MuxPeer } from "./udp-mux.ts";

export type PeerTransportState = "new" | "connected" | "reconnecting" | "gone";

interface Assignment {
  readonly trackId: string | null;
  readonly target: LayerTarget | undefined;
}

const ALL_GRANTS: PeerGrants = { publish: true, subscribe: true };
/** DTLS that has not finished this long after the offer never will. */
const HANDSHAKE_LIMIT_MS = 30_000;

export class PeerTransport implements MuxPeer {
  readonly peerId: string;
  readonly roomId: string;
  readonly #number: { readonly transport?: number };
  readonly agent: IceLiteAgent;
  readonly #env: MediaEnvironment;
  readonly #onGone: (peer: PeerTransport) => void;
  readonly #dtls: DtlsPeer;
  readonly #fingerprint: string;
  readonly #createdAtMs: number;
  readonly #sessionId = String(randomInt(2 ** 40));
  readonly #assignments = new Map<string, Assignment>();
  readonly #muted = new Set<string>();
  #version = 0;
  #routed: UdpAddress | undefined = undefined;
  #plan: SessionPlan | undefined = undefined;
  #state: PeerTransportState = "new";
  #data: DataChannels | undefined = undefined;
  readonly #limits: PeerLimits;
  readonly #rates = new PeerRates();
  #grants: PeerGrants = ALL_GRANTS;

  /** Builds nothing outside itself until `open`; the offer is already parsed. */
  constructor(
    input: Pick<NegotiateInput, "peerId" | "roomId" | "transport"> & { readonly offer: ParsedOffer },
    env: MediaEnvironment,
    onGone: (peer: PeerTransport) => void,
  ) {
    this.peerId = input.peerId;
    this.roomId = input.roomId;
    this.#number = input.transport === undefined ? {} : { transport: input.transport };
    this.#env = env;
    this.#onGone = onGone;
    this.#createdAtMs = env.nowMs();
    this.#limits = new PeerLimits(env.peerLimits);
    this.#fingerprint = fingerprintText(input.offer);
    this.agent = new IceLiteAgent({
      id: input.peerId,
      timeouts: CLIENT_TIMEOUTS,
      nowMs: this.#createdAtMs,
      remoteUfrag: input.offer.ufrag,
    });
    this.#dtls = new DtlsPeer(
      { role: "server", certificate: env.certificate, remote: input.offer.fingerprint },
      {
        send: (bytes) => this.#sendControl(bytes),
        connected: (keys) => this.#handleKeys(keys),
        closed: (error) => this.#handleDtlsClosed(error),
        dropped: (reason) => env.dropped(reason),
      },
    );
  }

  get state(): PeerTransportState {
    return this.#state;
  }

  get trackIds(): readonly string[] {
    return (this.#plan?.lines ?? []).flatMap((line) => (line.role === "receive" ? [line.track.trackId] : []));
  }

  /** Answers an offer, the first or a later one. Throws MediaError and changes nothing when it refuses. */
  negotiate(input: NegotiateInput, offer: ParsedOffer): NegotiateResult {
    if (fingerprintText(offer) !== this.#fingerprint) {
      throw new MediaError("sdp_unsupported", "another DTLS fingerprint needs a fresh transport");
    }
    const used = new Set<number>(offer.media.flatMap((media) => media.ssrcs));
    for (const { ssrc, rtxSsrc } of this.#plan?.slotSsrcs.values() ?? []) used.add(ssrc).add(rtxSsrc);
    const newSsrc = (): number => {
      const ssrc = pickSsrc((candidate) => used.has(candidate));
      used.add(ssrc);
      return ssrc;
    };
    const planned = planSession({ offer, tracks: input.tracks, previous: this.#plan, newSsrc });
    if (!planned.ok) throw new MediaError(planned.code, planned.detail);
    const before = this.#plan;
    this.#plan = planned.plan;
    if (input.grants !== undefined) this.setGrants(input.grants);
    if (before === undefined) this.#open();
    else if (offer.ufrag !== this.agent.remoteUfrag) this.#restart(offer.ufrag);
    if (this.#dtls.connected) this.#apply(before, planned.plan);
    return this.#result(planned.plan);
  }

  assignSlot(input: { readonly mid: string; readonly trackId: string | null; readonly target?: LayerTarget }): void {
    const line = this.#plan?.lines.find((candidate) => candidate.mid === input.mid);
    if (line?.role !== "send") return;
    this.#assignments.set(input.mid, { trackId: input.trackId, target: input.target });
    if (this.#dtls.connected) this.#assign(input.mid);
  }

  setTrackMuted(input: { readonly trackId: string; readonly muted: boolean }): void {
    if (!this.trackIds.includes(input.trackId)) return;
    if (input.muted) this.#muted.add(input.trackId);
    else this.#muted.delete(input.trackId);
    if (this.#grants.publish) this.#env.plane.setTrackMuted(input, this.#env.nowMs());
  }

  get grants(): PeerGrants {
    return this.#grants;
  }

  /** What is forwarded changes; what was agreed does not. */
  setGrants(grants: PeerGrants): void {
    const before = this.#grants;
    this.#grants = grants;
    if (!this.#dtls.connected) return;
    if (before.publish !== grants.publish) for (const trackId of this.trackIds) this.#mute(trackId);
    if (before.subscribe !== grants.subscribe) for (const mid of this.#assignments.keys()) this.#assign(mid);
  }

  #isMuted(trackId: string): boolean {
    return !this.#grants.publish || this.#muted.has(trackId);
  }

  #mute(trackId: string): void {
    this.#env.plane.setTrackMuted({ trackId, muted: this.#isMuted(trackId) }, this.#env.nowMs());
  }

  /** False: it cannot be sent now, which is counted. */
  sendData(channel: DataChannelName, data: string | Uint8Array): boolean {
    return this.#data?.send(channel, data) === true;
  }

  /** Undefined until it is connected. */
  stats(): Omit<PeerStats, "slots"> | undefined {
    const totals = this.#env.plane.peerStats(this.peerId);
    if (totals === undefined || this.#routed === undefined) return undefined;
    const { rttMs, estimateBps } = totals;
    return {
      peerId: this.peerId,
      path: this.#routed.tcp === true ? "tcp" : "udp",
      ...(rttMs === undefined ? {} : { rttMs }),
      ...(estimateBps === undefined ? {} : { estimateBps }),
      ...this.#rates.read(totals, this.#env.nowMs()),
      dataBufferedBytes: this.#data?.bufferedBytes ?? 0,
    };
  }

  /** The agent's pair was selected or moved. */
  handleSelected(address: UdpAddress): void {
    if (this.#routed !== undefined) {
      this.#env.mux.unroute(this.#routed, this);
      this.#env.count("ice_moves");
    }
    this.#routed = address;
    this.#env.mux.route(address, this);
  }

  handleIceState(state: IceState): void {
    if (state === "gone") this.#becomeGone("silence");
    else if (state === "reconnecting") this.#become("reconnecting");
    else if (this.#dtls.connected) this.#become("connected");
  }

  /** A few times a second. */
  handleSweep(nowMs: number): void {
    const late = !this.#dtls.connected && nowMs - this.#createdAtMs > HANDSHAKE_LIMIT_MS;
    if (late) this.#becomeGone("no handshake");
  }

  handleDtls(bytes: Buffer): void {
    const refused = this.#limits.dtls(this.#env.nowMs());
    if (refused === undefined) this.#dtls.handle(bytes);
    else this.#env.dropped(refused);
  }
  handleRtp(bytes: Buffer): void {
    const nowMs = this.#env.nowMs();
    const refused = this.#limits.media(bytes.length, nowMs);
    if (refused === undefined) this.#env.plane.handleSrtp(this.peerId, bytes, nowMs);
    else this.#env.dropped(refused);
  }
  handleRtcp(bytes: Buffer): void {
    const nowMs = this.#env.nowMs();
    const refused = this.#limits.rtcp(nowMs);
    if (refused === undefined) this.#env.plane.handleSrtcp(this.peerId, bytes, nowMs);
    else this.#env.dropped(refused);
  }

  /** Takes everything away; says nothing. Idempotent. */
  close(): void {
    this.#state = "gone";
    if (this.#routed !== undefined) this.#env.mux.unroute(this.#routed, this);
    this.#env.agents.remove(this.agent);
    if (this.#dtls.connected) this.#env.plane.removePeer(this.peerId, this.#env.nowMs());
    this.#data?.close();
    this.#dtls.close();
  }

  #open(): void {
    this.#env.agents.add(this.agent);
    this.#dtls.start();
  }

  #restart(remoteUfrag: string): void {
    this.#env.agents.restart(this.agent, remoteUfrag);
    this.#env.count("ice_restarts");
  }

  #sendControl(bytes: Buffer): void {
    if (this.#routed !== undefined) this.#env.mux.send(bytes, this.#routed);
  }

  #handleKeys(keys: { readonly local: SrtpMasterKeys; readonly remote: SrtpMasterKeys }): void {
    const { mux, plane } = this.#env;
    const transport = {
      send: (datagram: Uint8Array): void => {
        if (this.#routed !== undefined) mux.sendView(datagram, this.#routed);
      },
    };
    const key = ({ masterKey, masterSalt }: SrtpMasterKeys) => ({ key: masterKey, salt: masterSalt });
    const added = plane.addPeer(
      { peerId: this.peerId, role: "client", localKey: key(keys.local), remoteKey: key(keys.remote), transport },
      this.#env.nowMs(),
    );
    this.#env.count("dtls_handshakes");
    if (!added) {
      this.#becomeGone("packet memory is full");
      return;
    }
    if (this.#plan !== undefined) this.#apply(undefined, this.#plan);
    this.#become("connected");
  }

  /** Tells the plane what changed between two agreements and nothing else, so that what goes on is not disturbed. */
  #apply(before: SessionPlan | undefined, after: SessionPlan): void {
    const nowMs = this.#env.nowMs();
    const { plane } = this.#env;
    const kept = new Set(after.lines.map((line) => planeText(this, line)));
    const had = new Set<string>();
    for (const line of before?.lines ?? []) {
      const text = planeText(this, line);
      had.add(text);
      if (kept.has(text)) continue;
      if (line.role === "receive") plane.removeTrack(line.track.trackId, nowMs);
      if (line.role === "send") {
        plane.removeSlot({ peerId: this.peerId, mid: line.mid }, nowMs);
        this.#assignments.delete(line.mid);
      }
    }
    for (const line of after.lines) {
      if (had.has(planeText(this, line))) continue;
      if (line.role === "receive") this.#addReceiver(line, nowMs);
      if (line.role === "send") {
        plane.addSlot(planeSlot(this, line), nowMs);
        this.#assign(line.mid);
      }
    }
    this.#openData(after.lines);
  }

  /** Once for a transport: a client closes its channels by closing all. */
  #openData(lines: readonly PlannedLine[]): void {
    const line = lines.find(({ role }) => role === "data");
    if (line?.role !== "data" || this.#data !== undefined) return;
    const { peerId, roomId } = this;
    const env = this.#env;
    this.#data = new DataChannels(
      { dtls: this.#dtls.transport, remotePort: line.sctpPort, nowMs: () => env.nowMs() },
      {
        message: (channel, data) => {
          if (this.#grants.data === false) {
            env.dropped("data_not_granted");
            return;
          }
          env.count("data_messages_received");
          env.event({ kind: "data", peerId, roomId, channel, data });
        },
        dropped: (reason) => env.dropped(reason),
        opened: () => env.event({ kind: "dataOpen", peerId }),
      },
    );
  }

  #addReceiver(line: ReceiveLine, nowMs: number): void {
    this.#env.plane.addReceiver(planeReceiver(this, line), nowMs);
    const { trackId } = line.track;
    if (this.#isMuted(trackId)) this.#env.plane.setTrackMuted({ trackId, muted: true }, nowMs);
  }

  #assign(mid: string): void {
    const assignment = this.#assignments.get(mid);
    if (assignment === undefined) return;
    const { target } = assignment;
    const trackId = this.#grants.subscribe ? assignment.trackId : null;
    const input = { peerId: this.peerId, mid, trackId, ...(target === undefined ? {} : { target }) };
    this.#env.plane.assignSlot(input, this.#env.nowMs());
  }

  #result(plan: SessionPlan): NegotiateResult {
    this.#version++;
    const sdp = writeAnswer(plan, {
      ice: this.agent.local,
      fingerprint: fingerprintOf(this.#env.certificate),
      candidates: [...this.#env.candidates, ...this.#env.tcpCandidates],
      sessionId: this.#sessionId,
      version: this.#version,
    });
    return {
      ...this.#number,
      sdp,
      tracks: plan.lines.flatMap((line) => (line.role === "receive" ? [{ ...line.track, mid: line.mid }] : [])),
      slots: plan.lines.flatMap((line) => (line.role === "send" ? [slotOf(line)] : [])),
    };
  }

  #handleDtlsClosed(error: Error | undefined): void {
    if (error !== undefined)
      this.#env.log.warn({ peerId: this.peerId, err: error }, "the handshake with a client failed");
    this.#becomeGone(error === undefined ? "closed by the client" : "handshake failed");
  }

  #become(state: "connected" | "reconnecting"): void {
    if (this.#state === state || this.#state === "gone" || (state === "reconnecting" && this.#state === "new")) return;
    this.#state = state;
    this.#env.event({ kind: "peerState", peerId: this.peerId, state, ...this.#number });
  }

  #becomeGone(why: string): void {
    if (this.#state === "gone") return;
    this.#env.log.info({ peerId: this.peerId, why }, "a client's media transport is gone");
    this.close();
    this.#onGone(this);
    this.#env.event({ kind: "peerState", peerId: this.peerId, state: "gone", ...this.#number });
  }
}

/** Parses an offer or throws the MediaError that refuses it. */
export function readOffer(sdp: string): ParsedOffer {
  const parsed = parseOffer(sdp);
  if (!parsed.ok) throw new MediaError(parsed.code, parsed.detail);
  return parsed.offer;
}

function fingerprintText(offer: ParsedOffer): string {
  return `${offer.fingerprint.algorithm} ${offer.fingerprint.value}`;
}
