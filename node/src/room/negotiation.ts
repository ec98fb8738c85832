/**
 * Answering a session's offers: one after the other, with track ids that are unique in the mesh, and with the refusals
 * of the media plane turned into stable codes. Rules: SPEC.md [P60…P66].
 */
import type { Random } from "#gossip";
import type { OfferedTrack } from "#protocol";
import type { MediaPlane, NegotiateErrorCode, NegotiateResult } from "../media/control.ts";
import { isOneOf } from "../mesh/shape.ts";
import type { LiveTrack } from "./entry.ts";
import type { Member } from "./registry.ts";
import { RoomError } from "./room-service.ts";
import { MAX_TRACKS_PER_PARTICIPANT } from "./room-state.ts";

export interface OfferInput {
  readonly sdp: string;
  readonly tracks: readonly OfferedTrack[];
  readonly fresh: boolean;
}

/** Offers of one session that wait for their turn; more are refused. */
export const MAX_WAITING_OFFERS = 4;

const MEDIA_CODES = [
  "sdp_malformed",
  "sdp_unsupported",
  "sdp_too_large",
  "peer_limit",
  "media_unavailable",
] as const satisfies readonly NegotiateErrorCode[];

export class Negotiator {
  readonly #media: MediaPlane;
  readonly #random: Random;

  constructor(parts: { readonly media: MediaPlane; readonly random: Random }) {
    this.#media = parts.media;
    this.#random = parts.random.fork("tracks");
  }

  /** Runs `answer` when every earlier offer of this session has been dealt with. */
  async inTurn<T>(member: Member, answer: () => Promise<T>): Promise<T> {
    if (member.waitingOffers >= MAX_WAITING_OFFERS) throw new RoomError("busy", "too many offers are waiting");
    member.waitingOffers += 1;
    const turn = member.offers.then(answer, answer);
    member.offers = turn.then(
      () => undefined,
      () => undefined,
    );
    try {
      return await turn;
    } finally {
      member.waitingOffers -= 1;
    }
  }

  /** Rejects with a RoomError, and then nothing has changed. */
  async negotiate(member: Member, input: OfferInput): Promise<NegotiateResult> {
    // Whoever may not publish any more may still list the lines that there are, to grow its slots.
    const isNew = input.tracks.some(({ mid }) => input.fresh || !member.lines.has(mid));
    if (isNew && !member.grants.publish) throw new RoomError("not_allowed", "this session may not publish");
    if (input.tracks.length > MAX_TRACKS_PER_PARTICIPANT)
      throw new RoomError("sdp_unsupported", `at most ${MAX_TRACKS_PER_PARTICIPANT} tracks`);
    const tracks = input.tracks.map(({ mid, source }) => {
      const known = input.fresh ? undefined : member.lines.get(mid);
      return { mid, source, trackId: known?.source === source ? known.trackId : this.#newTrackId() };
    });
    try {
      const { sdp, fresh } = input;
      const { sessionId: peerId, roomId, grants } = member;
      const rights = { publish: grants.publish, subscribe: grants.subscribe, data: grants.chat };
      return await this.#media.negotiate({ peerId, roomId, sdp, tracks, fresh, grants: rights });
    } catch (error) {
      throw refusalOf(error);
    }
  }

  /** The tracks as the room knows them after the answer, muted as offered or as they were; those that are gone are closed. */
  takeTracks(member: Member, input: OfferInput, result: NegotiateResult): readonly LiveTrack[] {
    const before = new Map(member.tracks.map((track) => [track.trackId, track]));
    const offered = new Map(input.tracks.map((track) => [track.mid, track]));
    const tracks = result.tracks.map(({ mid, ...track }): LiveTrack => {
      const wasMuted = before.get(track.trackId)?.muted ?? false;
      const muted = offered.get(mid)?.muted ?? wasMuted;
      if (muted !== wasMuted) this.#media.setTrackMuted({ trackId: track.trackId, muted });
      before.delete(track.trackId);
      return { ...track, muted };
    });
    for (const trackId of before.keys()) this.#media.closeTrack(trackId);
    member.lines = new Map(result.tracks.map(({ mid, trackId, source }) => [mid, { trackId, source }]));
    return tracks;
  }

  #newTrackId(): string {
    const part = (): string =>
      this.#random
        .below(2 ** 32)
        .toString(36)
        .padStart(7, "0");
    return part() + part() + part();
  }
}

function refusalOf(error: unknown): RoomError {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const known = isOneOf(code, MEDIA_CODES) ? code : "media_unavailable";
  return new RoomError(known, error instanceof Error ? error.message : "the offer was refused", { cause: error });
}
