/**
 * Tokens for programs that act for a person, within scopes. Kept as a hash; they end when they are removed, at their time,
 * with the person's account, and when the person signs out everywhere.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { ulid } from "ulid";
import type { ApiScope, ApiToken, NewApiToken } from "#protocol";
import { ApiError } from "../http/problems.ts";
import type { Clock } from "../mesh/clock.ts";
import type { Archive, UserRecord } from "../store/archive.ts";
import type { StoredRecord } from "../store/records.ts";

export const MAX_TOKENS = 20;
const TOKEN = /^hst_([0-7][0-9A-HJKMNP-TV-Z]{25})_([A-Za-z0-9_-]{43})$/;

interface TokenValue {
  readonly name: string;
  readonly scopes: readonly ApiScope[];
  readonly createdAtMs: number;
  readonly expiresAtMs?: number;
  readonly secretHash: string;
  /** Of the person's user tokens when it was made. */
  readonly userVersion: number;
}

const hashOf = (secret: string): Buffer => createHash("sha256").update(secret).digest();

export const looksLikeApiToken = (token: string): boolean => token.startsWith("hst_");

export class ApiTokens {
  readonly #archive: Archive;
  readonly #clock: Clock;

  constructor(parts: { readonly archive: Archive; readonly clock: Clock }) {
    this.#archive = parts.archive;
    this.#clock = parts.clock;
  }

  /** Throws ApiError guest_not_allowed, too_many. */
  async add(
    user: UserRecord,
    input: { readonly name: string; readonly scopes: readonly ApiScope[]; readonly expiresInMs?: number | undefined },
  ): Promise<NewApiToken> {
    if (user.guest) throw new ApiError("guest_not_allowed");
    const { records } = this.#archive;
    if ((await records.weigh("token", user.id)).count >= MAX_TOKENS) throw new ApiError("too_many");
    const createdAtMs = this.#clock.wallMs();
    const id = ulid(createdAtMs);
    const secret = randomBytes(32).toString("base64url");
    const value: TokenValue = {
      name: input.name,
      scopes: [...new Set(input.scopes)],
      createdAtMs,
      ...(input.expiresInMs === undefined ? {} : { expiresAtMs: createdAtMs + input.expiresInMs }),
      secretHash: hashOf(secret).toString("base64url"),
      userVersion: user.tokenVersion,
    };
    const { record } = await records.add({ kind: "token", id, owner: user.id, value });
    if (record === undefined) throw new ApiError("internal");
    return { ...infoOf(record), token: `hst_${id}_${secret}` };
  }

  async list(user: UserRecord): Promise<readonly ApiToken[]> {
    return (await this.#archive.records.list({ kind: "token", owner: user.id, limit: MAX_TOKENS })).map(infoOf);
  }

  /** Throws ApiError unknown_api_token. */
  async remove(user: UserRecord, id: string): Promise<void> {
    const found = await this.#archive.records.get({ kind: "token", id });
    if (found?.owner !== user.id) throw new ApiError("unknown_api_token");
    await this.#archive.records.remove(found);
  }

  /** All of a person. */
  async forget(userId: string): Promise<void> {
    const { records } = this.#archive;
    for (const token of await records.list({ kind: "token", owner: userId, limit: MAX_TOKENS }))
      await records.remove(token);
  }

  /** Who the token acts for, and within what. Throws ApiError token_invalid, token_expired, token_revoked. */
  async verify(token: string): Promise<{ readonly user: UserRecord; readonly scopes: readonly ApiScope[] }> {
    const [, id = "", secret = ""] = TOKEN.exec(token) ?? [];
    if (id === "") throw new ApiError("token_invalid");
    const record = await this.#archive.records.get({ kind: "token", id });
    if (record === undefined) throw new ApiError("token_revoked");
    const { secretHash, expiresAtMs, scopes, userVersion } = record.value as TokenValue;
    if (!timingSafeEqual(hashOf(secret), Buffer.from(secretHash, "base64url"))) throw new ApiError("token_invalid");
    if (expiresAtMs !== undefined && expiresAtMs <= this.#clock.wallMs()) throw new ApiError("token_expired");
    const user = await this.#archive.getUser(record.owner);
    if (user === undefined || user.tokenVersion > userVersion) throw new ApiError("token_revoked");
    return { user, scopes };
  }
}

function infoOf(record: StoredRecord): ApiToken {
  const { secretHash: _, userVersion: __, ...shown } = record.value as TokenValue;
  return { tokenId: record.id, ...shown };
}
