/**
 * Names of rooms over time. A name that a room gave up stays its own: it leads to the room, and no other room gets it, nor
 * one that looks like it. The old name is written down before it is freed, and whoever takes a name looks again afterwards:
 * so of a room that leaves a name and one that takes it at the same moment, the second notices and steps back.
 */
import { createHash } from "node:crypto";
import type { Archive, CreateRoomOutcome, NewRoom, RoomRecord, UpdateRoomOutcome } from "../store/archive.ts";

/** Names that one room may leave behind, two records each: or one person could take them all. */
export const MAX_OLD_NAMES = 20;

type Names = Pick<RoomRecord, "slug" | "slugKey" | "skeleton">;
type Conflict = { readonly kind: "slug_taken" } | { readonly kind: "confusable"; readonly slug: string };

export class RoomNames {
  readonly #archive: Archive;

  constructor(archive: Archive) {
    this.#archive = archive;
  }

  /** As archive.createRoom, also against names that other rooms gave up. */
  async create(room: NewRoom): Promise<CreateRoomOutcome> {
    const reserved = await this.#reserved(room.id, room);
    if (reserved !== undefined) return reserved;
    const outcome = await this.#archive.createRoom(room);
    if (outcome.kind !== "created") return outcome;
    const late = await this.#reserved(room.id, room);
    if (late === undefined) return outcome;
    await this.#archive.deleteRoom(room.id, room.createdAtMs);
    return late;
  }

  /** "too_many": the room has changed its name too often. */
  async rename(room: RoomRecord, names: Names): Promise<UpdateRoomOutcome | { readonly kind: "too_many" }> {
    const reserved = await this.#reserved(room.id, names);
    if (reserved !== undefined) return reserved;
    const { count } = await this.#archive.records.weigh("oldName", room.id);
    if (count >= 2 * MAX_OLD_NAMES) return { kind: "too_many" };
    const reservedNow = room.slugKey === names.slugKey ? [] : await this.#reserve(room);
    const outcome = await this.#archive.updateRoom(room.id, { names });
    if (outcome.kind !== "updated") {
      await this.#release(room, reservedNow);
      return outcome;
    }
    const late = await this.#reserved(room.id, names);
    if (late === undefined) return outcome;
    const { slug, slugKey, skeleton } = room;
    await this.#archive.updateRoom(room.id, { names: { slug, slugKey, skeleton } });
    return late;
  }

  /** The room that had this name once; undefined when none had, or it is gone. */
  async movedTo(slugKey: string): Promise<RoomRecord | undefined> {
    const old = await this.#archive.records.get({ kind: "oldName", id: keyId(slugKey) });
    return old === undefined ? undefined : await this.#archive.getRoom(old.owner);
  }

  /** Answers the ids of the records that were not there before. */
  async #reserve({ id: owner, slug, slugKey, skeleton }: RoomRecord): Promise<readonly string[]> {
    const added: string[] = [];
    for (const id of [keyId(slugKey), skeletonId(skeleton)]) {
      const outcome = await this.#archive.records.add({ kind: "oldName", id, owner, value: { slug } });
      if (outcome.kind === "added") added.push(id);
    }
    return added;
  }

  /** The name was not given up after all; unless somebody else renamed the room meanwhile. */
  async #release(room: RoomRecord, ids: readonly string[]): Promise<void> {
    for (const id of ids) await this.#archive.records.remove({ kind: "oldName", id });
    const now = await this.#archive.getRoom(room.id);
    if (ids.length > 0 && now?.slugKey !== room.slugKey) await this.#reserve(room);
  }

  async #reserved(roomId: string, names: Pick<Names, "slugKey" | "skeleton">): Promise<Conflict | undefined> {
    const { records } = this.#archive;
    const sameName = await records.get({ kind: "oldName", id: keyId(names.slugKey) });
    if (sameName !== undefined && sameName.owner !== roomId) return { kind: "slug_taken" };
    const lookAlike = await records.get({ kind: "oldName", id: skeletonId(names.skeleton) });
    if (lookAlike === undefined || lookAlike.owner === roomId) return undefined;
    return { kind: "confusable", slug: (lookAlike.value as { readonly slug: string }).slug };
  }
}

// Names hold any script, ids do not.
const keyId = (slugKey: string): string => `name:${hash(slugKey)}`;
const skeletonId = (skeleton: string): string => `look:${hash(skeleton)}`;
const hash = (text: string): string => createHash("sha256").update(text).digest("hex");
