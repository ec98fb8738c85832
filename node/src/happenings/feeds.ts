/**
 * Addresses of calendars for programs that can send no header. The secret in such an address is the one thing that may stand
 * in a URL: it reads one room's happenings for one person and nothing else, is kept as a hash, is revoked by itself, and ends
 * with the person's membership. It is no token of DESIGN.md section 4 and is accepted nowhere else.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { Archive } from "../store/archive.ts";

interface FeedValue {
  readonly roomId: string;
  readonly userId: string;
  readonly secretHash: string;
}

const FEED = /^([A-Za-z0-9_-]{22})([A-Za-z0-9_-]{32})$/;
const hashOf = (text: string): string => createHash("sha256").update(text).digest("base64url");
/** Of the pair, so that an address tells neither the room nor the person. */
const feedIdOf = (roomId: string, userId: string): string => hashOf(`feed ${roomId} ${userId}`).slice(0, 22);

export class Feeds {
  readonly #archive: Archive;

  constructor(archive: Archive) {
    this.#archive = archive;
  }

  /** A new secret; the one before ends. */
  async renew(roomId: string, userId: string): Promise<string> {
    const { records } = this.#archive;
    const secret = randomBytes(24).toString("base64url");
    const id = feedIdOf(roomId, userId);
    const value: FeedValue = { roomId, userId, secretHash: hashOf(secret) };
    await records.remove({ kind: "feed", id });
    await records.add({ kind: "feed", id, owner: roomId, value });
    return `${id}${secret}`;
  }

  async revoke(roomId: string, userId: string): Promise<void> {
    await this.#archive.records.remove({ kind: "feed", id: feedIdOf(roomId, userId) });
  }

  /** Whose feed it is; undefined for everything else. */
  async find(feed: string): Promise<{ readonly roomId: string; readonly userId: string } | undefined> {
    const [, key = "", secret = ""] = FEED.exec(feed) ?? [];
    if (key === "") return undefined;
    const record = await this.#archive.records.get({ kind: "feed", id: key });
    if (record === undefined) return undefined;
    const { roomId, userId, secretHash } = record.value as FeedValue;
    const isRight = timingSafeEqual(Buffer.from(hashOf(secret)), Buffer.from(secretHash));
    return isRight ? { roomId, userId } : undefined;
  }
}
