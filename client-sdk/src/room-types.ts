/** What a Room tells its application. */
import type { ChatEvents } from "./chat.ts";
import type { InterruptionEvents } from "./interruptions.ts";
import type { Path } from "./placement.ts";
import type {
  Grants,
  MemberUpdated,
  ParticipantLeft,
  Role,
  RoomLifeChanged,
  RoomUpdated,
  SlotInfo,
  TrackSource,
} from "./protocol/messages.ts";
import type { Quality } from "./quality.ts";
import type { RemoteTrack } from "./remote-track.ts";
import type { RemoteParticipant } from "./roster.ts";
import type { ConnectionState } from "./session-types.ts";

export interface Speaker {
  readonly participantId: string;
  /** -dBov: 0 is loudest, 127 silence (RFC 6464). */
  readonly level: number;
}
export interface DataMessage {
  readonly participantId: string;
  /** Undefined when the sender has left meanwhile. */
  readonly participant: RemoteParticipant | undefined;
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly lossy: boolean;
}
interface OfTrack {
  readonly participant: RemoteParticipant;
  readonly track: RemoteTrack;
}

export interface RoomEvents extends ChatEvents, InterruptionEvents {
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
  trackSubscribed: OfTrack;
  trackUnsubscribed: OfTrack;
  /** `track.state`: paused for lack of bandwidth, live again, or of a codec that is not known here. */
  trackStateChanged: OfTrack;
  slots: readonly SlotInfo[];
  /** Loudest first. */
  speakers: readonly Speaker[];
  /** Own tracks changed: published, muted, another device. */
  localChanged: undefined;
  /** A moderator muted this own track; it may be unmuted again. */
  mutedByModerator: { readonly source: TrackSource };
  /** A device could not be opened, or ended by itself. */
  deviceError: { readonly source: TrackSource; readonly code: string };
  /** True: the browser wants a touch before it plays sound; call room.startAudio() in a click. */
  playbackBlocked: boolean;
  /** Of the own connection, in a word. */
  quality: Quality;
  /** Of anybody's connection, 1 to 5, as nodes measure it. */
  connectionQuality: { readonly participantId: string; readonly score: number };
  /** From another participant's room.sendData(). */
  data: DataMessage;
  /** What this person may do changed. */
  grants: { readonly role: Role; readonly grants: Grants };
  /** Renamed (`room.slug` is the new one), described anew, … */
  roomUpdated: RoomUpdated["room"];
  /** A member came, got another role, or is none any more (without a role). */
  memberUpdated: Pick<MemberUpdated, "userId" | "role">;
  /** A file, happening or expense was added, changed or removed: ask for it again where it is shown. */
  roomLife: Pick<RoomLifeChanged, "what" | "change" | "id" | "userId">;
  /** A request that the node refused; nothing changed. */
  refused: { readonly request: "offer" | "mute" | "view" | "moderate"; readonly code: string; readonly detail: string };
}
