/** What passes between a trunk's pure session and its shell. */
import type { Random } from "#gossip";
import type { TrunkParameters } from "../media/control.ts";
import type { WantedStream } from "./demand.ts";
import type { OpenBody, TrunkRefusal, TrunkTopic, VersionRange } from "./trunk-messages.ts";

export interface TrunkSessionOptions {
  readonly self: string;
  readonly peer: string;
  readonly random: Random;
  /** Default TRUNK_VERSIONS. */
  readonly versions?: VersionRange;
}

export type TrunkPhase =
  | "idle"
  /** The higher name waits for the lower's offer. */
  | "asking"
  /** Our end is being made (offerer). */
  | "creating"
  | "offering"
  /** Our end is being made (answerer). */
  | "answering"
  | "connecting"
  | "connected"
  /** Was connected; keep-alives are missing. */
  | "silent"
  /** An attempt failed; the next one waits. */
  | "resting";

export interface TrunkSink {
  /** Answered by handleCreated. Only for the offerer: an answerer's end is made by whoever called handleOffer. */
  create(trunkId: string): void;
  connect(trunkId: string, remote: TrunkParameters): void;
  destroy(trunkId: string): void;
  /** Answered by handleReply with the same id. */
  request(id: number, topic: TrunkTopic, body: object): void;
  /** Answered by handleAllocated. */
  allocate(trunkId: string, id: number, stream: WantedStream): void;
  release(trunkId: string, ssrc: number): void;
  send(trunkId: string, stream: OpenBody): void;
  stopSending(trunkId: string, ssrc: number): void;
  reportSilent(): void;
  /** The other node does not forward that node's streams (any more). */
  wayFailed(origin: string): void;
}

export type TrunkReply = { readonly ok: true; readonly body: unknown } | { readonly ok: false; readonly code: string };
export type Verdict<T = object> = ({ readonly ok: true } & T) | { readonly ok: false; readonly code: TrunkRefusal };

/** What a request of the session was for. */
export type Purpose =
  | { readonly kind: "ask" }
  | { readonly kind: "offer"; readonly trunkId: string }
  | { readonly kind: "open" | "close"; readonly trunkId: string; readonly streamId: number }
  | { readonly kind: "word" };
