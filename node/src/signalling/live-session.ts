/** One live session: its protocol machine, its socket of the moment, and what it does to rooms and records. */
import type { Closing, Moderate, Offer, Report, ServerMessage, Typing, View } from "#protocol";
import type { Clock } from "../mesh/clock.ts";
import type { Log } from "../mesh/log.ts";
import type { Mesh } from "../mesh/mesh.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { RoomClient, RoomService } from "../room/room-service.ts";
import { participantIdOf } from "../session/participant-id.ts";
import type { SessionKeeper } from "../session/session-keeper.ts";
import { type LeaveReason, SESSION_TIMES, type SessionTimes } from "../session/session-machine.ts";
import { type RoomClaims, type SessionClaims, TokenError, type Tokens } from "../session/tokens.ts";
import type { UsedTokens } from "../session/used-tokens.ts";
import { isStoreUnavailable } from "../store/errors.ts";
import type { Occupant } from "../store/presence.ts";
import type { RoomListener, RoomSessions } from "./room-sessions.ts";
import { type ClientPort, ClientSession, type Refusal } from "./session.ts";

/** A client's socket as a session sees it. */
export interface ClientSocket {
  /** False when its buffer is full: the client reads too slowly. */
  send(message: ServerMessage): boolean;
  close(reason: Closing["reason"] | undefined): void;
}

export interface SessionDeps {
  readonly mesh: Mesh;
  readonly rooms: RoomService;
  readonly keeper: SessionKeeper;
  readonly tokens: Tokens;
  readonly usedTokens: UsedTokens;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly log: Log;
  readonly times?: SessionTimes;
  /** Somebody of this node writes, or stopped; the others should see it. */
  readonly typing?: (typing: TypingPerson) => void;
}

/** What a session needs besides: the table of who is in which room, which the hub keeps. */
export interface LiveSessionDeps extends SessionDeps {
  readonly places: RoomSessions<RoomListener>;
}

export interface TypingPerson {
  readonly roomId: string;
  readonly userId: string;
  readonly displayName: string;
  readonly typing: boolean;
  readonly threadId?: string;
}

/** For taking a place back that the store has lost: whoever is in a call is not asked whether the room is full. */
const REJOIN_CAPACITY = 1_000;

export class LiveSession implements ClientPort, RoomClient, RoomListener {
  readonly sessionId: string;
  readonly epoch: number;
  readonly machine: ClientSession;
  /** Another node serves the session now; what is left here only lingers. */
  movedAway = false;
  readonly #deps: LiveSessionDeps;
  readonly #claims: SessionClaims;
  readonly #onEnd: (session: LiveSession) => void;
  #socket: ClientSocket | undefined;
  #place: { readonly roomId: string; readonly displayName: string; readonly mayChat: boolean } | undefined;
  /** Room calls of one session follow each other, so that a leave cannot overtake a join. */
  #work: Promise<void> = Promise.resolve();

  constructor(
    deps: LiveSessionDeps,
    claims: SessionClaims,
    start: { readonly epoch: number; readonly expiresAtMs: number },
    onEnd: (session: LiveSession) => void,
  ) {
    this.sessionId = claims.sessionId;
    this.epoch = start.epoch;
    this.#deps = deps;
    this.#claims = claims;
    this.#onEnd = onEnd;
    this.machine = new ClientSession(this, {
      sessionId: claims.sessionId,
      epoch: start.epoch,
      node: deps.mesh.self.name,
      nowMs: deps.clock.nowMs(),
      expiresAtMs: start.expiresAtMs,
      times: deps.times ?? SESSION_TIMES,
    });
  }

  get userId(): string {
    return this.#claims.userId;
  }

  /** Of the person's tokens when the session began. */
  get tokenVersion(): number {
    return this.#claims.version;
  }

  /** A socket said hello; an older socket of the session is closed. True when the client goes on where it was. */
  greet(socket: ClientSocket, hello: { readonly id: string; readonly lastSeq?: number | undefined }): boolean {
    const older = this.#socket;
    this.#socket = socket;
    if (older !== undefined && older !== socket) older.close(undefined);
    return this.machine.welcome(hello, this.#deps.clock.nowMs()) === "resumed";
  }

  /** That socket is gone; if another has taken its place, nothing happens. */
  socketClosed(socket: ClientSocket, how: { readonly isPageGone: boolean } = { isPageGone: false }): void {
    if (this.#socket !== socket) return;
    this.#socket = undefined;
    this.machine.socketLost(this.#deps.clock.nowMs(), how.isPageGone);
  }

  /** A later life of this session begins on this node. */
  abandon(): void {
    this.#unplace();
    this.machine.abandoned();
    this.#socket = undefined;
  }

  notify(message: Parameters<RoomClient["notify"]>[0]): void {
    if (message.type === "grants" && this.#place !== undefined)
      this.#place = { ...this.#place, mayChat: message.grants.chat };
    this.machine.notify(message, this.#deps.clock.nowMs());
  }

  send(message: ServerMessage): void {
    const socket = this.#socket;
    if (socket === undefined || socket.send(message)) return;
    // Detached first: telling "slow" must not come back here.
    this.#socket = undefined;
    this.#deps.metrics.socketRefusal("slow");
    this.machine.slow(this.#deps.clock.nowMs());
    socket.close("slow");
  }

  closeSocket(reason: Closing["reason"] | undefined): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close(reason);
  }

  join(requestId: string, token: string): void {
    this.#inOrder(async () => {
      const refusal = await this.#tryJoin(requestId, token);
      if (refusal !== undefined) this.machine.joinRefused(requestId, refusal);
    });
  }

  offer(requestId: string, offer: Offer): void {
    this.#inOrder(async () => {
      const { sdp, tracks, fresh } = offer;
      try {
        const answer = await this.#deps.rooms.offer(this.sessionId, { sdp, tracks, fresh: fresh === true });
        this.machine.offerDone({ type: "answer", replyTo: requestId, sdp: answer.sdp, tracks: answer.tracks });
      } catch (error) {
        this.machine.offerRefused(requestId, this.#refusalOf(error));
      }
    });
  }

  mute(trackId: string, muted: boolean): Refusal | undefined {
    return this.#attempt(() => this.#deps.rooms.setMuted(this.sessionId, trackId, muted));
  }

  view(visible: View["visible"]): Refusal | undefined {
    return this.#attempt(() => this.#deps.rooms.setView(this.sessionId, visible));
  }

  typing({ typing, threadId }: Pick<Typing, "typing" | "threadId">): Refusal | undefined {
    if (this.#place === undefined) return { code: "not_joined", detail: "join a room first" };
    const { roomId, displayName, mayChat } = this.#place;
    if (!mayChat) return { code: "not_allowed", detail: "this person may not write here" };
    const thread = threadId === undefined ? {} : { threadId };
    this.#deps.typing?.({ roomId, userId: this.userId, displayName, typing, ...thread });
    return undefined;
  }

  moderate(requestId: string, { participantId, action, trackId }: Moderate): void {
    const deed = { participantId, action, ...(trackId === undefined ? {} : { trackId }) };
    this.#inOrder(async () => {
      try {
        await this.#deps.rooms.moderate(this.sessionId, deed);
        this.machine.done(requestId);
      } catch (error) {
        this.machine.moderationRefused(requestId, this.#refusalOf(error));
      }
    });
  }

  report({ frozenRatio }: Report): void {
    this.#deps.rooms.report(this.sessionId, { frozenRatio });
  }

  reconnecting(isReconnecting: boolean): void {
    const refusal = this.#attempt(() =>
      this.#deps.rooms.setReconnecting(this.sessionId, isReconnecting, ...(isReconnecting ? [] : [this])),
    );
    if (refusal !== undefined) this.#deps.log.debug({ sessionId: this.sessionId, ...refusal }, "no state to change");
  }

  hide(): void {
    this.#unplace();
    this.#deps.rooms.leave(this.sessionId, "left");
  }

  leaveRoom(roomId: string, reason: LeaveReason, requestId: string | undefined): void {
    const { rooms, keeper, metrics } = this.#deps;
    metrics.roomLeft(reason);
    this.#unplace();
    rooms.leave(this.sessionId, reason);
    this.#inOrder(async () => {
      await keeper.left(this.sessionId, roomId);
      if (requestId !== undefined) this.machine.done(requestId);
    });
  }

  end(): void {
    this.#unplace();
    this.closeSocket(undefined);
    this.#onEnd(this);
    this.#inOrder(() => this.#deps.keeper.ended(this.sessionId));
  }

  refusedMessage(code: string): void {
    this.#deps.metrics.socketRefusal(code);
  }

  async #tryJoin(requestId: string, token: string): Promise<Refusal | undefined> {
    const { tokens, usedTokens, clock } = this.#deps;
    try {
      const claims = tokens.verifyRoom(token);
      // A token of another session is worth nothing here, and is not used up by trying.
      if (claims.sessionId !== this.sessionId)
        return { code: "token_invalid", detail: "the token is another session's" };
      const occupants = await this.#deps.keeper.occupants(claims.roomId);
      const gone = placeLost(occupants, this.#claims);
      if (gone !== undefined) return gone;
      if (!usedTokens.use(claims, clock.wallMs())) return { code: "token_used", detail: "a room token is used once" };
      await this.#enter(requestId, claims, occupants);
      return undefined;
    } catch (error) {
      return this.#refusalOf(error);
    }
  }

  async #enter(requestId: string, claims: RoomClaims, occupants: readonly Occupant[]): Promise<void> {
    const { rooms, keeper, mesh } = this.#deps;
    const participantId = participantIdOf(this.#claims);
    const { roomId, slug, title, role, grants, displayName, userId } = claims;
    const participants = await rooms.join(
      {
        roomId,
        sessionId: this.sessionId,
        epoch: this.epoch,
        generation: this.#claims.generation,
        participantId,
        userId,
        displayName,
        role,
        grants,
        otherNodes: [...new Set(occupants.map((occupant) => occupant.node))].filter((node) => node !== mesh.self.name),
      },
      this,
    );
    const joinedAs = occupants.find((occupant) => occupant.sessionId === this.sessionId)?.joinedAs ?? {};
    keeper.entered(this.sessionId, { roomId, capacity: REJOIN_CAPACITY, joinedAs });
    const room = { roomId, slug, title };
    // Before the answer: what is told meanwhile is held until the client has it.
    this.#place = { roomId, displayName, mayChat: grants.chat };
    this.#deps.places.enter(roomId, this);
    this.machine.joined(roomId, {
      type: "joined",
      replyTo: requestId,
      room,
      participantId,
      role,
      grants,
      participants,
    });
  }

  #unplace(): void {
    if (this.#place !== undefined) this.#deps.places.leave(this.#place.roomId, this);
    this.#place = undefined;
  }

  #attempt(work: () => void): Refusal | undefined {
    try {
      work();
      return undefined;
    } catch (error) {
      return this.#refusalOf(error);
    }
  }

  #refusalOf(error: unknown): Refusal {
    if (error instanceof TokenError) return { code: error.code, detail: error.message };
    if (isStoreUnavailable(error))
      return { code: "store_unavailable", detail: "a store is away; try again", retryAfterMs: 2_000 };
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    const isRefusal = error instanceof Error && (error.name === "RoomError" || error.name === "MediaError");
    if (isRefusal && typeof code === "string") return { code, detail: error.message };
    this.#deps.log.error({ sessionId: this.sessionId, err: error }, "a request of a client failed");
    return { code: "internal", detail: "something is broken here" };
  }

  #inOrder(work: () => Promise<void>): void {
    this.#work = this.#work.then(work).catch((error: unknown) => {
      this.#deps.log.error({ sessionId: this.sessionId, err: error }, "a session's work failed");
    });
  }
}

/** Does the session still hold the place that its room token speaks of? */
function placeLost(occupants: readonly Occupant[], claims: SessionClaims): Refusal | undefined {
  if (occupants.some((occupant) => occupant.sessionId === claims.sessionId)) return undefined;
  const isSuperseded = occupants.some(
    (occupant) =>
      occupant.userId === claims.userId &&
      occupant.deviceId === claims.deviceId &&
      occupant.generation > claims.generation,
  );
  if (isSuperseded) return { code: "session_superseded", detail: "a newer session of this device is in the room" };
  return { code: "token_used", detail: "the place of this token was given up; ask for a new room token" };
}
