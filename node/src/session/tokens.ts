/**
 * The chain user → session → room (DESIGN.md section 4): HS256 with the mesh's token key, `kid` for rotation, and an audience
 * each, so that one can never stand in for another. Pure but for the signer it is given (@fastify/jwt) and the clock.
 */
import { createHash, randomUUID } from "node:crypto";
import type { FastifyInstance } from "fastify";
import type { Grants, Role } from "#protocol";

export const USER_TOKEN_LIFE_MS = 30 * 86_400_000;
export const SESSION_TOKEN_LIFE_MS = 86_400_000;
export const ROOM_TOKEN_LIFE_MS = 60_000;
/** Longer texts are refused before any cryptography. A room token names its room: 64 emoji, in base64, twice. */
export const MAX_TOKEN_CHARS = 8192;

/**
 * Verified tokens that are remembered, so that a client's requests cost one verification and not one each. At the bound the
 * one remembered first goes, and is verified anew.
 */
export const MAX_REMEMBERED = 2_048;
/** Then a token is verified anew when it comes, and forgotten when others come: most belong to people who left. */
const REMEMBERED_MS = 600_000;
/** Longer ones are verified each time, which bounds the memory. User and session tokens have about 300. */
const MAX_REMEMBERED_CHARS = 1_024;

export interface UserClaims {
  readonly userId: string;
  readonly guest: boolean;
  /** tokenVersion of the person when this was signed; smaller than the person's own: revoked. */
  readonly version: number;
}
export interface SessionClaims extends UserClaims {
  readonly sessionId: string;
  readonly deviceId: string;
  /** Order of the sessions of this device; see Presence. */
  readonly generation: number;
}
export interface RoomClaims {
  /** Used once. */
  readonly tokenId: string;
  readonly sessionId: string;
  readonly roomId: string;
  readonly slug: string;
  readonly title: string;
  readonly userId: string;
  readonly displayName: string;
  readonly role: Role;
  readonly grants: Grants;
  readonly expiresAtMs: number;
}
export interface Signed {
  readonly token: string;
  readonly expiresAtMs: number;
}

/** The token was refused; nothing changed. The message never holds the token. */
export class TokenError extends Error {
  override readonly name = "TokenError";
  readonly code: "token_invalid" | "token_expired";
  constructor(code: TokenError["code"], options?: ErrorOptions) {
    super(code === "token_expired" ? "the token's time is over" : "the token is not valid here", options);
    this.code = code;
  }
}

export type Audience = "user" | "session" | "room";
/** What this needs of @fastify/jwt. */
export type Signer = Pick<FastifyInstance["jwt"], "sign" | "verify" | "decode">;

interface Verified {
  readonly audience: Audience;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly untilMs: number;
}

interface Key {
  readonly kid: string;
  readonly key: Buffer;
}

/** Names a key without telling anything of it. */
export const keyId = (key: Uint8Array): string => createHash("sha256").update(key).digest("hex").slice(0, 12);

export class Tokens {
  readonly #signer: Signer;
  readonly #keys: ReadonlyMap<string, Key>;
  readonly #current: Key;
  readonly #nowMs: () => number;
  /** By the token's whole text. Only time can take from them what they are: keys and texts do not change. */
  readonly #remembered = new Map<string, Verified>();

  /** The first key signs, all verify. `nowMs` is the wall clock: tokens travel between machines. */
  constructor(options: {
    readonly signer: Signer;
    readonly keys: readonly Uint8Array[];
    readonly nowMs: () => number;
  }) {
    const keys = options.keys.map((key) => ({ kid: keyId(key), key: Buffer.from(key) }));
    const [current] = keys;
    if (current === undefined) throw new RangeError("tokens need a key");
    this.#signer = options.signer;
    this.#keys = new Map(keys.map((key) => [key.kid, key]));
    this.#current = current;
    this.#nowMs = options.nowMs;
  }

  /** Verified tokens that are remembered now. */
  get rememberedCount(): number {
    return this.#remembered.size;
  }

  signUser(claims: UserClaims): Signed {
    return this.#sign("user", { sub: claims.userId, gst: claims.guest, ver: claims.version }, USER_TOKEN_LIFE_MS);
  }

  signSession(claims: SessionClaims): Signed {
    const payload = {
      sub: claims.userId,
      gst: claims.guest,
      ver: claims.version,
      sid: claims.sessionId,
      did: claims.deviceId,
      gen: claims.generation,
    };
    return this.#sign("session", payload, SESSION_TOKEN_LIFE_MS);
  }

  signRoom(claims: Omit<RoomClaims, "tokenId" | "expiresAtMs">): Signed {
    const payload = {
      jti: randomUUID(),
      sub: claims.userId,
      sid: claims.sessionId,
      room: claims.roomId,
      slug: claims.slug,
      title: claims.title,
      name: claims.displayName,
      role: claims.role,
      grants: claims.grants,
    };
    return this.#sign("room", payload, ROOM_TOKEN_LIFE_MS);
  }

  /** Throws TokenError. */
  verifyUser(token: string): UserClaims {
    const payload = this.#verify("user", token);
    return { userId: text(payload, "sub"), guest: payload["gst"] === true, version: number(payload, "ver") };
  }

  /** Throws TokenError. */
  verifySession(token: string): SessionClaims & { readonly expiresAtMs: number } {
    const payload = this.#verify("session", token);
    return {
      userId: text(payload, "sub"),
      guest: payload["gst"] === true,
      version: number(payload, "ver"),
      sessionId: text(payload, "sid"),
      deviceId: text(payload, "did"),
      generation: number(payload, "gen"),
      expiresAtMs: number(payload, "exp") * 1000,
    };
  }

  /** Throws TokenError. That it was not used before is the joining node's to check: see UsedTokens. */
  verifyRoom(token: string): RoomClaims {
    const payload = this.#verify("room", token);
    return {
      tokenId: text(payload, "jti"),
      sessionId: text(payload, "sid"),
      roomId: text(payload, "room"),
      slug: text(payload, "slug"),
      title: text(payload, "title"),
      userId: text(payload, "sub"),
      displayName: text(payload, "name"),
      // Signed by a node of this mesh, so its shape is ours.
      role: text(payload, "role") as Role,
      grants: payload["grants"] as Grants,
      expiresAtMs: number(payload, "exp") * 1000,
    };
  }

  #sign(audience: Audience, payload: object, lifeMs: number): Signed {
    const nowMs = this.#nowMs();
    const expiresAtSeconds = Math.floor((nowMs + lifeMs) / 1000);
    const token = this.#signer.sign(
      { ...payload, iat: Math.floor(nowMs / 1000), exp: expiresAtSeconds },
      { key: this.#current.key, kid: this.#current.kid, aud: audienceName(audience), algorithm: "HS256" },
    );
    return { token, expiresAtMs: expiresAtSeconds * 1000 };
  }

  #verify(audience: Audience, token: string): Readonly<Record<string, unknown>> {
    if (token.length === 0 || token.length > MAX_TOKEN_CHARS) throw new TokenError("token_invalid");
    const known = this.#remembered.get(token);
    if (known === undefined || known.untilMs <= this.#nowMs()) return this.#verifyAnew(audience, token);
    if (known.audience !== audience) throw new TokenError("token_invalid");
    return known.payload;
  }

  #verifyAnew(audience: Audience, token: string): Readonly<Record<string, unknown>> {
    this.#remembered.delete(token);
    const payload = this.#verified(audience, token);
    // A room token is shown once.
    if (audience === "room" || token.length > MAX_REMEMBERED_CHARS) return payload;
    const nowMs = this.#nowMs();
    this.#forgetOld(nowMs);
    this.#remembered.set(token, {
      ...{ audience, payload },
      untilMs: Math.min(number(payload, "exp") * 1000, nowMs + REMEMBERED_MS),
    });
    return payload;
  }

  /** Oldest first, until there is place for one more and the oldest is still good. */
  #forgetOld(nowMs: number): void {
    for (const [token, { untilMs }] of this.#remembered) {
      if (untilMs > nowMs && this.#remembered.size < MAX_REMEMBERED) return;
      this.#remembered.delete(token);
    }
  }

  #verified(audience: Audience, token: string): Readonly<Record<string, unknown>> {
    try {
      const decoded = this.#signer.decode<{ header: { kid?: unknown } }>(token, { complete: true });
      const key = this.#keys.get(String(decoded?.header.kid));
      if (key === undefined) throw new TokenError("token_invalid");
      return this.#signer.verify<Record<string, unknown>>(token, {
        key: key.key,
        algorithms: ["HS256"],
        allowedAud: audienceName(audience),
        requiredClaims: ["aud", "sub", "exp"],
        clockTimestamp: this.#nowMs(),
      });
    } catch (error) {
      throw new TokenError(isExpired(error) ? "token_expired" : "token_invalid", { cause: error });
    }
  }
}

const audienceName = (audience: Audience): string => `hearsay:${audience}`;

const isExpired = (error: unknown): boolean =>
  error instanceof Error && "code" in error && String(error.code).includes("EXPIRED");

function text(payload: Readonly<Record<string, unknown>>, name: string): string {
  const value = payload[name];
  if (typeof value !== "string") throw new TokenError("token_invalid");
  return value;
}

function number(payload: Readonly<Record<string, unknown>>, name: string): number {
  const value = payload[name];
  if (typeof value !== "number") throw new TokenError("token_invalid");
  return value;
}
