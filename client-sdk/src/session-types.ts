/** What goes into and comes out of the session machine (session.ts). */

import type { IgnoreReason } from "./protocol/guards.ts";
import type {
  Answer,
  ClientMessage,
  GrantsChanged,
  Joined,
  LayersWanted,
  MediaState,
  MemberUpdated,
  MessagePosted,
  MessageUpdated,
  Moderate,
  Mute,
  MutedByModerator,
  ParticipantJoined,
  ParticipantLeft,
  ParticipantUpdated,
  QualityTold,
  ReadUpTo,
  Report,
  RoomLifeChanged,
  RoomUpdated,
  SlotStateChanged,
  Slots,
  Speakers,
  Typing,
  TypingNow,
  View,
} from "./protocol/messages.ts";
import { type Random, RECONNECT_DEFAULTS, type ReconnectPolicy } from "./reconnect-policy.ts";
import type { Remedy } from "./remedies.ts";

/** What a person may be told: still coming in, in, trying to get back, over. */
export type ConnectionState = "connecting" | "connected" | "reconnecting" | "closed";

/** Messages that only inform; the machine checked their order and passes them on. */
export type RoomMessage =
  | ParticipantJoined
  | ParticipantUpdated
  | ParticipantLeft
  | Slots
  | Speakers
  | MessagePosted
  | MessageUpdated
  | ReadUpTo
  | TypingNow
  | RoomUpdated
  | MemberUpdated
  | RoomLifeChanged
  | LayersWanted
  | SlotStateChanged
  | QualityTold
  | GrantsChanged
  | MutedByModerator
  | MediaState;

export type SentMessage = ClientMessage;

/** Said without an answer, and worth nothing later. */
export type Said = Typing | Report;
/** A request of which only the last one counts, or that is not worth repeating. */
export type Wish = Omit<Mute, "id"> | Omit<View, "id"> | Omit<Moderate, "id">;

export type SessionEvent =
  | { readonly kind: "state"; readonly state: ConnectionState }
  /** Entered, at first or again; everything known of the room before is void. */
  | { readonly kind: "joined"; readonly joined: Joined; readonly node: string; readonly url: string }
  /** The socket came back and nothing was lost; wishes (mute, view) must be said again. */
  | { readonly kind: "resumed" }
  | { readonly kind: "moved"; readonly from: string; readonly to: string }
  | { readonly kind: "answer"; readonly answer: Answer }
  | { readonly kind: "offerRefused"; readonly code: string; readonly detail: string }
  | {
      readonly kind: "requestRefused";
      readonly request: "mute" | "view" | "moderate";
      readonly code: string;
      readonly detail: string;
    }
  | { readonly kind: "room"; readonly message: RoomMessage }
  /** For good. `code` is a closing reason ("left", "superseded", "removed") or the error code that ended it. */
  | { readonly kind: "closed"; readonly code: string; readonly detail: string };

/**
 * The machine's only way out. It never calls back synchronously. `attempt` must be handed back with the
 * result, so that an answer that comes too late is known as such.
 */
export interface SessionSink {
  /** Open a socket to the node at `url`; any older socket is to be forgotten. */
  connect(url: string): void;
  disconnect(): void;
  send(message: SentMessage): void;
  /** Fetch a room ticket, then handleTicket or handleFailure. */
  ticket(attempt: number): void;
  /** Fetch a new session token, then handleToken or handleFailure. */
  renew(attempt: number): void;
  /** Choose a node, none of `avoid` unless there is no other, then handlePlaced or handleFailure. */
  place(attempt: number, avoid: readonly string[]): void;
  /** Make an offer (on a new connection when fresh), then handleOffer or handleOfferFailed. */
  offer(attempt: number, fresh: boolean): void;
  event(event: SessionEvent): void;
  ignored(reason: IgnoreReason): void;
}

export interface SessionOptions {
  readonly token: string;
  readonly policy: ReconnectPolicy;
  /** How long one step of getting in may take. Default 8,000 ms. */
  readonly stepTimeoutMs: number;
  /** How long an offer may stay unanswered before it is made again. Default 10,000 ms. */
  readonly offerTimeoutMs: number;
  readonly random: Random;
  /** False on a platform without peer connections: text and people only, nothing is offered. */
  readonly media: boolean;
}

/** What a step can fail with, and what helps. */
export interface StepFailure {
  readonly code: string;
  readonly detail: string;
  readonly remedy: Remedy;
  readonly retryAfterMs?: number;
}

export const SESSION_DEFAULTS = {
  policy: RECONNECT_DEFAULTS,
  stepTimeoutMs: 6_000,
  offerTimeoutMs: 10_000,
} as const satisfies Partial<SessionOptions>;

export type Phase =
  | "idle"
  | "connecting"
  | "greeting"
  | "renewing"
  | "ticketing"
  | "joining"
  | "live"
  | "waiting"
  | "placing"
  | "closed";

export const WITH_SOCKET: ReadonlySet<Phase> = new Set(["greeting", "ticketing", "joining", "live"]);
export const ASKS_OTHERS: ReadonlySet<Phase> = new Set(["ticketing", "renewing", "placing"]);
