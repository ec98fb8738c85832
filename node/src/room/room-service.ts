/**
 * The live side of rooms on one node: who is here, on which slots their tracks are seen, and what the
 * other nodes that serve the same room are told. Signalling drives it with sessions that were already
 * checked (tokens, capacity, rights); it speaks back through a RoomClient each.
 */
import type {
  Grants,
  Moderate,
  OfferedTrack,
  ParticipantInfo,
  ParticipantLeft,
  Report,
  Role,
  Unsequenced,
  View,
} from "#protocol";

export interface RoomJoin {
  readonly roomId: string;
  readonly sessionId: string;
  /** Larger wins where two nodes speak of the same session; see Presence. */
  readonly epoch: number;
  /**
   * Order of the sessions of one participant (Presence's generation): the greater supersedes the smaller, whatever
   * arrives first. Without it (0) session ids decide, which are ULIDs and so mostly in order of time.
   */
  readonly generation?: number;
  /** Stable over refreshes: the same person on the same device. */
  readonly participantId: string;
  readonly userId: string;
  readonly displayName: string;
  readonly role: Role;
  readonly grants: Grants;
  /** Other nodes that Presence names as having occupants of this room. */
  readonly otherNodes: readonly string[];
}
export interface RoomClient {
  /**
   * Never throws and never calls back into the room synchronously. `closing` with "superseded" is the last message
   * for this client: its session was taken over (here or on another node) and has already left the room, so the
   * socket can be closed and nothing more is owed to the room.
   */
  notify(message: Unsequenced): void;
}
/**
 * A refusal with a stable code; nothing changed: not_joined, not_allowed, unknown_track, superseded, unknown_participant, room_node_full
 * (this node serves as many people of that room as it can announce), busy (too many offers at once), and from offers
 * sdp_malformed, sdp_unsupported, sdp_too_large, peer_limit, media_unavailable.
 */
export class RoomError extends Error {
  override readonly name = "RoomError";
  readonly code: string;
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export interface RoomService {
  start(): Promise<void>;
  stop(): Promise<void>;
  /**
   * Enters; a participantId that is already here with another session is taken over in place (others see one
   * continuous participant). Resolves with everyone else, local and remote.
   */
  join(input: RoomJoin, client: RoomClient): Promise<readonly ParticipantInfo[]>;
  /** Ends exactly this session's presence; unknown or older sessions are a no-op. */
  leave(sessionId: string, reason: ParticipantLeft["reason"]): void;
  /** The socket was lost but may resume (true), or came back with a new client (false with client). */
  setReconnecting(sessionId: string, reconnecting: boolean, client?: RoomClient): void;
  offer(
    sessionId: string,
    input: { readonly sdp: string; readonly tracks: readonly OfferedTrack[]; readonly fresh: boolean },
  ): Promise<{
    readonly sdp: string;
    readonly tracks: readonly { readonly mid: string; readonly trackId: string }[];
  }>;
  setMuted(sessionId: string, trackId: string, muted: boolean): void;
  setView(sessionId: string, visible: View["visible"]): void;
  /**
   * What the session's person does to somebody of the room, wherever that one is served. Refused: not_allowed (no moderator,
   * or towards an equal), unknown_participant, unknown_track, media_unavailable (their node does not answer).
   */
  moderate(sessionId: string, deed: Pick<Moderate, "participantId" | "action" | "trackId">): Promise<void>;
  /** What a client says of its own pictures, for its quality score. */
  report(sessionId: string, report: Pick<Report, "frozenRatio">): void;
  /**
   * Occupants of this node were reaped because it died. They are shown as reconnecting until the resume time since then is
   * over, as after the mesh's own word; nothing happens while the mesh lists the node as alive.
   */
  forgetNode(node: string): void;
  participants(roomId: string): readonly ParticipantInfo[];
  /** For the third door: called with the session whose media transport is gone for 30 s. */
  onMediaGone(listener: (sessionId: string) => void): () => void;
  /** Called with a session of this node that a moderator removed: to be told, and to leave with reason "removed". */
  onRemoved(listener: (sessionId: string) => void): () => void;
  /** Mean score of this node's people in calls, 1 to 5; undefined when there is none. */
  meanQuality(): number | undefined;
  snapshot(): readonly { readonly roomId: string; readonly local: number; readonly remote: number }[];
}
