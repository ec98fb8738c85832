/**
 * Keeps this node's sessions in Presence: claims them, renews them, gives them up. What the store says of them is compared
 * with what this node knows, and told to the owner. Everything here may fail for a while without hurting a running call.
 */
import type { Clock } from "../mesh/clock.ts";
import type { Log } from "../mesh/log.ts";
import { isStoreUnavailable } from "../store/errors.ts";
import type { Occupant, ParticipantInfo, Presence, PutSession, SessionRecord } from "../store/presence.ts";
import { SESSION_TIMES } from "./session-machine.ts";
import type { SessionClaims } from "./tokens.ts";

export const PRESENCE_TTL_MS = 45_000;
export const REFRESH_EVERY_MS = 10_000;
/** A place whose session does not enter the room: the room token is over by then. */
const STRAY_ROUNDS = 8;
/** As many of them are left to a place whose leave the store did not hear: a new room token may be on its way. */
const UNHEARD_LEAVE_ROUNDS = 2;
/** Ends of sessions that the store did not hear. At the bound the oldest is left to its time to live. */
const MAX_UNHEARD_ENDS = 10_000;
/** Unheard ends that are told at once. */
const ENDS_AT_ONCE = 100;
/** Claims that race with claims of other nodes. */
const MAX_CLAIM_ATTEMPTS = 5;

export interface KeptSession {
  readonly claims: SessionClaims;
  readonly epoch: number;
  /** The room it is in by this node's knowledge, and as what. */
  readonly place?:
    | { readonly roomId: string; readonly capacity: number; readonly joinedAs: ParticipantInfo }
    | undefined;
}

export interface KeeperListener {
  /** Presence says that the session is another node's, or that a newer session of the device is inside. */
  superseded(sessionId: string): void;
  /**
   * Does that node serve the session, as the store says? A claim whose answer got lost may have been carried out, after
   * its client went away from there again. True also when that cannot be found out.
   */
  isServedAt?(node: string, sessionId: string): Promise<boolean>;
  /** A place that the store had lost is there again. Who else is in the room may have come meanwhile, past this node. */
  restored?(roomId: string, nodes: readonly string[]): void;
}

export interface KeeperOptions {
  readonly node: string;
  readonly presence: Presence;
  readonly clock: Clock;
  readonly log: Log;
  readonly ttlMs?: number;
  readonly refreshMs?: number;
  /** How long sessions of an earlier run of this node may still resume. Default 20,000. */
  readonly resumeMs?: number;
}

export type ClaimOutcome =
  | { readonly kind: "claimed"; readonly epoch: number; readonly previousNode?: string }
  /** Others claim it faster than we do. */
  | { readonly kind: "contested" };

export class SessionKeeper {
  readonly #options: KeeperOptions;
  readonly #presence: Presence;
  readonly #ttlMs: number;
  readonly #sessions = new Map<string, KeptSession>();
  readonly #strayRounds = new Map<string, number>();
  /** Sessions that ended while the store was away: their records would stand for somebody who is gone. */
  readonly #unheardEnds = new Map<string, { readonly epoch: number; readonly untilMs: number }>();
  #listener: KeeperListener = { superseded: () => undefined };
  #cancelTimer: () => void = () => undefined;
  #cancelClearing: () => void = () => undefined;
  #running = false;
  #round: Promise<void> = Promise.resolve();

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#presence = options.presence;
    this.#ttlMs = options.ttlMs ?? PRESENCE_TTL_MS;
  }

  /**
   * What an earlier run under this name left behind is kept for the resume time: its people may be about to come back, here
   * or elsewhere, and their places in a full room are theirs. What nobody has claimed by then is cleared.
   */
  async start(listener: KeeperListener): Promise<void> {
    this.#listener = listener;
    this.#running = true;
    await this.#quietly("look for an earlier run", async () => {
      const left = await this.#presence.sessionsOfNode(this.#options.node);
      if (left.length > 0) this.#clearLater(left);
    });
    this.#schedule();
  }

  /** Ends the renewal; the records stay until their time is over. */
  async halt(): Promise<void> {
    this.#running = false;
    this.#cancelTimer();
    this.#cancelClearing();
    await this.#round;
  }

  /** Ends the renewal and takes all records of this node away. */
  async stop(): Promise<void> {
    await this.halt();
    this.#sessions.clear();
    await this.#quietly("clear the own records", () => this.#presence.clearNode(this.#options.node));
  }

  get size(): number {
    return this.#sessions.size;
  }

  /**
   * Makes the session this node's, whoever had it. `isReturning`: the client was welcomed before, so claims of unknown
   * epochs may be remembered in rooms. Throws StoreUnavailableError.
   */
  async claim(claims: SessionClaims, isReturning = false): Promise<ClaimOutcome> {
    let epoch = await this.#nextEpoch(claims, isReturning);
    for (let attempt = 0; attempt < MAX_CLAIM_ATTEMPTS; attempt++) {
      const outcome = await this.#presence.putSession(this.#put(claims, epoch));
      if (outcome.kind === "claimed") {
        this.#sessions.set(claims.sessionId, { claims, epoch });
        const { previousNode } = outcome;
        return { kind: "claimed", epoch, ...(previousNode === undefined ? {} : { previousNode }) };
      }
      epoch = outcome.record.epoch + 1;
    }
    return { kind: "contested" };
  }

  /** The room's occupants as the store has them. Throws StoreUnavailableError. */
  occupants(roomId: string): Promise<readonly Occupant[]> {
    return this.#presence.occupants(roomId);
  }

  entered(sessionId: string, place: NonNullable<KeptSession["place"]>): void {
    const kept = this.#sessions.get(sessionId);
    if (kept !== undefined) this.#sessions.set(sessionId, { ...kept, place });
  }

  /** Gives the place up; resolves when the store knows, or cannot be told now (then a renewal gives the place up). */
  async left(sessionId: string, roomId: string): Promise<void> {
    const kept = this.#sessions.get(sessionId);
    // Taken by another node (its place is that node's to give up), or ended, which gave it up.
    if (kept === undefined) return;
    this.#sessions.set(sessionId, { ...kept, place: undefined });
    const isHeard = await this.#quietly("give a place up", () => this.#presence.leaveRoom({ roomId, sessionId }));
    if (!isHeard && this.#sessions.has(sessionId))
      this.#strayRounds.set(sessionId, STRAY_ROUNDS - UNHEARD_LEAVE_ROUNDS);
  }

  /** Forgets the session and removes its record, if that still names this node and this epoch; later, if the store is away. */
  async ended(sessionId: string): Promise<void> {
    const kept = this.#sessions.get(sessionId);
    if (kept === undefined) return;
    this.#sessions.delete(sessionId);
    this.#strayRounds.delete(sessionId);
    const { epoch } = kept;
    if (await this.#tellEnd(sessionId, epoch)) return;
    this.#unheardEnds.set(sessionId, { epoch, untilMs: this.#options.clock.nowMs() + this.#ttlMs });
    const [oldest] = this.#unheardEnds.keys();
    if (this.#unheardEnds.size > MAX_UNHEARD_ENDS && oldest !== undefined) this.#unheardEnds.delete(oldest);
  }

  /** Forgets a session that another node has taken; its record is that node's. */
  forget(sessionId: string): void {
    this.#sessions.delete(sessionId);
    this.#strayRounds.delete(sessionId);
  }

  /** One round of renewal; the timer calls it, and tests may. */
  async refresh(): Promise<void> {
    await this.#tellEndsAgain();
    const sessionIds = [...this.#sessions.keys()];
    if (sessionIds.length === 0) return;
    const known = new Map(this.#sessions);
    await this.#quietly("renew the sessions", async () => {
      const outcome = await this.#presence.refreshSessions({
        node: this.#options.node,
        sessionIds,
        ttlMs: this.#ttlMs,
      });
      for (const sessionId of outcome.lost) await this.#reclaim(sessionId, known);
      for (const sessionId of sessionIds)
        if (!outcome.lost.includes(sessionId)) await this.#compare(sessionId, known, outcome.rooms.get(sessionId));
    });
  }

  /** Compare and delete: a session that was claimed since has a greater epoch. */
  #tellEnd(sessionId: string, epoch: number): Promise<boolean> {
    const owner = { node: this.#options.node, epoch };
    return this.#quietly("remove a session", () => this.#presence.removeSession(sessionId, owner));
  }

  async #tellEndsAgain(): Promise<void> {
    const nowMs = this.#options.clock.nowMs();
    const due = [...this.#unheardEnds];
    for (let start = 0; start < due.length; start += ENDS_AT_ONCE) {
      const batch = due.slice(start, start + ENDS_AT_ONCE);
      const heard = await Promise.all(
        batch.map(async ([sessionId, { epoch, untilMs }]) => {
          // What nobody renewed for so long has run out by itself.
          const isOver = untilMs <= nowMs || (await this.#tellEnd(sessionId, epoch));
          if (isOver) this.#unheardEnds.delete(sessionId);
          return isOver;
        }),
      );
      if (!heard.includes(true)) return;
    }
  }

  /** The store lost the record (or another node has it). */
  async #reclaim(sessionId: string, known: ReadonlyMap<string, KeptSession>): Promise<void> {
    const kept = this.#unchanged(sessionId, known);
    if (kept === undefined) return;
    const outcome = await this.#presence.putSession(this.#put(kept.claims, kept.epoch));
    if (outcome.kind === "stale") await this.#settle(sessionId, known, outcome.record);
    else if (kept.place !== undefined) await this.#rejoin(sessionId, kept.place);
  }

  /** The record names another node, or a later claim of this one: either the session is gone from here, or nobody has it there. */
  async #settle(
    sessionId: string,
    known: ReadonlyMap<string, KeptSession>,
    { node, epoch }: Pick<SessionRecord, "node" | "epoch">,
  ): Promise<void> {
    const isServed = node === this.#options.node || ((await this.#listener.isServedAt?.(node, sessionId)) ?? true);
    const kept = this.#unchanged(sessionId, known);
    if (kept === undefined) return;
    if (isServed) {
      this.forget(sessionId);
      this.#listener.superseded(sessionId);
      return;
    }
    // Whoever claims it meanwhile has this epoch or a greater one: the next renewal looks again.
    const outcome = await this.#presence.putSession(this.#put(kept.claims, epoch + 1));
    if (outcome.kind !== "claimed" || this.#unchanged(sessionId, known) === undefined) return;
    this.#sessions.set(sessionId, { ...kept, epoch: epoch + 1 });
    if (kept.place !== undefined) await this.#rejoin(sessionId, kept.place);
  }

  async #compare(
    sessionId: string,
    known: ReadonlyMap<string, KeptSession>,
    roomId: string | undefined,
  ): Promise<void> {
    const kept = this.#unchanged(sessionId, known);
    if (kept === undefined) return;
    if (kept.place !== undefined && roomId !== kept.place.roomId) await this.#rejoin(sessionId, kept.place);
    if (kept.place !== undefined || roomId === undefined) {
      this.#strayRounds.delete(sessionId);
      return;
    }
    // It holds a place that it never entered: someone asked for a room token and did not come.
    const rounds = (this.#strayRounds.get(sessionId) ?? 0) + 1;
    this.#strayRounds.set(sessionId, rounds);
    if (rounds < STRAY_ROUNDS) return;
    this.#strayRounds.delete(sessionId);
    await this.#presence.leaveRoom({ roomId, sessionId });
  }

  async #rejoin(sessionId: string, place: NonNullable<KeptSession["place"]>): Promise<void> {
    const outcome = await this.#presence.joinRoom({
      roomId: place.roomId,
      sessionId,
      capacity: place.capacity,
      joinedAs: place.joinedAs,
    });
    if (outcome.kind === "superseded") this.#listener.superseded(sessionId);
    if (outcome.kind === "joined") {
      const nodes = (await this.#presence.occupants(place.roomId)).map((occupant) => occupant.node);
      this.#listener.restored?.(
        place.roomId,
        [...new Set(nodes)].filter((node) => node !== this.#options.node),
      );
    }
    // "full" after the store lost its data: nobody who is in a call is thrown out for it; the next round tries again.
    if (outcome.kind === "full" || outcome.kind === "no_session")
      this.#options.log.warn({ sessionId, outcome: outcome.kind }, "a place could not be renewed");
  }

  /** The session, if nothing was done with it while the store was asked. */
  #unchanged(sessionId: string, known: ReadonlyMap<string, KeptSession>): KeptSession | undefined {
    const kept = this.#sessions.get(sessionId);
    return kept !== undefined && kept === known.get(sessionId) ? kept : undefined;
  }

  /**
   * A record that is gone (ended, run out, cleared after a restart) takes its epoch with it. Counting from 1 again would
   * make the session older than what rooms remember of it; generations are above every number that it ever had.
   */
  async #nextEpoch(claims: SessionClaims, isReturning: boolean): Promise<number> {
    const record = await this.#presence.getSession(claims.sessionId);
    if (record !== undefined) return record.epoch + 1;
    return isReturning ? this.#presence.nextGeneration(claims) : 1;
  }

  /** Compare and delete: a session that was claimed meanwhile has a greater epoch. */
  #clearLater(left: readonly SessionRecord[]): void {
    const { clock, node } = this.#options;
    this.#cancelClearing = clock.after(this.#options.resumeMs ?? SESSION_TIMES.resumeMs, () => {
      const cleared = this.#quietly("clear the records of an earlier run", async () => {
        for (const { sessionId, epoch } of left) await this.#presence.removeSession(sessionId, { node, epoch });
      });
      this.#round = this.#round.then(async () => void (await cleared));
    });
  }

  #put(claims: SessionClaims, epoch: number): PutSession {
    const { sessionId, userId, deviceId, generation } = claims;
    return { sessionId, userId, deviceId, generation, epoch, node: this.#options.node, ttlMs: this.#ttlMs };
  }

  #schedule(): void {
    if (!this.#running) return;
    this.#cancelTimer = this.#options.clock.after(this.#options.refreshMs ?? REFRESH_EVERY_MS, () => {
      this.#round = this.refresh().then(() => this.#schedule());
    });
  }

  /** False when it failed. */
  async #quietly(doing: string, work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      if (!isStoreUnavailable(error)) this.#options.log.error({ doing, error: String(error) }, "presence failed");
      else this.#options.log.warn({ doing }, "presence is away");
      return false;
    }
  }
}
