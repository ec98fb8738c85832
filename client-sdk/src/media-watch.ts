/**
 * Notices within half a second that nothing arrives any more, long before the browser says so (it keeps a dead pair of
 * addresses for several seconds), and asks for a new connection: at once, then less and less often.
 */
import type { Schedule } from "./options.ts";

const TICK_MS = 50;
/** After a tick that comes so late one begins anew: the page slept, or its machine is too busy to blame the network. */
const LATE_MS = 150;
/** Beats remembered, one a tick; a flow is what had one in half of them. */
const HISTORY = 16;
const FLOWING = 8;
/** Without a beat for so long the flow is looked into. */
const DOUBT_MS = 150;
/** Without a packet for so long, although some are due, the way is dead, whatever the socket says. */
const DEAD_MS = 700;
/** A new connection that is not up so long after its answer is given up for another one; doubles with each. */
const SETUP_LIMIT_MS = 12_000;
const MAX_SETUP_LIMIT_MS = 60_000;
/** Between two rebuilds: none at first, then these, doubling. A minute without any forgives. */
const FIRST_PAUSE_MS = 1_000;
const MAX_PAUSE_MS = 30_000;
const FORGIVEN_AFTER_MS = 60_000;

export interface WatchHost {
  readonly schedule: Schedule;
  readonly nowMs: () => number;
  /** Another number whenever something arrived; cheap. Undefined while nothing is due. */
  beat(): number | undefined;
  /** Packets that came over the connection so far, answers to what is sent among them. */
  packets(): Promise<number | undefined>;
  /** Whether the node still answers on the socket; one that does not is replaced. */
  probe(): Promise<boolean>;
  /** Something is sent, so that feedback is due. */
  sends(): boolean;
  rebuild(): void;
}

export class MediaWatch {
  readonly #host: WatchHost;
  #cancelTick: (() => void) | undefined;
  #cancelRebuild: (() => void) | undefined;
  #cancelSetup: (() => void) | undefined;
  #beat: number | undefined;
  #history: readonly boolean[] = [];
  #beatAtMs = 0;
  #tickAtMs = 0;
  #examining = false;
  #pauseMs = 0;
  #setupLimitMs = SETUP_LIMIT_MS;
  #rebuiltAtMs = Number.NEGATIVE_INFINITY;

  constructor(host: WatchHost) {
    this.#host = host;
  }

  /** The connection is up: from now on silence is looked into. */
  connected(): void {
    this.#cancelRebuild?.();
    this.#cancelSetup?.();
    this.#setupLimitMs = SETUP_LIMIT_MS;
    this.#history = [];
    this.#cancelTick?.();
    this.#tick();
  }

  /** Another connection is being made, by us or by the session. */
  replaced(): void {
    this.#cancelTick?.();
    this.#cancelSetup?.();
  }

  /** Its offer was answered: it should be up soon. */
  answered(): void {
    this.#cancelSetup?.();
    const limitMs = this.#setupLimitMs;
    this.#setupLimitMs = Math.min(MAX_SETUP_LIMIT_MS, limitMs * 2);
    this.#cancelSetup = this.#host.schedule(() => this.broken(), limitMs);
  }

  /** There is reason for doubt: another network, or (`due`: something must come) the browser's own. */
  doubted({ due }: { readonly due: boolean }): void {
    void this.#examine(due);
  }

  /** The connection is of no use any more. */
  broken(): void {
    const nowMs = this.#host.nowMs();
    if (nowMs - this.#rebuiltAtMs > FORGIVEN_AFTER_MS) this.#pauseMs = 0;
    const dueMs = Math.max(0, this.#rebuiltAtMs + this.#pauseMs - nowMs);
    this.#cancelTick?.();
    this.#cancelSetup?.();
    this.#cancelRebuild?.();
    if (dueMs === 0) this.#rebuild();
    else this.#cancelRebuild = this.#host.schedule(() => this.#rebuild(), dueMs);
  }

  close(): void {
    this.#cancelTick?.();
    this.#cancelRebuild?.();
    this.#cancelSetup?.();
  }

  #rebuild(): void {
    this.#rebuiltAtMs = this.#host.nowMs();
    this.#pauseMs = Math.min(MAX_PAUSE_MS, Math.max(FIRST_PAUSE_MS, this.#pauseMs * 2));
    this.#host.rebuild();
  }

  #tick(): void {
    this.#look(this.#host.nowMs());
    this.#cancelTick = this.#host.schedule(() => this.#tick(), TICK_MS);
  }

  #look(nowMs: number): void {
    const beat = this.#host.beat();
    const isLate = nowMs - this.#tickAtMs > LATE_MS;
    const isAlive = beat !== this.#beat;
    this.#tickAtMs = nowMs;
    this.#beat = beat;
    if (beat === undefined || isLate) this.#history = [];
    else this.#history = [...this.#history, isAlive].slice(-HISTORY);
    if (isAlive || isLate || beat === undefined) this.#beatAtMs = nowMs;
    const flowed = this.#history.filter(Boolean).length >= FLOWING;
    if (flowed && nowMs - this.#beatAtMs >= DOUBT_MS) void this.#examine(false);
  }

  /** Silence may be another's: only when no packet comes at all, and the socket is silent too or feedback is due. */
  async #examine(due: boolean): Promise<void> {
    if (this.#examining) return;
    this.#examining = true;
    try {
      if (await this.#isDead(due)) this.broken();
    } finally {
      this.#examining = false;
      this.#history = [];
    }
  }

  async #isDead(due: boolean): Promise<boolean> {
    const sinceMs = this.#host.nowMs();
    const before = await this.#host.packets();
    if (before === undefined) return false;
    const isHeard = await this.#host.probe();
    if ((await this.#host.packets()) !== before) return false;
    if (!isHeard) return true;
    if (!due && !this.#host.sends()) return false;
    await new Promise<void>((resolve) => {
      this.#host.schedule(resolve, Math.max(0, DEAD_MS - DOUBT_MS - (this.#host.nowMs() - sinceMs)));
    });
    return (await this.#host.packets()) === before;
  }
}
