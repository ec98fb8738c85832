/** The HTTP half of entering a room: a session is minted, and later given a place and a room token. Any node may serve either. */
import { ulid } from "ulid";
import type { Grants, JoinTicket, Role, RoomInfo, SessionCredentials } from "#protocol";
import { ApiError } from "../http/problems.ts";
import type { Clock } from "../mesh/clock.ts";
import { SlugKeys } from "../room/slug-keys.ts";
import type { Archive, RoomRecord, UserRecord } from "../store/archive.ts";
import type { JoinRoomOutcome, Occupant, Presence } from "../store/presence.ts";
import { participantIdOf } from "./participant-id.ts";
import type { Restrictions } from "./restrictions.ts";
import { RoomNames } from "./room-names.ts";
import type { SessionClaims, Tokens } from "./tokens.ts";

export interface JoiningOptions {
  readonly archive: Archive;
  readonly presence: Presence;
  readonly tokens: Tokens;
  readonly clock: Clock;
  /** Does the room take nobody in? Owners, moderators and whoever is inside come in all the same. */
  readonly isLocked?: (roomId: string) => Promise<boolean>;
  /** Does this node know the person to be in the room? What it does not know, the store may. */
  readonly isInside?: (roomId: string, userId: string) => boolean;
  /** What moderators took from people, for all their sessions. Default: nothing. */
  readonly restrictions?: Pick<Restrictions, "apply">;
  /** Older sessions of the same device lost their place in the room: their nodes should know. */
  readonly superseded: (older: Occupant) => void;
}

/** What a role may do; a moderator can take some of it from a person (restrictions.ts). */
export function grantsOf(role: Role): Grants {
  return { publish: true, subscribe: true, chat: true, moderate: role === "owner" || role === "moderator" };
}

export class Joining {
  readonly #options: JoiningOptions;
  readonly #names: RoomNames;
  readonly #slugKeys = new SlugKeys();

  constructor(options: JoiningOptions) {
    this.#options = options;
    this.#names = new RoomNames(options.archive);
  }

  /** The id is minted once and never reused. */
  async createSession(user: UserRecord, deviceId: string): Promise<SessionCredentials> {
    const { presence, tokens, clock } = this.#options;
    const generation = await presence.nextGeneration({ userId: user.id, deviceId });
    const sessionId = ulid(clock.wallMs());
    const signed = tokens.signSession({
      userId: user.id,
      guest: user.guest,
      version: user.tokenVersion,
      sessionId,
      deviceId,
      generation,
    });
    return { sessionId, ...signed };
  }

  /** Throws ApiError unknown_room, or room_moved for a name that a room gave up. */
  async roomOf(slugText: string): Promise<RoomRecord> {
    const slugKey = this.#slugKeys.keyOf(slugText);
    if (slugKey === undefined) throw new ApiError("unknown_room");
    const room = await this.#options.archive.getRoomBySlug(slugKey);
    if (room !== undefined) return room;
    const moved = await this.#names.movedTo(slugKey);
    if (moved === undefined) throw new ApiError("unknown_room");
    throw new ApiError("room_moved", { movedTo: moved.slug });
  }

  async infoOf(room: RoomRecord, role: Role | undefined): Promise<RoomInfo> {
    const occupants = await this.#options.presence.occupants(room.id);
    const info = roomInfoOf(room, peopleIn(occupants), role);
    // Members learn that the door is shut; to strangers it is an ordinary refusal.
    const isLocked = role !== undefined && (await this.#options.isLocked?.(room.id)) === true;
    return isLocked ? { ...info, locked: true } : info;
  }

  nowMs(): number {
    return this.#options.clock.wallMs();
  }

  /** The role of a member; of others undefined. */
  async roleOf(room: RoomRecord, user: UserRecord): Promise<Role | undefined> {
    return (await this.#options.archive.getMember({ roomId: room.id, userId: user.id }))?.role;
  }

  /** May read and write here: members, and whoever is inside. Throws ApiError not_member. */
  async assertMayTalk(room: RoomRecord, user: UserRecord): Promise<void> {
    if ((await this.roleOf(room, user)) !== undefined) return;
    // Who is in a call goes on writing while the store of who is where is away, or has forgotten them.
    if (this.#options.isInside?.(room.id, user.id) === true) return;
    const occupants = await this.#options.presence.occupants(room.id);
    if (!occupants.some((occupant) => occupant.userId === user.id)) throw new ApiError("not_member");
  }

  /** The session gets its place in the room, if people, rights and capacity allow it. A refusal changes nothing. */
  async join(room: RoomRecord, user: UserRecord, session: SessionClaims): Promise<JoinTicket> {
    const { presence, tokens, archive, clock } = this.#options;
    const known = await this.roleOf(room, user);
    const role = known ?? roleOfVisitor(room, user);
    await this.#assertUnlocked(room, user, role);
    const participantId = participantIdOf(session);
    const full = grantsOf(role);
    const person = { roomId: room.id, userId: user.id };
    const grants = (await this.#options.restrictions?.apply(full, person)) ?? full;
    const outcome = await presence.joinRoom({
      roomId: room.id,
      sessionId: session.sessionId,
      capacity: room.capacity,
      joinedAs: { participantId, displayName: user.displayName, role },
    });
    const people = this.#placed(outcome);
    // Who has been in an open room finds it again among the own rooms.
    if (known === undefined && !user.guest)
      await archive.addMember({ roomId: room.id, userId: user.id, role, addedAtMs: clock.wallMs() });
    const signed = tokens.signRoom({
      sessionId: session.sessionId,
      roomId: room.id,
      slug: room.slug,
      title: room.title,
      userId: user.id,
      displayName: user.displayName,
      role,
      grants,
    });
    return { ...signed, room: roomInfoOf(room, people, role) };
  }

  async #assertUnlocked(room: RoomRecord, user: UserRecord, role: Role): Promise<void> {
    if (role === "owner" || role === "moderator" || (await this.#options.isLocked?.(room.id)) !== true) return;
    const occupants = await this.#options.presence.occupants(room.id);
    if (!occupants.some((occupant) => occupant.userId === user.id)) throw new ApiError("room_locked");
  }

  #placed(outcome: JoinRoomOutcome): number {
    switch (outcome.kind) {
      case "joined":
        for (const older of outcome.superseded) this.#options.superseded(older);
        return outcome.people;
      case "full":
        throw new ApiError("room_full");
      case "no_session":
        throw new ApiError("no_session", { detail: "say hello on a node's socket with this session first" });
      case "superseded":
        throw new ApiError("session_superseded");
    }
  }
}

function roleOfVisitor(room: RoomRecord, user: UserRecord): Role {
  // A guest of a room is its member; who is none any more was removed.
  if (user.guestRoomId !== undefined) throw new ApiError("guest_not_allowed");
  if (room.access !== "open") throw new ApiError("not_member");
  return user.guest ? "guest" : "member";
}

/** People, not sessions. */
export const peopleIn = (occupants: readonly Occupant[]): number =>
  new Set(occupants.map((occupant) => occupant.userId)).size;

/** What a room is about, strangers learn of open rooms only. */
export function roomInfoOf(room: RoomRecord, occupants: number, role: Role | undefined): RoomInfo {
  const { id: roomId, slug, title, access, capacity, createdAtMs, version, description, pictureId } = room;
  const known = { roomId, slug, title, access, capacity, occupants, createdAtMs, version };
  if (access !== "open" && role === undefined) return known;
  return {
    ...known,
    ...(role === undefined ? {} : { role }),
    ...(description === undefined ? {} : { description }),
    ...(pictureId === undefined ? {} : { pictureId }),
  };
}
