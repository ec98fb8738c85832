/** What one worker offers to each of its transports. */
import type { RTCCertificate } from "werift";
import type { MediaEvent } from "./control.ts";
import type { IceLiteAgents } from "./ice-lite.ts";
import type { MediaLog } from "./media-log.ts";
import type { MediaMux } from "./media-mux.ts";
import type { PeerLimitsOptions } from "./peer-limits.ts";
import type { RtpPlaneApi } from "./rtp-plane-types.ts";
import type { HostCandidate } from "./sdp-answer.ts";

export interface MediaEnvironment {
  readonly mux: MediaMux;
  readonly agents: IceLiteAgents;
  readonly plane: RtpPlaneApi;
  readonly certificate: RTCCertificate;
  /** By UDP: what others are told. */
  readonly candidates: readonly HostCandidate[];
  /** By TCP: for clients only. */
  readonly tcpCandidates: readonly HostCandidate[];
  readonly log: MediaLog;
  readonly peerLimits: PeerLimitsOptions;
  nowMs(): number;
  event(event: MediaEvent): void;
  /** Counts a refused datagram under its reason. */
  dropped(reason: string): void;
  /** `by` defaults to 1. */
  count(name: string, by?: number): void;
}

/** Uniform 32-bit SSRC that is not 0 and not in use. */
export function pickSsrc(inUse: (ssrc: number) => boolean): number {
  for (;;) {
    const [ssrc = 0] = crypto.getRandomValues(new Uint32Array(1));
    if (ssrc !== 0 && !inUse(ssrc)) return ssrc;
  }
}
