/** What the live rooms of a node are to its other parts, besides the sessions' side in room-service.ts. */
import type { TrackDescription } from "../media/control.ts";
import type { HttpOrder, ModerationOrder, RoleChange } from "./moderation.ts";
import type { DataOutcome } from "./room-data.ts";
import type { RoomService } from "./room-service.ts";
import type { RoomRefusal } from "./room-state.ts";

/** Who publishes what, for the relay. */
export interface TrackDirectory {
  localTrack(roomId: string, trackId: string): TrackDescription | undefined;
  remoteTrack(roomId: string, trackId: string): { readonly node: string; readonly track: TrackDescription } | undefined;
  /** Other nodes whose tracks are in this room. */
  trackNodes(roomId: string): ReadonlySet<string>;
  /** Tracks of this room came or went, here or elsewhere. */
  onTracksChanged(listener: (roomId: string) => void): () => void;
}

export interface LiveRooms extends RoomService, TrackDirectory {
  /** Others serve the room, as the store says: they are told of this node's people, and answer with theirs. */
  meet(roomId: string, nodes: readonly string[]): void;
  /** What other nodes sent and was refused, by reason. */
  counters(): {
    readonly refused: Readonly<Record<RoomRefusal, number>>;
    /** Data messages, and deeds of moderators, by what became of them. */
    readonly data: Readonly<Record<DataOutcome, number>>;
    readonly moderation: Readonly<Record<ModerationOrder["action"], number>>;
  };
  /** A deed of somebody whose right was checked, towards a participant that `node` serves. Refusals as moderate(). */
  order(node: string, order: HttpOrder): Promise<void>;
  /** A member has another role: their sessions on this node get its rights at once, and everybody sees it. */
  roleChanged(change: RoleChange): void;
  /** Called with every score of this node's people, every 2 s. */
  onScore(observe: (score: number) => void): void;
}
