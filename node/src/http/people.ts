/** Registration, login, guests, and who speaks in a request. */
import { ulid } from "ulid";
import type { ChangeMe, Credentials, UserInfo } from "#protocol";
import type { Clock } from "../mesh/clock.ts";
import { type SessionClaims, TokenError, type Tokens } from "../session/tokens.ts";
import { KeyedBuckets, type Rate } from "../signalling/token-bucket.ts";
import type { Archive, UserRecord } from "../store/archive.ts";
import { handleKeyOf } from "../store/case-fold.ts";
import { isStoreUnavailable } from "../store/errors.ts";
import { Passwords } from "./passwords.ts";
import { ApiError } from "./problems.ts";

/** Who speaks: a person, by a user token or through a session. */
export interface Person {
  readonly user: UserRecord;
  readonly session?: SessionClaims;
}

export interface PeopleLimits {
  readonly loginPerHandle: Rate;
  readonly loginPerAddress: Rate;
  readonly newPerAddress: Rate;
}
export const PEOPLE_LIMITS: PeopleLimits = {
  loginPerHandle: { burst: 10, perSecond: 0.1 },
  loginPerAddress: { burst: 50, perSecond: 1 },
  newPerAddress: { burst: 200, perSecond: 2 },
};

export class People {
  readonly #archive: Archive;
  readonly #tokens: Tokens;
  readonly #clock: Clock;
  readonly #passwords = new Passwords();
  readonly #revoked: (userId: string, version: number) => void;
  readonly #loginPerHandle: KeyedBuckets;
  readonly #loginPerAddress: KeyedBuckets;
  readonly #newPerAddress: KeyedBuckets;

  constructor(options: {
    readonly archive: Archive;
    readonly tokens: Tokens;
    readonly clock: Clock;
    readonly limits?: PeopleLimits;
    /** Tokens of the person below that version are void: sessions that began with them end. */
    readonly revoked?: (userId: string, version: number) => void;
  }) {
    const limits = options.limits ?? PEOPLE_LIMITS;
    this.#archive = options.archive;
    this.#tokens = options.tokens;
    this.#revoked = options.revoked ?? (() => undefined);
    this.#clock = options.clock;
    this.#loginPerHandle = new KeyedBuckets(limits.loginPerHandle);
    this.#loginPerAddress = new KeyedBuckets(limits.loginPerAddress);
    this.#newPerAddress = new KeyedBuckets(limits.newPerAddress);
  }

  async register(
    input: { readonly handle: string; readonly password: string; readonly displayName?: string | undefined },
    address: string,
  ): Promise<Credentials> {
    this.#spend(this.#newPerAddress, address);
    // Spares the hash; the store decides who of two was first.
    if ((await this.#archive.findUserByHandle(input.handle)) !== undefined) throw new ApiError("handle_taken");
    const passwordHash = await this.#passwords.hash(input.password);
    const outcome = await this.#archive.createUser({
      id: ulid(this.#clock.wallMs()),
      handle: input.handle,
      displayName: input.displayName ?? input.handle,
      passwordHash,
      guest: false,
      createdAtMs: this.#clock.wallMs(),
    });
    if (outcome.kind === "handle_taken") throw new ApiError("handle_taken");
    return this.credentials(outcome.user);
  }

  /** An unknown handle and a wrong password look alike, also in time. */
  async login(input: { readonly handle: string; readonly password: string }, address: string): Promise<Credentials> {
    this.#spend(this.#loginPerAddress, address);
    this.#spend(this.#loginPerHandle, handleKeyOf(input.handle));
    const user = await this.#archive.findUserByHandle(input.handle);
    const isRight = await this.#passwords.verify(user?.passwordHash, input.password);
    if (user === undefined || !isRight) throw new ApiError("bad_credentials");
    return this.credentials(user);
  }

  async enterAsGuest(displayName: string, address: string): Promise<Credentials> {
    this.#spend(this.#newPerAddress, address);
    return this.makeGuest({ id: this.newId(), displayName });
  }

  /** One attempt of an address to become somebody. Throws ApiError rate_limited. */
  spendArrival(address: string): void {
    this.#spend(this.#newPerAddress, address);
  }

  newId(): string {
    return ulid(this.#clock.wallMs());
  }

  /** `guestRoomId`: the only room that the guest may enter. */
  async makeGuest(guest: {
    readonly id: string;
    readonly displayName: string;
    readonly guestRoomId?: string;
  }): Promise<Credentials> {
    const outcome = await this.#archive.createUser({
      ...guest,
      handle: null,
      passwordHash: null,
      guest: true,
      createdAtMs: this.#clock.wallMs(),
    });
    if (outcome.kind !== "created") throw new ApiError("internal");
    return this.credentials(outcome.user);
  }

  /**
   * A new password, and signing out everywhere, end every user token of the person and every session that began with one;
   * the answer's token is the only one that holds. Throws ApiError bad_credentials, guest_not_allowed.
   */
  async change(user: UserRecord, changes: ChangeMe): Promise<Credentials> {
    const { displayName, pictureId, password, signOutEverywhere } = changes;
    const passwordHash = password === undefined ? undefined : await this.#newHash(user, password);
    const fields = {
      ...(displayName === undefined ? {} : { displayName }),
      ...(pictureId === undefined ? {} : { pictureId }),
      ...(passwordHash === undefined ? {} : { passwordHash }),
    };
    const changed = Object.keys(fields).length === 0 ? user : await this.#archive.updateUser(user.id, fields);
    if (changed === undefined) throw new ApiError("token_revoked");
    if (password === undefined && signOutEverywhere !== true) return this.credentials(changed);
    const tokenVersion = await this.#archive.bumpTokenVersion(user.id);
    if (tokenVersion === undefined) throw new ApiError("token_revoked");
    this.#revoked(user.id, tokenVersion);
    return this.credentials({ ...changed, tokenVersion });
  }

  /** Whoever has a password must give it. Throws ApiError bad_credentials. */
  async assertPassword(user: UserRecord, password: string | undefined): Promise<void> {
    if (user.passwordHash === null) return;
    this.#spend(this.#loginPerHandle, user.handleKey ?? user.id);
    if (!(await this.#passwords.verify(user.passwordHash, password ?? ""))) throw new ApiError("bad_credentials");
  }

  /** The account ends; rooms were left before. */
  async forget(user: UserRecord): Promise<void> {
    if (!(await this.#archive.forgetUser(user.id, this.#clock.wallMs()))) throw new ApiError("token_revoked");
    this.#revoked(user.id, user.tokenVersion + 1);
  }

  async #newHash(user: UserRecord, password: NonNullable<ChangeMe["password"]>): Promise<string> {
    if (user.guest) throw new ApiError("guest_not_allowed");
    await this.assertPassword(user, password.current);
    return this.#passwords.hash(password.next);
  }

  credentials(user: UserRecord): Credentials {
    const { token } = this.#tokens.signUser({ userId: user.id, guest: user.guest, version: user.tokenVersion });
    return { user: userInfoOf(user), token };
  }

  /** Throws TokenError, or ApiError token_revoked. */
  async byUserToken(token: string): Promise<Person> {
    const claims = this.#tokens.verifyUser(token);
    return { user: await this.#current(claims) };
  }

  async bySessionToken(token: string): Promise<Person & { readonly session: SessionClaims }> {
    const session = this.#tokens.verifySession(token);
    return { user: await this.#current(session), session };
  }

  /** Is a token of that version still good? True also when no store can say so now. */
  async isCurrent(claims: { readonly userId: string; readonly version: number }): Promise<boolean> {
    try {
      await this.#current(claims);
      return true;
    } catch (error) {
      if (isStoreUnavailable(error)) return true;
      if (error instanceof ApiError && error.code === "token_revoked") return false;
      throw error;
    }
  }

  async byEitherToken(token: string): Promise<Person> {
    try {
      return await this.byUserToken(token);
    } catch (error) {
      if (!(error instanceof TokenError)) throw error;
      if (error.code === "token_expired") throw error;
      return this.bySessionToken(token);
    }
  }

  async #current(claims: { readonly userId: string; readonly version: number }): Promise<UserRecord> {
    const user = await this.#archive.getUser(claims.userId);
    if (user === undefined || claims.version < user.tokenVersion) throw new ApiError("token_revoked");
    return user;
  }

  #spend(buckets: KeyedBuckets, key: string): void {
    const waitMs = buckets.take(key, this.#clock.nowMs());
    if (waitMs > 0) throw new ApiError("rate_limited", { retryAfterMs: waitMs });
  }
}

export function userInfoOf(user: UserRecord): UserInfo {
  const { id: userId, handle, displayName, guest, pictureId } = user;
  const picture = pictureId === undefined ? {} : { pictureId };
  return { userId, ...(handle === null ? {} : { handle }), displayName, guest, ...picture };
}
