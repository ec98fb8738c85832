/**
 * Invites: a code in a link that makes whoever has it a member of a room. The code has 128 bits of chance, and only its hash
 * is stored: who reads the store gets into no room. A use is a record at a numbered place, and a place is one record's: of
 * many who accept at once no more come in than may.
 */
import { createHash, randomBytes } from "node:crypto";
import { ulid } from "ulid";
import type { InviteInfo, Role } from "#protocol";
import { ApiError } from "../http/problems.ts";
import type { Clock } from "../mesh/clock.ts";
import type { Archive, RoomRecord, UserRecord } from "../store/archive.ts";
import type { StoredRecord } from "../store/records.ts";

/** Invites of one room that are not revoked. */
export const MAX_INVITES = 200;
/** Others take the place that is tried; each of them gets in, so this many at once do. */
const MAX_ATTEMPTS = 200;
const CODE = /^[A-Za-z0-9_-]{22}$/;
const PLACE_DIGITS = 9;

interface InviteValue {
  readonly inviteId: string;
  readonly role: Role;
  readonly createdBy: string;
  readonly createdAtMs: number;
  readonly maxUses?: number;
  readonly expiresAtMs?: number;
}

export interface Invite extends InviteValue {
  readonly roomId: string;
  /** Of the code; names the record. */
  readonly hash: string;
}

export interface NewInvite {
  readonly role: Role;
  readonly maxUses?: number | undefined;
  readonly expiresInMs?: number | undefined;
}

export class Invites {
  readonly #archive: Archive;
  readonly #clock: Clock;

  constructor(parts: { readonly archive: Archive; readonly clock: Clock }) {
    this.#archive = parts.archive;
    this.#clock = parts.clock;
  }

  /** The answer holds the code, this once. */
  async create(room: RoomRecord, maker: UserRecord, input: NewInvite): Promise<InviteInfo> {
    const { records } = this.#archive;
    if ((await records.weigh("invite", room.id)).count >= MAX_INVITES) throw new ApiError("too_many");
    const nowMs = this.#clock.wallMs();
    const code = randomBytes(16).toString("base64url");
    const value: InviteValue = {
      inviteId: ulid(nowMs),
      role: input.role,
      createdBy: maker.id,
      createdAtMs: nowMs,
      ...(input.maxUses === undefined ? {} : { maxUses: input.maxUses }),
      ...(input.expiresInMs === undefined ? {} : { expiresAtMs: nowMs + input.expiresInMs }),
    };
    await records.add({ kind: "invite", id: hashOf(code), owner: room.id, order: value.inviteId, value });
    return { ...value, uses: 0, code };
  }

  /** Newest first. */
  async list(
    room: RoomRecord,
    page: { readonly before?: string | undefined; readonly limit: number },
  ): Promise<{ readonly invites: readonly InviteInfo[]; readonly nextCursor?: string }> {
    const { before, limit } = page;
    const range = {
      kind: "invite",
      owner: room.id,
      limit: limit + 1,
      ...(before === undefined ? {} : { before }),
    } as const;
    const found = await this.#archive.records.list(range);
    const shown = await Promise.all(
      found.slice(0, limit).map(async ({ id, value }) => ({
        ...(value as InviteValue),
        uses: await this.#uses(id),
      })),
    );
    const last = shown.at(-1);
    return { invites: shown, ...(found.length > limit && last !== undefined ? { nextCursor: last.inviteId } : {}) };
  }

  /** Ends it for those who have not come yet. */
  async revoke(room: RoomRecord, inviteId: string): Promise<void> {
    const { records } = this.#archive;
    // Its id is its place in the room's order.
    const range = { kind: "invite", owner: room.id, before: `${inviteId}0`, limit: 1 } as const;
    const [found] = await records.list(range);
    if (found === undefined || found.order !== inviteId) throw new ApiError("unknown_invite");
    await records.remove({ kind: "invite", id: found.id });
    await this.#forgetUses(found.id);
  }

  /** Throws ApiError unknown_invite, invite_over. */
  async find(code: string): Promise<Invite> {
    // What cannot be a code is not asked for.
    const hash = CODE.test(code) ? hashOf(code) : undefined;
    const record = hash === undefined ? undefined : await this.#archive.records.get({ kind: "invite", id: hash });
    if (record === undefined) throw new ApiError("unknown_invite");
    const invite = inviteOf(record);
    if (invite.expiresAtMs !== undefined && invite.expiresAtMs <= this.#clock.wallMs())
      throw new ApiError("invite_over");
    return invite;
  }

  /** Takes a use for this person, once. Throws ApiError invite_used_up, invite_over, busy. */
  async use(invite: Invite, userId: string): Promise<void> {
    const { records } = this.#archive;
    const key = { kind: "inviteUse", id: `${invite.hash}/${userId}` } as const;
    if ((await records.get(key)) !== undefined) return;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const place = await this.#uses(invite.hash);
      if (invite.maxUses !== undefined && place >= invite.maxUses) throw new ApiError("invite_used_up");
      const order = String(place).padStart(PLACE_DIGITS, "0");
      const outcome = await records.add({ ...key, owner: invite.hash, order, value: {} });
      if (outcome.kind === "exists" && outcome.record === undefined) continue;
      // Revoked in this moment: the use counts for nothing.
      if ((await records.get({ kind: "invite", id: invite.hash })) === undefined) throw new ApiError("invite_over");
      return;
    }
    throw new ApiError("busy", { retryAfterMs: 1_000 });
  }

  /** Places are taken from 0 on without a hole, so the last one tells how many there are. */
  async #uses(hash: string): Promise<number> {
    const [last] = await this.#archive.records.list({ kind: "inviteUse", owner: hash, limit: 1 });
    return last === undefined ? 0 : Number(last.order) + 1;
  }

  async #forgetUses(hash: string): Promise<void> {
    const { records } = this.#archive;
    for (;;) {
      const uses = await records.list({ kind: "inviteUse", owner: hash, limit: 100 });
      for (const { kind, id } of uses) await records.remove({ kind, id });
      if (uses.length < 100) return;
    }
  }
}

function inviteOf({ id: hash, owner: roomId, value }: StoredRecord): Invite {
  return { ...(value as InviteValue), roomId, hash };
}

const hashOf = (code: string): string => createHash("sha256").update(code).digest("hex");
