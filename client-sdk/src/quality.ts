/** How good the connection is, in one word, from the browser's own statistics. Pure. */
export type Quality = "good" | "fair" | "poor" | "lost";

export interface QualitySample {
  /** Of the selected candidate pair; undefined before it is known. */
  readonly rttMs: number | undefined;
  /** Since the connection began, both directions as far as known. */
  readonly packetsReceived: number;
  readonly packetsLost: number;
  /** Share of our own packets that the node missed, 0 to 1. */
  readonly uplinkLossRatio: number;
  /** Time in which received video stood still, over all of it, since the connection began. */
  readonly frozenMs: number;
  /** Received video that plays now. */
  readonly videos: number;
}

interface Stat {
  readonly type: string;
  readonly [key: string]: unknown;
}

const numberOf = (value: unknown): number => (typeof value === "number" && Number.isFinite(value) ? value : 0);

/** Reads a sample out of RTCPeerConnection.getStats() (webrtc-stats, sections 8.2, 8.4 and 8.18). */
export function sampleOf(report: Iterable<readonly [string, unknown]>): QualitySample {
  let rttMs: number | undefined;
  let packetsReceived = 0;
  let packetsLost = 0;
  let uplinkLossRatio = 0;
  let frozenMs = 0;
  let videos = 0;
  for (const [, value] of report) {
    const stat = value as Stat;
    if (
      stat.type === "candidate-pair" &&
      stat["nominated"] === true &&
      typeof stat["currentRoundTripTime"] === "number"
    )
      rttMs = stat["currentRoundTripTime"] * 1_000;
    if (stat.type === "inbound-rtp") {
      packetsReceived += numberOf(stat["packetsReceived"]);
      packetsLost += Math.max(0, numberOf(stat["packetsLost"]));
      frozenMs += numberOf(stat["totalFreezesDuration"]) * 1_000;
      if (stat["kind"] === "video" && numberOf(stat["framesPerSecond"]) > 0) videos += 1;
    }
    if (stat.type === "remote-inbound-rtp") uplinkLossRatio = Math.max(uplinkLossRatio, numberOf(stat["fractionLost"]));
  }
  return { rttMs, packetsReceived, packetsLost, uplinkLossRatio, frozenMs, videos };
}

/** Packets (or, where a browser does not count them, bytes) that came over the connection. */
export function arrivedOf(report: Iterable<readonly [string, unknown]>): number {
  let arrived = 0;
  for (const [, value] of report) {
    const stat = value as Stat;
    if (stat.type === "candidate-pair") arrived += numberOf(stat["packetsReceived"] ?? stat["bytesReceived"]);
  }
  return arrived;
}

/** Thresholds: below 1 % loss and 250 ms nobody notices; above 5 % or 600 ms talking becomes work. */
export function judge(before: QualitySample | undefined, now: QualitySample, connected: boolean): Quality {
  if (!connected) return "lost";
  const received = now.packetsReceived - (before?.packetsReceived ?? 0);
  const lost = Math.max(0, now.packetsLost - (before?.packetsLost ?? 0));
  const downlink = received + lost > 0 ? lost / (received + lost) : 0;
  const lossRatio = Math.max(downlink, now.uplinkLossRatio);
  const rttMs = now.rttMs ?? 0;
  if (lossRatio > 0.05 || rttMs > 600) return "poor";
  return lossRatio > 0.01 || rttMs > 250 ? "fair" : "good";
}

/** Share of the time since `before` in which shown video stood still, 0 to 1. */
export function frozenRatio(before: QualitySample | undefined, now: QualitySample, elapsedMs: number): number {
  const frozenMs = Math.max(0, now.frozenMs - (before?.frozenMs ?? now.frozenMs));
  return elapsedMs > 0 ? Math.min(1, frozenMs / (elapsedMs * Math.max(1, now.videos))) : 0;
}
