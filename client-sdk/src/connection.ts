/** The session machine with its hands: socket, HTTP, timer. It decides nothing. */
import type { Api } from "./api.ts";
import { codeOf, HearsayError } from "./errors.ts";
import { watchNetwork } from "./network-events.ts";
import type { ResolvedOptions } from "./options.ts";
import type { Path, Placement } from "./placement.ts";
import type { IgnoreReason } from "./protocol/guards.ts";
import type { Answer, Moderate, OfferedTrack, SessionCredentials, View } from "./protocol/messages.ts";
import { remedyFor } from "./remedies.ts";
import { Session } from "./session.ts";
import {
  type Said,
  SESSION_DEFAULTS,
  type SentMessage,
  type SessionEvent,
  type SessionSink,
  type StepFailure,
} from "./session-types.ts";
import { NodeSocket } from "./socket.ts";

export interface ConnectionHost {
  event(event: Exclude<SessionEvent, { readonly kind: "answer" }>): void;
  /** On a new peer connection when fresh. */
  makeOffer(fresh: boolean): Promise<{ readonly sdp: string; readonly tracks: readonly OfferedTrack[] }>;
  useAnswer(answer: Answer): Promise<void>;
  /** Another node was chosen; whether it takes us is told by "joined". */
  placed(path: Path): void;
  /** `sure`: it is another one, otherwise something about it changed. */
  networkChanged(sure: boolean): void;
}
export interface ConnectionParts {
  readonly options: ResolvedOptions;
  readonly api: Api;
  readonly placement: Placement;
  readonly slug: string;
  readonly deviceId: string;
  readonly credentials: SessionCredentials;
}

export class Connection {
  readonly #parts: ConnectionParts;
  readonly #host: ConnectionHost;
  readonly #session: Session;
  readonly #socket: NodeSocket;
  readonly #ignored = new Map<IgnoreReason, number>();
  /** What the machine said and nobody did yet: it must never be called back while it speaks. */
  #outputs: (() => void)[] = [];
  #draining = false;
  readonly #unwatch: () => void;
  #cancelTimer: (() => void) | undefined;
  #sessionToken: string;
  #offerAttempt = 0;

  constructor(parts: ConnectionParts, host: ConnectionHost) {
    this.#parts = parts;
    this.#host = host;
    this.#sessionToken = parts.credentials.token;
    const { options } = parts;
    this.#session = new Session(this.#sink(), {
      ...SESSION_DEFAULTS,
      token: this.#sessionToken,
      policy: options.reconnect,
      random: options.random,
      media: options.RTCPeerConnection !== undefined,
    });
    this.#socket = new NodeSocket(options, {
      opened: () => this.#tell((session, nowMs) => session.handleOpened(nowMs)),
      text: (text) => this.#tell((session, nowMs) => session.handleText(text, nowMs)),
      closed: () => this.#tell((session, nowMs) => session.handleClosed(nowMs)),
    });
    this.#unwatch = watchNetwork((sure) => this.#networkChanged(sure));
  }

  /** Messages of nodes that were ignored, by reason. */
  get ignored(): ReadonlyMap<IgnoreReason, number> {
    return this.#ignored;
  }

  start(url: string): void {
    this.#tell((session, nowMs) => session.start(url, nowMs));
  }
  leave(): void {
    this.#tell((session) => session.leave());
  }
  requestOffer(fresh: boolean): void {
    this.#tell((session) => session.requestOffer(fresh));
  }
  setMuted(trackId: string, muted: boolean): void {
    this.#tell((session) => session.wish({ type: "mute", trackId, muted }));
  }
  say(message: Said): void {
    this.#tell((session) => session.say(message));
  }
  moderate(deed: Omit<Moderate, "type" | "id">): void {
    this.#tell((session) => session.wish({ type: "moderate", ...deed }));
  }
  setView(visible: View["visible"]): void {
    this.#tell((session) => session.wish({ type: "view", visible }));
  }

  /** Whether the node answers on the socket now; one that does not is replaced. */
  async probe(): Promise<boolean> {
    const isHeard = await this.#socket.probe();
    // Nobody else lost this way: no crowd to keep from coming back in step.
    if (!isHeard) this.#tell((session, nowMs) => session.handleOnline(nowMs));
    return isHeard;
  }

  #networkChanged(sure: boolean): void {
    // The old socket belongs to an address that is gone: nothing tells it so for many seconds.
    if (sure && this.#session.phase === "live") this.#socket.renew();
    this.#tell((session, nowMs) => session.handleOnline(nowMs));
    this.#host.networkChanged(sure);
  }

  #tell(work: (session: Session, nowMs: number) => void): void {
    work(this.#session, this.#parts.options.nowMs());
    this.#drain();
    this.#arm();
  }

  #drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    for (let output = this.#outputs.shift(); output !== undefined; output = this.#outputs.shift()) output();
    this.#draining = false;
  }

  #arm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const { schedule, nowMs } = this.#parts.options;
    const deadlineMs = this.#session.deadlineMs();
    if (deadlineMs === Number.POSITIVE_INFINITY) return;
    const work = (): void => this.#tell((session, at) => session.handleTimeout(at));
    this.#cancelTimer = schedule(work, Math.max(0, Math.ceil(deadlineMs - nowMs())));
  }

  #sink(): SessionSink {
    const queue = (output: () => void): void => void this.#outputs.push(output);
    return {
      connect: (url) => queue(() => this.#socket.connect(url)),
      disconnect: () => queue(() => this.#socket.disconnect()),
      send: (message: SentMessage) => queue(() => void this.#socket.send(message)),
      ticket: (attempt) => queue(() => void this.#ticket(attempt)),
      renew: (attempt) => queue(() => void this.#renew(attempt)),
      place: (attempt, avoid) => queue(() => void this.#place(attempt, avoid)),
      offer: (attempt, fresh) => queue(() => void this.#offer(attempt, fresh)),
      event: (event) => queue(() => this.#event(event)),
      ignored: (reason) => this.#ignored.set(reason, (this.#ignored.get(reason) ?? 0) + 1),
    };
  }

  #event(event: SessionEvent): void {
    if (event.kind === "answer") {
      void this.#answer(event.answer);
      return;
    }
    if (event.kind === "joined") this.#parts.api.prefer(event.url);
    if (event.kind === "closed") this.#unwatch();
    this.#host.event(event);
  }

  async #ticket(attempt: number): Promise<void> {
    try {
      const { token } = await this.#parts.api.ticket(this.#parts.slug, this.#sessionToken);
      this.#tell((session, nowMs) => session.handleTicket(attempt, token, nowMs));
    } catch (error) {
      this.#failed(attempt, error);
    }
  }

  async #renew(attempt: number): Promise<void> {
    try {
      const { token } = await this.#parts.api.session(this.#parts.deviceId);
      this.#sessionToken = token;
      this.#tell((session, nowMs) => session.handleToken(attempt, token, nowMs));
    } catch (error) {
      this.#failed(attempt, error);
    }
  }

  async #place(attempt: number, avoid: readonly string[]): Promise<void> {
    try {
      const path = await this.#parts.placement.replace(this.#parts.slug, avoid);
      this.#host.placed(path);
      this.#tell((session, nowMs) => session.handlePlaced(attempt, path.node.url.replace(/\/+$/, ""), nowMs));
    } catch (error) {
      this.#failed(attempt, error);
    }
  }

  async #offer(attempt: number, fresh: boolean): Promise<void> {
    this.#offerAttempt = attempt;
    try {
      const offer = await this.#host.makeOffer(fresh);
      this.#tell((session, nowMs) => session.handleOffer(attempt, offer, nowMs));
    } catch (error) {
      this.#tell((session, nowMs) => session.handleOfferFailed(attempt, String(error), nowMs));
    }
  }

  async #answer(answer: Answer): Promise<void> {
    const attempt = this.#offerAttempt;
    try {
      await this.#host.useAnswer(answer);
      this.#tell((session) => session.handleAnswered(attempt));
    } catch (error) {
      this.#tell((session, nowMs) => session.handleOfferFailed(attempt, String(error), nowMs));
    }
  }

  #failed(attempt: number, error: unknown): void {
    this.#tell((session, nowMs) => session.handleFailure(attempt, failureOf(error), nowMs));
  }
}

function failureOf(error: unknown): StepFailure {
  const code = codeOf(error);
  const ours = error instanceof HearsayError ? error : undefined;
  return {
    code,
    detail: error instanceof Error ? error.message : String(error),
    remedy: remedyFor(code, { retryAfterMs: ours?.retryAfterMs, status: ours?.status }),
    ...(ours?.retryAfterMs === undefined ? {} : { retryAfterMs: ours.retryAfterMs }),
  };
}
