/**
 * The signalling protocol between a client and its node, both directions, as one set of unions.
 * PROTOCOL.md beside this folder is the normative text. JSON objects, one a WebSocket message,
 * at most MAX_MESSAGE_BYTES of UTF-8. A request carries an `id`; its reply carries the same in
 * `replyTo`. Every server message carries `seq`, which a client names when it resumes.
 */
import type {
  GrantsChanged,
  LayersWanted,
  Moderate,
  MutedByModerator,
  QualityTold,
  Report,
  SlotStateChanged,
} from "./live-media.ts";
import type { Role, RoomAccess, RoomInfo } from "./people-and-rooms.ts";
import type { ChatMessage, MessageChange } from "./text.ts";

export { MAX_DATA_BYTES, withSender } from "./data-frame.ts";
export type * from "./live-media.ts";
export type * from "./people-and-rooms.ts";
export type * from "./room-life.ts";
export type * from "./text.ts";

/** Raised when a change would break an older peer; a node speaks this version and the one before. */
export const PROTOCOL_VERSION = 1;
export const MAX_MESSAGE_BYTES = 65_536;

export type MediaKind = "audio" | "video";
export type TrackSource = "microphone" | "camera" | "screen" | "screenAudio";

/** What a person may do in a room; a moderator can change it live. */
export interface Grants {
  readonly publish: boolean;
  readonly subscribe: boolean;
  readonly chat: boolean;
  readonly moderate: boolean;
}

/** A published track as everyone in the room sees it. */
export interface TrackInfo {
  readonly trackId: string;
  readonly kind: MediaKind;
  readonly source: TrackSource;
  readonly muted: boolean;
}

/**
 * One person on one device. `participantId` outlives refreshes and moves between nodes: the same
 * person on the same device is one continuous participant.
 */
export interface ParticipantInfo {
  readonly participantId: string;
  readonly userId: string;
  readonly displayName: string;
  readonly role: Role;
  /** Name of the node that serves this participant now. */
  readonly node: string;
  readonly tracks: readonly TrackInfo[];
  /** "reconnecting" while its socket or media is lost but may still resume. */
  readonly state: "active" | "reconnecting";
  readonly joinedAtMs: number;
}

/** What a receive-only media line (slot) of the client carries now; `track` is absent when it is empty. */
export interface SlotInfo {
  readonly mid: string;
  readonly kind: MediaKind;
  readonly participantId?: string;
  readonly trackId?: string;
  readonly source?: TrackSource;
}

// ---------------------------------------------------------------- client → node

/** First message, within 5 s. `token` is a session token; `lastSeq` asks to resume after that server message. */
export interface Hello {
  readonly type: "hello";
  readonly id: string;
  readonly protocol: number;
  readonly token: string;
  readonly lastSeq?: number;
}
/** Enters a room with a room token (60 s to live, used once). */
export interface Join {
  readonly type: "join";
  readonly id: string;
  readonly token: string;
}
export interface Leave {
  readonly type: "leave";
  readonly id: string;
}
/** One own track of the offer: its media line and what it is. */
export interface OfferedTrack {
  readonly mid: string;
  readonly kind: MediaKind;
  readonly source: TrackSource;
  readonly muted?: boolean;
}
/** The client always offers: own tracks sendonly, slots recvonly. A later offer adds lines to the same connection. */
export interface Offer {
  readonly type: "offer";
  readonly id: string;
  readonly sdp: string;
  readonly tracks: readonly OfferedTrack[];
  /** True when the peer connection is new (first of a session, or rebuilt after media was lost). */
  readonly fresh?: boolean;
}
export interface Mute {
  readonly type: "mute";
  readonly id: string;
  readonly trackId: string;
  readonly muted: boolean;
}
/** What the client shows, most important first; what is not listed is not sent. Pixels are device pixels. */
export interface View {
  readonly type: "view";
  readonly id?: string;
  readonly visible: readonly {
    readonly participantId: string;
    readonly source: TrackSource;
    readonly width: number;
    readonly height: number;
  }[];
}
/** Heartbeat, at least every 5 s; the node closes a socket silent for 15 s. */
export interface Ping {
  readonly type: "ping";
  readonly sentAtMs: number;
}
/** The person writes, or stopped; said again every few seconds while it goes on. Nobody answers but to refuse. */
export interface Typing {
  readonly type: "typing";
  readonly typing: boolean;
  readonly threadId?: string;
}
export type ClientMessage = Hello | Join | Leave | Offer | Mute | View | Ping | Typing | Moderate | Report;
export type ClientRequest = Extract<ClientMessage, { readonly id: string }>;

// ---------------------------------------------------------------- node → client

interface Sequenced {
  readonly seq: number;
}
/** Reply to hello. `resumed` false with a `lastSeq` means: join and offer again. */
export interface Welcome extends Sequenced {
  readonly type: "welcome";
  readonly replyTo: string;
  readonly sessionId: string;
  readonly epoch: number;
  readonly node: string;
  readonly resumed: boolean;
}
export interface Joined extends Sequenced {
  readonly type: "joined";
  readonly replyTo: string;
  readonly room: { readonly roomId: string; readonly slug: string; readonly title: string };
  readonly participantId: string;
  readonly role: Role;
  readonly grants: Grants;
  /** Everyone else who is here. */
  readonly participants: readonly ParticipantInfo[];
}
export interface Answer extends Sequenced {
  readonly type: "answer";
  readonly replyTo: string;
  readonly sdp: string;
  /** Ids that the node gave to the offered tracks. */
  readonly tracks: readonly { readonly mid: string; readonly trackId: string }[];
}
export interface Ok extends Sequenced {
  readonly type: "ok";
  readonly replyTo: string;
}
/** A refused request; state did not change. `code` is stable and documented in PROTOCOL.md. */
export interface ErrorReply extends Sequenced {
  readonly type: "error";
  readonly replyTo?: string;
  readonly code: string;
  readonly detail: string;
  readonly retryAfterMs?: number;
}
export interface ParticipantJoined extends Sequenced {
  readonly type: "participantJoined";
  readonly participant: ParticipantInfo;
}
export interface ParticipantUpdated extends Sequenced {
  readonly type: "participantUpdated";
  readonly participant: ParticipantInfo;
}
export interface ParticipantLeft extends Sequenced {
  readonly type: "participantLeft";
  readonly participantId: string;
  readonly reason: "left" | "timeout" | "nodeFailed" | "removed" | "superseded";
}
/** The whole mapping of slots, sent at every change. */
export interface Slots extends Sequenced {
  readonly type: "slots";
  readonly slots: readonly SlotInfo[];
}
/** Loudest first. Levels are -dBov, 0 loudest, 127 silence (RFC 6464). */
export interface Speakers extends Sequenced {
  readonly type: "speakers";
  readonly speakers: readonly { readonly participantId: string; readonly level: number }[];
}
export interface MessagePosted extends Sequenced {
  readonly type: "message";
  readonly message: ChatMessage;
}
/** A message as it is now, after a change. Of two records of one message the one with the greater `changeId` is the newer. */
export interface MessageUpdated extends Sequenced {
  readonly type: "messageUpdated";
  readonly message: ChatMessage;
  readonly change: MessageChange;
  /** Who changed it. */
  readonly userId: string;
}
/** Somebody has seen everything up to this message. */
export interface ReadUpTo extends Sequenced {
  readonly type: "read";
  readonly userId: string;
  readonly messageId: string;
}
/** Somebody writes, or stopped. Without a word for 8 s it is over. Not told again after a resume. */
export interface TypingNow extends Sequenced {
  readonly type: "typing";
  readonly userId: string;
  readonly displayName: string;
  readonly typing: boolean;
  readonly threadId?: string;
}
/** The room was changed, perhaps its slug: then the old one redirects. */
export interface RoomUpdated extends Sequenced {
  readonly type: "roomUpdated";
  readonly room: {
    readonly roomId: string;
    readonly slug: string;
    readonly title: string;
    readonly description: string;
    readonly access: RoomAccess;
    readonly capacity: number;
    readonly version: number;
    readonly pictureId?: string;
  };
}
/** Something that the room keeps was added, changed or removed: whoever shows it asks for it again. */
export interface RoomLifeChanged extends Sequenced {
  readonly type: "roomLife";
  readonly what: "file" | "happening" | "expense";
  readonly change: "added" | "changed" | "removed";
  readonly id: string;
  /** Who did it. */
  readonly userId: string;
}
/** A member came, changed the role, or is none any more (without a role). */
export interface MemberUpdated extends Sequenced {
  readonly type: "memberUpdated";
  readonly userId: string;
  readonly role?: Role;
}
/** State of the media transport as the node sees it. "gone": offer again with `fresh`. */
export interface MediaState extends Sequenced {
  readonly type: "media";
  readonly state: "connected" | "reconnecting" | "gone";
}
/** Last message before the node closes the socket. */
export interface Closing extends Sequenced {
  readonly type: "closing";
  readonly reason: "left" | "superseded" | "removed" | "draining" | "protocol" | "slow" | "expired";
  /** Another node's base URL to go to, when draining. */
  readonly goTo?: string;
}
export interface Pong extends Sequenced {
  readonly type: "pong";
  readonly sentAtMs: number;
}
export type ServerMessage =
  | Welcome
  | Joined
  | Answer
  | Ok
  | ErrorReply
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
  | MediaState
  | LayersWanted
  | SlotStateChanged
  | QualityTold
  | GrantsChanged
  | MutedByModerator
  | Closing
  | Pong;

/** A server message before its socket gave it a number. */
export type Unsequenced<M extends ServerMessage = ServerMessage> = M extends ServerMessage ? Omit<M, "seq"> : never;

// ---------------------------------------------------------------- HTTP bodies that client and node share

export interface NodeInfo {
  readonly name: string;
  readonly url: string;
  readonly region: string;
  readonly draining: boolean;
}
export interface PlaceRequest {
  /** Measured by the client: minimum of at least three echoes a node, in milliseconds. */
  readonly rtts: readonly { readonly node: string; readonly rttMs: number }[];
}
export interface PlaceCandidate {
  readonly node: NodeInfo;
  readonly rttMs?: number;
  /** Predicted worst and mean person-to-person RTT of the room on this choice. */
  readonly worstMs?: number;
  readonly meanMs?: number;
}
export interface PlaceResponse {
  readonly chosen: PlaceCandidate;
  readonly alternatives: readonly PlaceCandidate[];
  /** In words that a person can read. */
  readonly why: string;
}
export interface SessionCredentials {
  readonly sessionId: string;
  readonly token: string;
  readonly expiresAtMs: number;
}
export interface JoinTicket {
  readonly token: string;
  readonly expiresAtMs: number;
  readonly room: RoomInfo;
}
/** RFC 9457 problem details with Hearsay's stable code. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail?: string;
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
  /** Of `room_moved` (308, with a Location): the room's slug now. */
  readonly movedTo?: string;
}
/** Answer of GET /v1/nodes: the alive nodes, and which of them answered. */
export interface NodesResponse {
  readonly nodes: readonly NodeInfo[];
  readonly self: string;
}
/** A node on the mesh page. */
export interface MeshNode extends NodeInfo {
  readonly status: "alive" | "suspect" | "leaving" | "left" | "failed";
  readonly version?: string;
  /** Rooms with somebody on this node, and the people on it; absent when the node did not say. */
  readonly rooms?: number;
  readonly people?: number;
  /** Mean quality score of its people in calls, 1 to 5; absent while there is none, or when the node did not say. */
  readonly quality?: number;
}
export interface MeshRtt {
  readonly from: string;
  readonly to: string;
  readonly rttMs: number;
  /** False when it is an estimate from coordinates. */
  readonly measured: boolean;
}
/** One trunk as one of its ends sees it; totals count since the trunk opened. */
export interface MeshTrunk {
  readonly from: string;
  readonly to: string;
  readonly state: "connecting" | "connected" | "silent" | "gone";
  readonly egressStreams: number;
  readonly ingressStreams: number;
  readonly packetsSent: number;
  readonly packetsReceived: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly packetsLost: number;
  readonly packetsRepaired: number;
  readonly rttMs?: number;
  readonly jitterMs?: number;
  /** `from` sends audio twice now, because the way loses packets. */
  readonly audioDuplicated?: boolean;
}
/** Answer of GET /v1/mesh, as the answering node knows it. */
export interface MeshResponse {
  readonly self: string;
  readonly nodes: readonly MeshNode[];
  readonly rtts: readonly MeshRtt[];
  readonly trunks: readonly MeshTrunk[];
}
