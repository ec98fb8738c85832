/** What client and node tell each other of media while a call goes on: layers, pauses, quality, rights. */
import type { Grants } from "./messages.ts";
import type { Role } from "./people-and-rooms.ts";

/**
 * Which simulcast layers of an own track anybody wants now, by rid ("" without simulcast); none: nobody. The client sends no
 * others. Until the first such message all are wanted.
 */
export interface LayersWanted {
  readonly type: "layers";
  readonly seq: number;
  readonly trackId: string;
  readonly layers: readonly string[];
}

/** "paused": there is no room for it on this client's link now. "unsupportedCodec": the client cannot decode the track. */
export type SlotState = "live" | "paused" | "unsupportedCodec";

/** Whether what a slot was given can be seen; a track that gets a slot is "live" until told otherwise. */
export interface SlotStateChanged {
  readonly type: "slotState";
  readonly seq: number;
  readonly mid: string;
  readonly trackId: string;
  readonly state: SlotState;
}

/** How good the connections of people are, this client's among them: 1 (unusable) to 5. Only what changed. */
export interface QualityTold {
  readonly type: "quality";
  readonly seq: number;
  readonly scores: readonly { readonly participantId: string; readonly score: number }[];
}

/** A moderator muted an own track of this client; it may unmute it again. */
export interface MutedByModerator {
  readonly type: "muted";
  readonly seq: number;
  readonly trackId: string;
  /** The moderator's user id, where the node tells it. */
  readonly by?: string;
}

/** What this client may do from now on. */
export interface GrantsChanged {
  readonly type: "grants";
  readonly seq: number;
  readonly role: Role;
  readonly grants: Grants;
}

/**
 * A moderator's deed: mute a track of somebody (without `trackId` all of their sound), who may unmute themselves; or remove
 * them from the call, which hears `closing` "removed".
 */
export interface Moderate {
  readonly type: "moderate";
  readonly id: string;
  readonly participantId: string;
  readonly action: "mute" | "remove";
  readonly trackId?: string;
}

/** What only the client can see of the video it shows, every few seconds, once a node told a quality. Not answered. */
export interface Report {
  readonly type: "report";
  /** Share of the time without a new picture where one was due, 0 to 1. */
  readonly frozenRatio: number;
}
