/**
 * One end of a trunk: a DTLS-SRTP association with another node for all rooms that both serve. The offerer is
 * the controlling agent and the DTLS client; the answerer is lite and passive, as towards browsers. What the
 * other end is was said over the mesh's own encrypted channel, so a wrong fingerprint ends the trunk.
 */
import { randomBytes } from "node:crypto";
import type { TrunkParameters, TrunkStats, TrunkStream } from "./control.ts";
import { DtlsPeer, fingerprintOf, type SrtpMasterKeys } from "./dtls-peer.ts";
import { type ControllingState, IceControlling } from "./ice-controlling.ts";
import { createCredentials, type IceCredentials, IceLiteAgent, type IceState, TRUNK_TIMEOUTS } from "./ice-lite.ts";
import { familyOf, type UdpAddress } from "./ip-address.ts";
import { type MediaEnvironment, pickSsrc } from "./media-environment.ts";
import type { MuxPeer } from "./udp-mux.ts";

export type TrunkRole = "offerer" | "answerer";
type TrunkState = "new" | "connected" | "silent" | "gone";

/** Streams that one trunk may carry in one direction. */
const MAX_STREAMS = 1_024;
/** How long an egress waits for a trunk that is being made. */
const CONNECT_WAIT_MS = 5_000;
/** A trunk that is not up this long after both ends know each other never will be. */
const CONNECT_LIMIT_MS = 30_000;

export class TrunkTransport implements MuxPeer {
  readonly trunkId: string;
  /** The name under which the plane knows this trunk; no client can have it. */
  readonly planeId: string;
  readonly role: TrunkRole;
  /** The lite agent of an answerer. */
  readonly agent: IceLiteAgent | undefined;
  readonly #env: MediaEnvironment;
  readonly #onGone: (trunk: TrunkTransport) => void;
  readonly #credentials: IceCredentials;
  readonly #createdAtMs: number;
  readonly #ingress = new Map<number, TrunkStream>();
  readonly #egress = new Map<number, TrunkStream>();
  readonly #waiting = new Set<() => void>();
  #ice: IceControlling | undefined = undefined;
  #dtls: DtlsPeer | undefined = undefined;
  #selected: UdpAddress | undefined = undefined;
  #state: TrunkState = "new";

  constructor(
    input: { readonly trunkId: string; readonly role: TrunkRole },
    env: MediaEnvironment,
    onGone: (trunk: TrunkTransport) => void,
  ) {
    this.trunkId = input.trunkId;
    this.planeId = `trunk ${input.trunkId}`;
    this.role = input.role;
    this.#env = env;
    this.#onGone = onGone;
    this.#createdAtMs = env.nowMs();
    if (input.role === "answerer") {
      this.agent = new IceLiteAgent({ id: this.planeId, timeouts: TRUNK_TIMEOUTS, nowMs: this.#createdAtMs });
      this.#credentials = this.agent.local;
      env.agents.add(this.agent);
    } else this.#credentials = createCredentials();
  }

  /** What the other end must know. */
  parameters(): TrunkParameters {
    const { ufrag, pwd } = this.#credentials;
    return { ufrag, pwd, fingerprint: fingerprintOf(this.#env.certificate), candidates: this.#env.candidates };
  }

  /** The other end's parameters have come. A second call is ignored. */
  connect(remote: TrunkParameters): void {
    if (this.#dtls !== undefined || this.#state === "gone") return;
    const role = this.role === "offerer" ? "client" : "server";
    this.#dtls = new DtlsPeer(
      { role, certificate: this.#env.certificate, remote: remote.fingerprint },
      {
        send: (bytes) => this.#sendControl(bytes),
        connected: (keys) => this.#handleKeys(keys),
        closed: (error) => this.#handleDtlsClosed(error),
        dropped: (reason) => this.#env.dropped(reason),
      },
    );
    if (this.agent === undefined) this.#check(remote);
    else {
      this.agent.remoteUfrag = remote.ufrag;
      this.#dtls.start();
    }
  }

  get state(): TrunkState {
    return this.#state;
  }

  deadlineMs(): number {
    return this.#ice?.deadlineMs() ?? Number.POSITIVE_INFINITY;
  }

  handleTimeout(nowMs: number): void {
    this.#ice?.handleTimeout(nowMs);
  }

  /** A few times a second. */
  handleSweep(nowMs: number): void {
    if (this.#state === "new" && nowMs - this.#createdAtMs > CONNECT_LIMIT_MS) this.#becomeGone("never came up");
  }

  /** Takes a STUN answer to one of this trunk's checks; false when it is none. */
  handleStunAnswer(bytes: Buffer, transactionId: Uint8Array): boolean {
    if (this.#ice?.awaits(transactionId) !== true) return false;
    const rejection = this.#ice.handleStun(bytes, this.#env.nowMs());
    if (rejection !== undefined) this.#env.dropped(rejection);
    return true;
  }

  /** The lite agent's pair was selected or moved. */
  handleSelected(address: UdpAddress): void {
    if (this.#selected !== undefined) this.#env.mux.unroute(this.#selected, this);
    this.#selected = address;
    this.#env.mux.route(address, this);
  }

  handleIceState(state: IceState | ControllingState): void {
    if (state === "gone") this.#becomeGone("silence");
    else if (state === "reconnecting" || state === "silent") this.#become("silent");
    else if (state === "connected" && this.#dtls?.connected === true) this.#become("connected");
  }

  handleDtls(bytes: Buffer): void {
    if (this.#dtls === undefined) this.#env.dropped("dtls_closed");
    else this.#dtls.handle(bytes);
  }
  handleRtp(bytes: Buffer): void {
    this.#env.plane.handleSrtp(this.planeId, bytes, this.#env.nowMs());
  }
  handleRtcp(bytes: Buffer): void {
    this.#env.plane.handleSrtcp(this.planeId, bytes, this.#env.nowMs());
  }

  /** False when the track is not here, or the trunk does not come up in time. */
  async openEgress(stream: TrunkStream): Promise<boolean> {
    if (this.#egress.size >= MAX_STREAMS || !(await this.#live())) return false;
    const added = this.#env.plane.addTrunkEgress({ trunkId: this.planeId, stream }, this.#env.nowMs());
    if (added) this.#egress.set(stream.ssrc, stream);
    return added;
  }

  closeEgress(ssrc: number): void {
    if (!this.#egress.delete(ssrc)) return;
    this.#env.plane.removeTrunkEgress({ trunkId: this.planeId, ssrc }, this.#env.nowMs());
  }

  /** Undefined when this trunk carries as much as it may, or cannot carry that. The same layer of the same track keeps its SSRCs. */
  openIngress(stream: Omit<TrunkStream, "ssrc" | "rtxSsrc">): { ssrc: number; rtxSsrc: number } | undefined {
    for (const known of this.#ingress.values()) {
      if (known.track.trackId === stream.track.trackId && known.layer === stream.layer) {
        return { ssrc: known.ssrc, rtxSsrc: known.rtxSsrc };
      }
    }
    if (this.#ingress.size >= MAX_STREAMS) return undefined;
    const used = new Set([...this.#ingress.values()].flatMap((known) => [known.ssrc, known.rtxSsrc]));
    const ssrc = pickSsrc((candidate) => used.has(candidate));
    const rtxSsrc = pickSsrc((candidate) => used.has(candidate) || candidate === ssrc);
    const full = { ...stream, ssrc, rtxSsrc };
    this.#ingress.set(ssrc, full);
    if (this.#dtls?.connected === true && !this.#addIngress(full)) return undefined;
    return { ssrc, rtxSsrc };
  }

  closeIngress(ssrc: number): void {
    if (!this.#ingress.delete(ssrc)) return;
    this.#env.plane.removeTrunkIngress({ trunkId: this.planeId, ssrc }, this.#env.nowMs());
  }

  /** By them this end knows what it takes, also after it closed. */
  ingressSsrcs(): readonly number[] {
    return [...this.#ingress.keys()];
  }

  stats(): TrunkStats {
    const none = {
      packetsSent: 0,
      packetsReceived: 0,
      bytesSent: 0,
      bytesReceived: 0,
      packetsLost: 0,
      packetsRepaired: 0,
    };
    const rttMs = this.#ice?.rttMs;
    const known = this.#env.plane.peerStats(this.planeId);
    return {
      ...none,
      ...(rttMs === undefined ? {} : { rttMs }),
      ...known,
      trunkId: this.trunkId,
      egressStreams: this.#egress.size,
      ingressStreams: this.#ingress.size,
    };
  }

  /** Takes everything away; says nothing. Idempotent. */
  close(): void {
    this.#state = "gone";
    if (this.#selected !== undefined) this.#env.mux.unroute(this.#selected, this);
    if (this.agent !== undefined) this.#env.agents.remove(this.agent);
    if (this.#dtls?.connected === true) this.#env.plane.removePeer(this.planeId, this.#env.nowMs());
    this.#ice = undefined;
    this.#dtls?.close();
    this.#wake();
  }

  #check(remote: TrunkParameters): void {
    const candidates = remote.candidates.flatMap(({ host, port }) => {
      const family = familyOf(host);
      return family === undefined || !(port > 0 && port < 65_536) ? [] : [{ host, port, family }];
    });
    this.#ice = new IceControlling(
      {
        local: this.#credentials,
        remote: { ufrag: remote.ufrag, pwd: remote.pwd },
        candidates,
        tieBreaker: randomBytes(8).readBigUInt64BE(),
        transactionId: () => randomBytes(12),
      },
      {
        send: (bytes, to) => this.#env.mux.send(bytes, to),
        selected: (address) => {
          const first = this.#selected === undefined;
          this.handleSelected(address);
          if (first) this.#dtls?.start();
        },
        state: (state) => this.handleIceState(state),
      },
      this.#env.nowMs(),
    );
  }

  #sendControl(bytes: Buffer): void {
    if (this.#selected !== undefined) this.#env.mux.send(bytes, this.#selected);
  }

  #handleKeys(keys: { readonly local: SrtpMasterKeys; readonly remote: SrtpMasterKeys }): void {
    const { mux, plane } = this.#env;
    const transport = {
      send: (datagram: Uint8Array): void => {
        if (this.#selected !== undefined) mux.sendView(datagram, this.#selected);
      },
    };
    const key = ({ masterKey, masterSalt }: SrtpMasterKeys) => ({ key: masterKey, salt: masterSalt });
    const added = plane.addPeer(
      { peerId: this.planeId, role: "trunk", localKey: key(keys.local), remoteKey: key(keys.remote), transport },
      this.#env.nowMs(),
    );
    if (!added) {
      this.#becomeGone("packet memory is full");
      return;
    }
    for (const stream of this.#ingress.values()) this.#addIngress(stream);
    this.#become("connected");
    this.#wake();
  }

  #addIngress(stream: TrunkStream): boolean {
    const added = this.#env.plane.addTrunkIngress({ trunkId: this.planeId, stream }, this.#env.nowMs());
    if (!added) {
      this.#ingress.delete(stream.ssrc);
      this.#env.dropped("trunk_stream_refused");
    }
    return added;
  }

  /** Resolves when the keys are there, or false when the trunk ends or the wait does. */
  async #live(): Promise<boolean> {
    if (this.#dtls?.connected !== true && this.#state !== "gone") {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, CONNECT_WAIT_MS);
        this.#waiting.add(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
    return this.#dtls?.connected === true && this.#state !== "gone";
  }

  #wake(): void {
    for (const resume of this.#waiting) resume();
    this.#waiting.clear();
  }

  #handleDtlsClosed(error: Error | undefined): void {
    if (error !== undefined)
      this.#env.log.warn({ trunkId: this.trunkId, err: error }, "the handshake of a trunk failed");
    this.#becomeGone(error === undefined ? "closed" : "handshake failed");
  }

  #become(state: "connected" | "silent"): void {
    if (this.#state === state || this.#state === "gone" || (state === "silent" && this.#state === "new")) return;
    this.#state = state;
    this.#env.event({ kind: "trunkState", trunkId: this.trunkId, state });
  }

  #becomeGone(why: string): void {
    if (this.#state === "gone") return;
    this.#env.log.info({ trunkId: this.trunkId, why }, "a trunk is gone");
    this.close();
    this.#onGone(this);
    this.#env.event({ kind: "trunkState", trunkId: this.trunkId, state: "gone" });
  }
}
