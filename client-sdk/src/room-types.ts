/** What a Room tells its application. */
import type { Path } from "./placement.ts";
import type { ChatMessage, ParticipantLeft, SlotInfo, TrackSource } from "./protocol/messages.ts";
import type { Quality } from "./quality.ts";
import type { RemoteTrack } from "./remote-track.ts";
import type { RemoteParticipant } from "./roster.ts";
import type { ConnectionState } from "./session-types.ts";

export interface Speaker {
  readonly participantId: string;
  /** -dBov: 0 is loudest, 127 silence (RFC 6464). */
  readonly level: number;
}

export interface RoomEvents {
  /** Of the signalling; media have a state of their own. */
  state: ConnectionState;
  mediaState: "connecting" | "connected" | "reconnecting" | "failed";
  /** Over for good: "left", "superseded", "removed", or the code of the refusal that ended it. */
  closed: { readonly code: string; readonly detail: string };
  /** Another node serves us now. */
  moved: { readonly from: string; readonly to: string; readonly path: Path };
  /** The room was entered, at first or again. */
  joined: undefined;
  participantJoined: RemoteParticipant;
  participantUpdated: RemoteParticipant;
  participantLeft: { readonly participant: RemoteParticipant; readonly reason: ParticipantLeft["reason"] };
  trackSubscribed: { readonly participant: RemoteParticipant; readonly track: RemoteTrack };
  trackUnsubscribed: { readonly participant: RemoteParticipant; readonly track: RemoteTrack };
  slots: readonly SlotInfo[];
  /** Loudest first. */
  speakers: readonly Speaker[];
  message: ChatMessage;
  /** Own tracks changed: published, muted, another device. */
  localChanged: undefined;
  /** A device could not be opened, or ended by itself. */
  deviceError: { readonly source: TrackSource; readonly code: string };
  /** True: the browser wants a touch before it plays sound; call room.startAudio() in a click. */
  playbackBlocked: boolean;
  quality: Quality;
  /** A request that the node refused; nothing changed. */
  refused: { readonly request: "offer" | "mute" | "view" | "moderate"; readonly code: string; readonly detail: string };
}
