/**
 * All live sessions of this node: does what their protocol machines ask (rooms, Presence, the mesh), drives their time, and
 * hears of sessions that were taken over elsewhere. Sockets are the gateway's.
 */
import { type Closing, PROTOCOL_VERSION } from "#protocol";
import { isFields } from "../mesh/shape.ts";
import { TokenError, type Tokens } from "../session/tokens.ts";
import { type ClientSocket, LiveSession, type SessionDeps } from "./live-session.ts";
import { type RoomListener, RoomSessions } from "./room-sessions.ts";
import type { Refusal } from "./session.ts";

export interface HubOptions extends SessionDeps {
  readonly maxSessions?: number;
  /** How often the sessions' deadlines are looked at. Default 250. */
  readonly tickMs?: number;
  /**
   * Is a token of this version still good? Asked when a session begins here or comes from elsewhere. True also when that
   * cannot be found out now: the person's own notice, or the next request, ends the session then.
   */
  readonly isCurrent?: (claims: { readonly userId: string; readonly version: number }) => Promise<boolean>;
}

export interface HelloInput {
  readonly id: string;
  readonly protocol: number;
  readonly token: string;
  readonly lastSeq?: number | undefined;
}
export type HelloOutcome =
  | { readonly ok: true; readonly session: LiveSession }
  /** `closing` is the reason that the socket is told after the refusal. */
  | { readonly ok: false; readonly refusal: Refusal; readonly closing: Closing["reason"] };

const TOPIC_SUPERSEDED = "session.superseded";
const TOPIC_MOVED = "session.moved";
const TOPIC_SERVED = "session.served";
/** This version and, once there is one, the version before. */
const SPOKEN_VERSIONS: readonly number[] = [PROTOCOL_VERSION - 1, PROTOCOL_VERSION].filter((version) => version > 0);
const NOTICE_TIMEOUT_MS = 10_000;
const SERVED_TIMEOUT_MS = 3_000;

export class SessionHub {
  readonly #options: HubOptions;
  readonly #sessions = new Map<string, LiveSession>();
  /** Who of this node is in which room. */
  readonly places = new RoomSessions<RoomListener>();
  /** Hellos of one session follow each other: two sockets must not claim it at the same time. */
  readonly #greeting = new Map<string, Promise<unknown>>();
  #stops: (() => void)[] = [];
  #cancelTick: () => void = () => undefined;
  #closed = false;

  constructor(options: HubOptions) {
    this.#options = options;
  }

  start(): void {
    const { mesh, rooms } = this.#options;
    this.#stops = [
      mesh.handle(TOPIC_SUPERSEDED, (_from, body) => this.#onSuperseded(body)),
      mesh.handle(TOPIC_MOVED, (_from, body) => this.#onMoved(body)),
      mesh.handle(TOPIC_SERVED, (_from, body) => this.#onServed(body)),
      rooms.onMediaGone((sessionId) => this.#sessions.get(sessionId)?.machine.mediaGone()),
      rooms.onRemoved((sessionId) => this.#sessions.get(sessionId)?.machine.removed()),
    ];
    this.#tick();
  }

  /** Sends everyone to another node; the records are the keeper's to clear. */
  drain(goTo: string | undefined): void {
    this.#closed = true;
    for (const session of [...this.#sessions.values()]) session.machine.drained(goTo);
  }

  stop(): void {
    this.#closed = true;
    this.#cancelTick();
    for (const stop of this.#stops) stop();
    this.#stops = [];
  }

  get size(): number {
    return this.#sessions.size;
  }

  find(sessionId: string): LiveSession | undefined {
    return this.#sessions.get(sessionId);
  }

  /** Ends this node's sessions of a person whose tokens below `version` are void. */
  revoke(userId: string, version: number): void {
    for (const session of [...this.#sessions.values()])
      if (session.userId === userId && session.tokenVersion < version) session.machine.revoked();
  }

  /** Ends this node's sessions in a room: those of one person, or all. */
  expel(roomId: string, userId?: string): void {
    for (const session of [...this.#sessions.values()])
      if (session.machine.roomId === roomId && (userId === undefined || session.userId === userId))
        session.machine.removed();
  }

  /** First message of a socket: resumes a session of this node, takes one over from another, or begins one. */
  async hello(input: HelloInput, socket: ClientSocket): Promise<HelloOutcome> {
    if (!SPOKEN_VERSIONS.includes(input.protocol))
      return refused("protocol_unsupported", `this node speaks protocol ${PROTOCOL_VERSION}`);
    let claims: ReturnType<Tokens["verifySession"]>;
    try {
      claims = this.#options.tokens.verifySession(input.token);
    } catch (error) {
      if (!(error instanceof TokenError)) throw error;
      return refused(error.code, error.message, error.code === "token_expired" ? "expired" : "protocol");
    }
    const before = this.#greeting.get(claims.sessionId) ?? Promise.resolve();
    const greeted = before.then(() => this.#greet(claims, input, socket));
    const settled = greeted.then(
      () => undefined,
      () => undefined,
    );
    this.#greeting.set(claims.sessionId, settled);
    try {
      return await greeted;
    } finally {
      if (this.#greeting.get(claims.sessionId) === settled) this.#greeting.delete(claims.sessionId);
    }
  }

  /** A newer session of the same device has taken this one's place in a room; it may live on any node. */
  supersede(older: { readonly sessionId: string; readonly node: string }): void {
    const { mesh, log } = this.#options;
    if (older.node === mesh.self.name) {
      this.#sessions.get(older.sessionId)?.machine.superseded(this.#options.clock.nowMs());
      return;
    }
    // Lost notices do no harm: the other node compares itself with Presence every few seconds.
    mesh
      .request(older.node, TOPIC_SUPERSEDED, { sessionId: older.sessionId }, { timeoutMs: NOTICE_TIMEOUT_MS })
      .catch((error: unknown) => log.debug({ node: older.node, error: String(error) }, "a superseded notice was lost"));
  }

  /** The session lost its place to a newer one of its device, or is another node's now. */
  takenAway(sessionId: string): void {
    this.#sessions.get(sessionId)?.machine.superseded(this.#options.clock.nowMs());
  }

  /** Asks that node. One that is gone or does not answer is believed to have it, as the store says. */
  async isServedAt(node: string, sessionId: string): Promise<boolean> {
    const { mesh, log } = this.#options;
    try {
      const answer = await mesh.request(node, TOPIC_SERVED, { sessionId }, { timeoutMs: SERVED_TIMEOUT_MS });
      return !isFields(answer) || answer["served"] !== false;
    } catch (error) {
      log.debug({ node, error: String(error) }, "nobody could say whether a session is served");
      return true;
    }
  }

  async #greet(
    claims: ReturnType<Tokens["verifySession"]>,
    input: HelloInput,
    socket: ClientSocket,
  ): Promise<HelloOutcome> {
    const { clock, metrics } = this.#options;
    if (this.#closed) return refused("draining", "this node is going away", "draining");
    const known = this.#sessions.get(claims.sessionId);
    if (known?.machine.isSuperseded === true && !known.movedAway)
      return refused("session_superseded", "a newer session of this device has taken over", "superseded");
    if (known?.machine.isOpen === true) {
      metrics.greeted(known.greet(socket, input) ? "resumed" : "restarted");
      return { ok: true, session: known };
    }
    if (!(await this.#isCurrent(claims)))
      return refused("token_revoked", "the person has signed out everywhere", "expired");
    if (this.#sessions.size >= (this.#options.maxSessions ?? 10_000))
      return refused("node_full", "this node serves as many sessions as it can; try another", "draining");
    const claim = await this.#options.keeper.claim(claims, input.lastSeq !== undefined);
    if (claim.kind === "contested") return refused("session_superseded", "the session is used elsewhere", "superseded");
    const moved = claim.previousNode !== undefined && claim.previousNode !== this.#options.mesh.self.name;
    if (moved) this.#tellMoved(claim.previousNode ?? "", claims.sessionId, claim.epoch);
    const expiresAtMs = clock.nowMs() + (claims.expiresAtMs - clock.wallMs());
    // What lingered here of it before it moved away (and now came back) is void.
    known?.abandon();
    const deps = { ...this.#options, places: this.places };
    const session = new LiveSession(deps, claims, { epoch: claim.epoch, expiresAtMs }, (ended) => {
      if (this.#sessions.get(ended.sessionId) === ended) this.#sessions.delete(ended.sessionId);
    });
    this.#sessions.set(claims.sessionId, session);
    session.greet(socket, input);
    metrics.greeted(moved ? "moved" : "new");
    return { ok: true, session };
  }

  async #isCurrent(claims: { readonly userId: string; readonly version: number }): Promise<boolean> {
    return (await this.#options.isCurrent?.(claims)) ?? true;
  }

  #tellMoved(previousNode: string, sessionId: string, epoch: number): void {
    const { mesh, log } = this.#options;
    mesh
      .request(previousNode, TOPIC_MOVED, { sessionId, epoch }, { timeoutMs: NOTICE_TIMEOUT_MS })
      .catch((error: unknown) => log.debug({ node: previousNode, error: String(error) }, "a moved notice was lost"));
  }

  #onSuperseded(body: unknown): null {
    const { sessionId } = (body ?? {}) as { readonly sessionId?: unknown };
    if (typeof sessionId === "string") this.takenAway(sessionId);
    return null;
  }

  #onServed(body: unknown): { readonly served: boolean } | null {
    if (!isFields(body) || typeof body["sessionId"] !== "string") return null;
    const { sessionId } = body;
    return { served: this.#greeting.has(sessionId) || this.#sessions.get(sessionId)?.machine.isOpen === true };
  }

  #onMoved(body: unknown): null {
    const { sessionId, epoch } = (body ?? {}) as { readonly sessionId?: unknown; readonly epoch?: unknown };
    if (typeof sessionId !== "string" || typeof epoch !== "number") return null;
    const session = this.#sessions.get(sessionId);
    if (session === undefined || session.epoch >= epoch) return null;
    // Its record and its place are the other node's now: nothing that happens here may touch them.
    this.#options.keeper.forget(sessionId);
    session.movedAway = true;
    this.takenAway(sessionId);
    return null;
  }

  #tick(): void {
    const { clock } = this.#options;
    this.#cancelTick = clock.after(this.#options.tickMs ?? 250, () => {
      const nowMs = clock.nowMs();
      for (const session of [...this.#sessions.values()])
        if (session.machine.deadlineMs() <= nowMs) session.machine.handleTimeout(nowMs);
      this.#tick();
    });
  }
}

function refused(code: string, detail: string, closing: Closing["reason"] = "protocol"): HelloOutcome {
  return { ok: false, refusal: { code, detail }, closing };
}
