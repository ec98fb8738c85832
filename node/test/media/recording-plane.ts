/** An RTP plane that forwards nothing and remembers everything, for tests of the transport alone. */
import type { PlanePeer, RtpPlaneApi } from "../../src/media/rtp-plane-types.ts";

const NO_STATS = {
  packetsSent: 0,
  packetsReceived: 0,
  bytesSent: 0,
  bytesReceived: 0,
  packetsLost: 0,
  packetsRepaired: 0,
};

export class RecordingPlane implements RtpPlaneApi {
  /** Each call as "name argument". */
  readonly calls: string[] = [];
  readonly peers = new Map<string, PlanePeer>();

  /** Refuses peers as a plane whose packet memory is full. */
  full = false;

  addPeer(peer: PlanePeer): boolean {
    if (this.full) return false;
    this.peers.set(peer.peerId, peer);
    this.calls.push(`addPeer ${peer.role} ${peer.peerId}`);
    return true;
  }
  removePeer(peerId: string): void {
    this.peers.delete(peerId);
    this.calls.push(`removePeer ${peerId}`);
  }
  addReceiver(input: Parameters<RtpPlaneApi["addReceiver"]>[0]): void {
    this.calls.push(`addReceiver ${input.mid} ${input.track.trackId}`);
  }
  removeTrack(trackId: string): void {
    this.calls.push(`removeTrack ${trackId}`);
  }
  setTrackMuted(input: { readonly trackId: string; readonly muted: boolean }): void {
    this.calls.push(`setTrackMuted ${input.trackId} ${input.muted}`);
  }
  addSlot(input: Parameters<RtpPlaneApi["addSlot"]>[0]): void {
    this.calls.push(`addSlot ${input.mid} ${input.kind}`);
  }
  removeSlot(input: { readonly mid: string }): void {
    this.calls.push(`removeSlot ${input.mid}`);
  }
  assignSlot(input: { readonly mid: string; readonly trackId: string | null }): void {
    this.calls.push(`assignSlot ${input.mid} ${input.trackId}`);
  }
  addTrunkEgress(input: Parameters<RtpPlaneApi["addTrunkEgress"]>[0]): boolean {
    this.calls.push(`addTrunkEgress ${input.trunkId} ${input.stream.layer}`);
    return true;
  }
  removeTrunkEgress(input: { readonly trunkId: string }): void {
    this.calls.push(`removeTrunkEgress ${input.trunkId}`);
  }
  addTrunkIngress(input: Parameters<RtpPlaneApi["addTrunkIngress"]>[0]): boolean {
    this.calls.push(`addTrunkIngress ${input.trunkId} ${input.stream.layer}`);
    return true;
  }
  removeTrunkIngress(input: { readonly trunkId: string }): void {
    this.calls.push(`removeTrunkIngress ${input.trunkId}`);
  }
  handleSrtp(peerId: string, datagram: Uint8Array): void {
    this.calls.push(`rtp ${peerId} ${datagram.length}`);
  }
  handleSrtcp(peerId: string, datagram: Uint8Array): void {
    this.calls.push(`rtcp ${peerId} ${datagram.length}`);
  }
  flush(): void {
    // Nothing waits here.
  }
  handleTimeout(): void {
    // Nothing is ever due.
  }
  deadlineMs(): number {
    return Number.POSITIVE_INFINITY;
  }
  peerStats(peerId: string) {
    return this.peers.has(peerId) ? { ...NO_STATS, egressStreams: 0, ingressStreams: 0 } : undefined;
  }
  stats() {
    return { peers: this.peers.size, tracks: 0, counters: {}, dropped: {}, memoryUsedBytes: 0, memoryLimitBytes: 0 };
  }
}
