/**
 * A media plane in memory: no sockets, no packets, the whole contract of control.ts. Session descriptions are small
 * JSON texts (fakeOffer), trunks of planes on one FakeMediaNetwork really connect, and `delivered(peerId)` says what
 * would reach a peer: tracks on its slots that are published here, or that arrive over an open stream of a connected
 * trunk from where they are published.
 */
import type { MediaKind } from "#protocol";
import type {
  DataChannelName,
  LayerTarget,
  MediaEvent,
  MediaPlane,
  MediaStats,
  NegotiateErrorCode,
  NegotiateInput,
  NegotiateResult,
  PeerGrants,
  PeerStats,
  TrackDescription,
  TrunkParameters,
  TrunkStream,
} from "../../src/media/control.ts";
import { describe, FakeMediaError, type FakeTrunk, parseOffer, trunkStats } from "./fake-media-parts.ts";

export { FakeMediaError, fakeOffer } from "./fake-media-parts.ts";

/** Joins planes, so that trunk parameters of one mean something to another. */
export class FakeMediaNetwork {
  readonly planes = new Map<string, FakeMediaPlane>();
  readonly #blocked = new Set<string>();

  /** From now on no trunk comes up between the two, and those that there are fall silent. */
  block(a: string, b: string): void {
    this.#blocked.add([a, b].sort().join(" "));
    this.planes.get(a)?.silence(b, "silent");
    this.planes.get(b)?.silence(a, "silent");
  }

  heal(): void {
    this.#blocked.clear();
  }

  isBlocked(a: string, b: string): boolean {
    return this.#blocked.has([a, b].sort().join(" "));
  }
}

interface Slot {
  readonly kind: MediaKind;
  trackId: string | null;
  target: LayerTarget | undefined;
}
interface Peer {
  readonly roomId: string;
  readonly slots: Map<string, Slot>;
  readonly tracks: Map<string, TrackDescription>;
  /** What was sent to it on its data channels. */
  readonly messages: { readonly channel: DataChannelName; readonly data: string | Uint8Array }[];
}

export class FakeMediaPlane implements MediaPlane {
  readonly name: string;
  readonly #network: FakeMediaNetwork;
  readonly #listeners = new Set<(event: MediaEvent) => void>();
  readonly peers = new Map<string, Peer>();
  readonly trunks = new Map<string, FakeTrunk>();
  readonly mutedTracks = new Set<string>();
  readonly closedTracks: string[] = [];
  /** The next negotiate rejects with this code, once. */
  refuseNext: NegotiateErrorCode | undefined;
  /** negotiate waits for this, when set. */
  gate: Promise<void> | undefined;
  readonly #demanded = new Map<string, string>();
  /** Score of a peer's both directions; without it the best. */
  readonly quality = new Map<string, number>();
  /** Raise localDemand as trunk streams come and go; what local slots want is left out. */
  tellsLocalDemand = false;
  #ssrc = 0;
  running = false;

  constructor(name: string, network = new FakeMediaNetwork()) {
    this.name = name;
    this.#network = network;
    network.planes.set(name, this);
  }

  start(): Promise<{ readonly candidates: readonly { readonly host: string; readonly port: number }[] }> {
    this.running = true;
    return Promise.resolve({ candidates: [{ host: "127.0.0.1", port: 5_000 }] });
  }

  /** Also what a killed node does: the far ends of its trunks notice nothing until a test says so (silence). */
  stop(): Promise<void> {
    this.running = false;
    this.#network.planes.delete(this.name);
    this.#listeners.clear();
    return Promise.resolve();
  }

  async negotiate(input: NegotiateInput): Promise<NegotiateResult> {
    await this.gate;
    if (this.refuseNext !== undefined) {
      const code = this.refuseNext;
      this.refuseNext = undefined;
      throw new FakeMediaError(code);
    }
    const lines = parseOffer(input.sdp);
    if (input.fresh) this.#dropPeer(input.peerId);
    const peer = this.peers.get(input.peerId) ?? {
      roomId: input.roomId,
      slots: new Map(),
      tracks: new Map(),
      messages: [],
    };
    this.peers.set(input.peerId, peer);
    const tracks = input.tracks.map((track) => describe(track, lines));
    for (const { mid: _, ...track } of tracks) peer.tracks.set(track.trackId, track);
    for (const line of lines) {
      if (line.direction === "recvonly" && !peer.slots.has(line.mid))
        peer.slots.set(line.mid, { kind: line.kind, trackId: null, target: undefined });
    }
    const slots = [...peer.slots].map(([mid, slot]) => ({ mid, kind: slot.kind }));
    return { sdp: JSON.stringify({ fake: "answer", mids: lines.map((line) => line.mid) }), tracks, slots };
  }

  closePeer(peerId: string): void {
    this.#dropPeer(peerId);
  }

  assignSlot(input: {
    readonly peerId: string;
    readonly mid: string;
    readonly trackId: string | null;
    readonly target?: LayerTarget;
  }): void {
    const peer = this.peers.get(input.peerId);
    const slot = peer?.slots.get(input.mid);
    if (peer === undefined || slot === undefined) return;
    const before = slot.trackId;
    slot.trackId = input.trackId;
    slot.target = input.target;
    for (const trackId of new Set([before, input.trackId]))
      if (trackId !== null) this.#updateDemand(peer.roomId, trackId);
  }

  setTrackMuted(input: { readonly trackId: string; readonly muted: boolean }): void {
    if (input.muted) this.mutedTracks.add(input.trackId);
    else this.mutedTracks.delete(input.trackId);
  }

  /** Without it a peer has all. */
  readonly grants = new Map<string, PeerGrants>();
  setPeerGrants(input: { readonly peerId: string; readonly grants: PeerGrants }): void {
    if (this.peers.has(input.peerId)) this.grants.set(input.peerId, input.grants);
  }

  /** Everyone who is here gets it, at once (`peers`). */
  sendData(input: {
    readonly peerIds: readonly string[];
    readonly channel: DataChannelName;
    readonly data: string | Uint8Array;
  }): Promise<readonly string[]> {
    const { channel, data } = input;
    for (const peerId of input.peerIds) this.peers.get(peerId)?.messages.push({ channel, data });
    return Promise.resolve(input.peerIds.filter((peerId) => !this.peers.has(peerId)));
  }

  closeTrack(trackId: string): void {
    this.closedTracks.push(trackId);
    for (const peer of this.peers.values()) peer.tracks.delete(trackId);
    for (const trunk of this.trunks.values())
      for (const [ssrc, stream] of trunk.egress) if (stream.track.trackId === trackId) trunk.egress.delete(ssrc);
  }

  createTrunk(input: { readonly trunkId: string; readonly role: "offerer" | "answerer" }): Promise<TrunkParameters> {
    const trunk = { role: input.role, remote: undefined, connected: false, keyframes: 0 };
    this.trunks.set(input.trunkId, { ...trunk, egress: new Map(), ingress: new Map() });
    return Promise.resolve({
      ufrag: this.name,
      pwd: input.trunkId,
      fingerprint: { algorithm: "sha-256", value: "00:11" },
      candidates: [{ host: "127.0.0.1", port: 5_000, priority: 1 }],
    });
  }

  connectTrunk(input: { readonly trunkId: string; readonly remote: TrunkParameters }): void {
    const trunk = this.trunks.get(input.trunkId);
    if (trunk === undefined) return;
    trunk.remote = { plane: input.remote.ufrag, trunkId: input.remote.pwd };
    const far = this.#far(trunk);
    if (far === undefined || far.trunk.remote?.plane !== this.name || far.trunk.remote.trunkId !== input.trunkId)
      return;
    if (far.trunk.role === trunk.role || this.#network.isBlocked(this.name, far.plane.name)) return;
    trunk.connected = true;
    far.trunk.connected = true;
    this.emit({ kind: "trunkState", trunkId: input.trunkId, state: "connected" });
    far.plane.emit({ kind: "trunkState", trunkId: trunk.remote.trunkId, state: "connected" });
  }

  closeTrunk(trunkId: string): void {
    this.trunks.delete(trunkId);
  }

  openTrunkEgress(input: { readonly trunkId: string; readonly stream: TrunkStream }): Promise<boolean> {
    const trunk = this.trunks.get(input.trunkId);
    const { trackId } = input.stream.track;
    const isHere = this.localTrack(trackId) !== undefined || this.incoming(trackId).length > 0;
    if (trunk === undefined || !isHere) return Promise.resolve(false);
    trunk.egress.set(input.stream.ssrc, input.stream);
    trunk.keyframes += 1;
    this.#tellLocalDemand(input.stream);
    return Promise.resolve(true);
  }

  closeTrunkEgress(input: { readonly trunkId: string; readonly ssrc: number }): void {
    const egress = this.trunks.get(input.trunkId)?.egress;
    const stream = egress?.get(input.ssrc);
    egress?.delete(input.ssrc);
    if (stream !== undefined) this.#tellLocalDemand(stream);
  }

  #tellLocalDemand({ roomId, track: { trackId } }: TrunkStream): void {
    if (!this.tellsLocalDemand) return;
    const streams = [...this.trunks.values()].flatMap((trunk) => [...trunk.egress.values()]);
    const layers = streams.filter((stream) => stream.track.trackId === trackId).map((stream) => stream.layer);
    this.emit({ kind: "localDemand", roomId, trackId, layers });
  }

  openTrunkIngress(input: {
    readonly trunkId: string;
    readonly stream: Omit<TrunkStream, "ssrc" | "rtxSsrc">;
  }): Promise<{ readonly ssrc: number; readonly rtxSsrc: number }> {
    const trunk = this.trunks.get(input.trunkId);
    if (trunk === undefined) return Promise.reject(new FakeMediaError("media_unavailable"));
    this.#ssrc += 2;
    const ssrc = this.#ssrc;
    trunk.ingress.set(ssrc, input.stream);
    // Now that the layers are known, the demand can be exact.
    this.#updateDemand(input.stream.roomId, input.stream.track.trackId);
    return Promise.resolve({ ssrc, rtxSsrc: ssrc + 1 });
  }

  closeTrunkIngress(input: { readonly trunkId: string; readonly ssrc: number }): void {
    this.trunks.get(input.trunkId)?.ingress.delete(input.ssrc);
  }

  stats(): Promise<MediaStats> {
    return Promise.resolve({
      peers: this.peers.size,
      tracks: [...this.peers.values()].reduce((sum, peer) => sum + peer.tracks.size, 0),
      trunks: [...this.trunks].map(([trunkId, trunk]) => trunkStats(trunkId, trunk)),
      counters: {},
      dropped: {},
      eventLoopDelayP99Ms: 1,
    });
  }

  peerStats(peerId: string): Promise<PeerStats | undefined> {
    const peer = this.peers.get(peerId);
    const quality = this.quality.get(peerId) ?? 5;
    const direction = { bitrateBps: 0, packetsPerSecond: 0, lossRatio: 0, repairedRatio: 0, quality };
    const slots = [...this.slotsOf(peerId)].map(([mid, trackId]) => ({ mid, trackId, state: "live" as const }));
    const stats = { peerId, path: "udp" as const, up: direction, down: direction, slots, dataBufferedBytes: 0 };
    return Promise.resolve(peer && stats);
  }

  onEvent(listener: (event: MediaEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  // ---------------------------------------------------------------- what tests do and ask

  emit(event: MediaEvent): void {
    for (const listener of [...this.#listeners]) listener(event);
  }

  /** The far end of every trunk to `plane` has stopped answering. */
  silence(plane: string, state: "silent" | "gone"): void {
    for (const [trunkId, trunk] of [...this.trunks]) {
      if (trunk.remote?.plane !== plane) continue;
      trunk.connected = false;
      this.emit({ kind: "trunkState", trunkId, state });
    }
  }

  localTrack(trackId: string): TrackDescription | undefined {
    for (const peer of this.peers.values()) {
      const track = peer.tracks.get(trackId);
      if (track !== undefined) return track;
    }
    return undefined;
  }

  /** A local track whose publisher may publish. */
  #isSent(trackId: string): boolean {
    for (const [peerId, peer] of this.peers)
      if (peer.tracks.has(trackId)) return this.grants.get(peerId)?.publish !== false;
    return false;
  }

  /** What a peer's slots carry: mid → track id. */
  slotsOf(peerId: string): ReadonlyMap<string, string> {
    const carried = new Map<string, string>();
    for (const [mid, slot] of this.peers.get(peerId)?.slots ?? [])
      if (slot.trackId !== null) carried.set(mid, slot.trackId);
    return carried;
  }

  /** Ids of the tracks whose packets would reach this peer now, ascending. */
  delivered(peerId: string): readonly string[] {
    if (this.grants.get(peerId)?.subscribe === false) return [];
    return [...new Set(this.slotsOf(peerId).values())].filter((trackId) => this.#arrives(trackId)).sort();
  }

  /** The open streams of a remote track, by the plane that they come from, as "plane/layer". */
  incoming(trackId: string): readonly string[] {
    const open = [...this.trunks.values()].flatMap((trunk) =>
      [...trunk.ingress.values()]
        .filter((stream) => stream.track.trackId === trackId)
        .map((stream) => `${trunk.remote?.plane ?? "nowhere"}/${stream.layer}`),
    );
    return open.sort();
  }

  /** Over any number of planes that pass it on; none is asked twice. */
  #arrives(trackId: string, asked: readonly FakeMediaPlane[] = []): boolean {
    if (asked.includes(this)) return false;
    if (this.localTrack(trackId) !== undefined) return this.#isSent(trackId);
    for (const trunk of this.trunks.values()) {
      const far = this.#far(trunk);
      if (!trunk.connected || far === undefined || !far.trunk.connected) continue;
      for (const [ssrc, stream] of trunk.ingress) {
        if (stream.track.trackId !== trackId || !far.trunk.egress.has(ssrc)) continue;
        if (far.plane.#arrives(trackId, [...asked, this])) return true;
      }
    }
    return false;
  }

  #far(trunk: FakeTrunk): { readonly plane: FakeMediaPlane; readonly trunk: FakeTrunk } | undefined {
    if (trunk.remote === undefined) return undefined;
    const plane = this.#network.planes.get(trunk.remote.plane);
    const far = plane?.trunks.get(trunk.remote.trunkId);
    return plane === undefined || far === undefined ? undefined : { plane, trunk: far };
  }

  #dropPeer(peerId: string): void {
    const peer = this.peers.get(peerId);
    if (peer === undefined) return;
    this.peers.delete(peerId);
    for (const trackId of peer.tracks.keys()) this.closeTrack(trackId);
    for (const slot of peer.slots.values()) if (slot.trackId !== null) this.#updateDemand(peer.roomId, slot.trackId);
  }

  #updateDemand(roomId: string, trackId: string): void {
    if (this.localTrack(trackId) !== undefined) return;
    const layers = new Set<string>();
    for (const peer of this.peers.values()) {
      for (const slot of peer.slots.values()) {
        if (slot.trackId !== trackId) continue;
        layers.add(this.#layerFor(trackId, slot.target));
      }
    }
    const wanted = JSON.stringify([...layers].sort());
    if ((this.#demanded.get(trackId) ?? "[]") === wanted) return;
    this.#demanded.set(trackId, wanted);
    this.emit({ kind: "demand", roomId, trackId, layers: [...layers].sort() });
  }

  /** The same coarse choice everywhere: below 300 pixels of width the lowest, below 800 the middle, else the best. */
  #layerFor(trackId: string, target: LayerTarget | undefined): string {
    const layers = this.#ingressLayers(trackId);
    const width = target?.width ?? 0;
    const rank = width < 300 ? 0 : width < 800 ? 1 : 2;
    return layers[Math.min(rank, layers.length - 1)] ?? "";
  }

  #ingressLayers(trackId: string): readonly string[] {
    for (const trunk of this.trunks.values())
      for (const stream of trunk.ingress.values()) if (stream.track.trackId === trackId) return stream.track.layers;
    return [""];
  }
}
