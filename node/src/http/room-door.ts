/** Who may do what with the things that a room keeps. One set of checks for files, happenings, bills and webhooks. */
import type { Role } from "#protocol";
import type { Restrictions } from "../session/restrictions.ts";
import type { Archive, RoomRecord, UserRecord } from "../store/archive.ts";
import { personOf } from "./caller.ts";
import { ApiError, type ProblemCode } from "./problems.ts";
import type { Call } from "./route.ts";

export interface RoomDoorParts {
  readonly archive: Pick<Archive, "getRoom">;
  readonly joining: {
    roomOf(slug: string): Promise<RoomRecord>;
    roleOf(room: RoomRecord, user: UserRecord): Promise<Role | undefined>;
    assertMayTalk(room: RoomRecord, user: UserRecord): Promise<void>;
  };
  /** Default: nothing was taken from anybody. */
  readonly restrictions?: Pick<Restrictions, "assertMayWrite">;
}

export interface Inside {
  readonly room: RoomRecord;
  readonly user: UserRecord;
}

export class RoomDoor {
  readonly #parts: RoomDoorParts;

  constructor(parts: RoomDoorParts) {
    this.#parts = parts;
  }

  /** The room of the address, for those who may read and write there. Throws ApiError unknown_room, not_member. */
  async enter(call: Call<unknown, unknown>): Promise<Inside> {
    const { user } = personOf(call);
    const room = await this.#parts.joining.roomOf(call.params["slug"] ?? "");
    await this.#parts.joining.assertMayTalk(room, user);
    return { room, user };
  }

  /** The same for those who may write: a moderator can take that. Throws ApiError not_allowed besides. */
  async speak(call: Call<unknown, unknown>): Promise<Inside> {
    const inside = await this.enter(call);
    const { room, user } = inside;
    await this.#parts.restrictions?.assertMayWrite(room, user.id, () => this.#parts.joining.roleOf(room, user));
    return inside;
  }

  /** The same by the room's id. Strangers hear `unknown`: they need not learn what exists. */
  async enterById(roomId: string, user: UserRecord, unknown: ProblemCode): Promise<Inside> {
    const room = await this.#parts.archive.getRoom(roomId);
    if (room === undefined) throw new ApiError(unknown);
    try {
      await this.#parts.joining.assertMayTalk(room, user);
    } catch (error) {
      throw error instanceof ApiError && error.code === "not_member" ? new ApiError(unknown) : error;
    }
    return { room, user };
  }

  /** For owners and moderators. Throws ApiError unknown_room, not_member, not_allowed. */
  async moderate(call: Call<unknown, unknown>): Promise<Inside> {
    const inside = await this.enter(call);
    await this.assertMakerOrModerator(inside, undefined);
    return inside;
  }

  /** Throws ApiError not_allowed unless the person made it, or moderates the room. */
  async assertMakerOrModerator({ room, user }: Inside, makerId: string | undefined): Promise<void> {
    if (makerId === user.id) return;
    const role = await this.#parts.joining.roleOf(room, user);
    if (role !== "owner" && role !== "moderator") throw new ApiError("not_allowed");
  }
}
