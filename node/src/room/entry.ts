/** What one node says of one participant that it serves, and what clients are shown of it. */
import type { ParticipantInfo, Role } from "#protocol";
import type { TrackDescription } from "../media/control.ts";
import type { Claim } from "./claim.ts";

export interface LiveTrack extends TrackDescription {
  readonly muted: boolean;
}

export interface Entry {
  readonly participantId: string;
  readonly userId: string;
  readonly displayName: string;
  readonly role: Role;
  readonly claim: Claim;
  readonly state: ParticipantInfo["state"];
  readonly joinedAtMs: number;
  readonly tracks: readonly LiveTrack[];
}

export function toInfo(entry: Entry, node: string): ParticipantInfo {
  const tracks = entry.tracks.map(({ trackId, kind, source, muted }) => ({ trackId, kind, source, muted }));
  const { participantId, userId, displayName, role, state, joinedAtMs } = entry;
  return { participantId, userId, displayName, role, node, tracks, state, joinedAtMs };
}
