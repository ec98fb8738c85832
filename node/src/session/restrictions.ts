/**
 * Rights that a moderator took from a person in a room. They outlive sessions: kept until a moderator gives them back, and
 * applied at every join. Whoever moderates a room is above them. Rules: node/SPEC.md [A112], [A113].
 */
import type { Grants, Role } from "#protocol";
import { ApiError } from "../http/problems.ts";
import type { GrantsChange } from "../room/moderation.ts";
import type { Archive, RoomRecord } from "../store/archive.ts";

/** Moderators who change the rights of one person at the same moment try again so often. */
const MAX_TRIES = 8;
const RIGHTS = ["publish", "subscribe", "chat"] as const;
type Right = (typeof RIGHTS)[number];

export class Restrictions {
  readonly #archive: Pick<Archive, "records">;

  constructor(archive: Pick<Archive, "records">) {
    this.#archive = archive;
  }

  /** The rights that were taken, each as false. */
  async of(roomId: string, userId: string): Promise<GrantsChange> {
    const record = await this.#archive.records.get({ kind: "restriction", id: idOf(roomId, userId) });
    return takenIn(record?.value);
  }

  /** What a person of this role may do now. */
  async apply(grants: Grants, person: { readonly roomId: string; readonly userId: string }): Promise<Grants> {
    return grants.moderate ? grants : { ...grants, ...(await this.of(person.roomId, person.userId)) };
  }

  /** Takes rights (false) and gives them back (true); what is not named stays. Throws ApiError busy; then nothing changed. */
  async change(roomId: string, userId: string, change: GrantsChange): Promise<void> {
    const key = { kind: "restriction", id: idOf(roomId, userId) } as const;
    const { records } = this.#archive;
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const known = await records.get(key);
      const taken = takenIn({ ...takenIn(known?.value), ...change });
      const record = { ...key, owner: roomId, value: { ...taken, userId } };
      if (Object.keys(taken).length === 0) {
        if (known === undefined || (await records.remove(key))) return;
      } else if (known === undefined) {
        if ((await records.add(record)).kind === "added") return;
      } else if ((await records.replace(record, known.version)).kind === "replaced") return;
    }
    throw new ApiError("busy");
  }

  /** Throws ApiError not_allowed for somebody who may not write in this room. `role`: theirs there. */
  async assertMayWrite(
    room: Pick<RoomRecord, "id">,
    userId: string,
    role: () => Promise<Role | undefined>,
  ): Promise<void> {
    if ((await this.of(room.id, userId)).chat !== false) return;
    const held = await role();
    if (held !== "owner" && held !== "moderator")
      throw new ApiError("not_allowed", { detail: "a moderator took the right to write here" });
  }
}

/** Ids of rooms and people are ULIDs. */
const idOf = (roomId: string, userId: string): string => `${roomId}.${userId}`;

function takenIn(value: object | undefined): GrantsChange {
  const taken: { [R in Right]?: boolean } = {};
  for (const right of RIGHTS) if ((value as GrantsChange | undefined)?.[right] === false) taken[right] = false;
  return taken;
}
