/** What the fake media plane is made of: its offers, its refusals, its figures. */
import type { MediaKind } from "#protocol";
import type {
  CodecInfo,
  NegotiateErrorCode,
  NegotiateInput,
  TrackDescription,
  TrunkStats,
  TrunkStream,
} from "../../src/media/control.ts";

export interface FakeLine {
  readonly mid: string;
  readonly kind: MediaKind;
  /** As the client sees it: an own track is sendonly, a slot recvonly. */
  readonly direction: "sendonly" | "recvonly";
  /** RIDs of a simulcast track, lowest first; none: [""]. */
  readonly layers?: readonly string[];
}

/** The text that stands for a client's offer; `slots` become recvonly lines a0…, v0…. */
export function fakeOffer(input: {
  readonly tracks?: readonly Omit<FakeLine, "direction">[];
  readonly audioSlots?: number;
  readonly videoSlots?: number;
}): string {
  const slot = (kind: MediaKind, count: number): FakeLine[] =>
    Array.from({ length: count }, (_, i) => ({ mid: `${kind[0]}${i}`, kind, direction: "recvonly" as const }));
  const own = (input.tracks ?? []).map((track) => ({ ...track, direction: "sendonly" as const }));
  const lines = [...own, ...slot("audio", input.audioSlots ?? 3), ...slot("video", input.videoSlots ?? 4)];
  return JSON.stringify({ fake: "offer", lines });
}

export class FakeMediaError extends Error {
  override readonly name = "MediaError";
  readonly code: NegotiateErrorCode;
  constructor(code: NegotiateErrorCode) {
    super(`the fake media plane refuses: ${code}`);
    this.code = code;
  }
}

export interface FakeTrunk {
  readonly role: "offerer" | "answerer";
  remote: { readonly plane: string; readonly trunkId: string } | undefined;
  connected: boolean;
  readonly egress: Map<number, TrunkStream>;
  readonly ingress: Map<number, Omit<TrunkStream, "ssrc" | "rtxSsrc">>;
  /** Keyframes asked for by openTrunkEgress. */
  keyframes: number;
}

const CODECS: Readonly<Record<MediaKind, CodecInfo>> = {
  audio: { name: "opus", clockRateHz: 48_000, channels: 2 },
  video: { name: "VP8", clockRateHz: 90_000 },
};

export function parseOffer(sdp: string): readonly FakeLine[] {
  try {
    const parsed: unknown = JSON.parse(sdp);
    if (typeof parsed === "object" && parsed !== null && "lines" in parsed && Array.isArray(parsed.lines))
      return parsed.lines;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new FakeMediaError("sdp_malformed");
}

export function describe(
  track: NegotiateInput["tracks"][number],
  lines: readonly FakeLine[],
): TrackDescription & { readonly mid: string } {
  const line = lines.find((candidate) => candidate.mid === track.mid && candidate.direction === "sendonly");
  if (line === undefined) throw new FakeMediaError("sdp_unsupported");
  return { ...track, kind: line.kind, codec: CODECS[line.kind], layers: line.layers ?? [""] };
}

export function trunkStats(trunkId: string, trunk: FakeTrunk): TrunkStats {
  return {
    trunkId,
    packetsSent: trunk.egress.size * 100,
    packetsReceived: trunk.ingress.size * 100,
    bytesSent: trunk.egress.size * 100_000,
    bytesReceived: trunk.ingress.size * 100_000,
    packetsLost: 0,
    packetsRepaired: 0,
    rttMs: 2,
    jitterMs: 1,
    egressStreams: trunk.egress.size,
    ingressStreams: trunk.ingress.size,
  };
}
