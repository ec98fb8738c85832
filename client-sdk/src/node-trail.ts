/** Where the session is, was, and should not try next. Pure: part of the session machine. */
import { type Random, type ReconnectPolicy, reconnectDelayMs, shouldMove } from "./reconnect-policy.ts";

/** Nodes that just failed us; at the bound the oldest may be tried again. */
const MAX_AVOIDED = 16;

export class NodeTrail {
  readonly #policy: ReconnectPolicy;
  readonly #random: Random;
  /** The node tried or used now. */
  url = "";
  node = "";
  /** The node that last let us in; "" before the first time. */
  homeUrl = "";
  homeNode = "";
  #failures = 0;
  #failuresHere = 0;
  #avoid: readonly string[] = [];

  constructor(policy: ReconnectPolicy, random: Random) {
    this.#policy = policy;
    this.#random = random;
  }

  get avoid(): readonly string[] {
    return this.#avoid;
  }
  get shouldMove(): boolean {
    return shouldMove(this.#failuresHere, this.#policy);
  }

  /** Counts a loss and says how long to wait. A node that only falls silent is not worth a second wait. */
  lost(how: "wasLive" | "refused" | "silent"): number {
    const waitMs = reconnectDelayMs(this.#failures, this.#random, this.#policy);
    this.#failures += 1;
    if (how === "refused") this.#failuresHere += 1;
    if (how === "silent") this.#failuresHere = this.#policy.attemptsPerNode;
    return waitMs;
  }

  /** Goes to `url`; a node that was never in use here gets one chance. */
  goTo(url: string): void {
    if (url !== this.url) this.#failuresHere = Math.max(0, this.#policy.attemptsPerNode - 1);
    this.url = url;
  }

  avoidHere(): void {
    this.#avoid = [...this.#avoid.filter((other) => other !== this.url), this.url].slice(-MAX_AVOIDED);
  }

  forgive(): void {
    this.#avoid = [];
  }

  /** The node took us: all is forgiven. */
  arrived(): void {
    this.#failures = 0;
    this.#failuresHere = 0;
    this.forgive();
  }

  /** The node let us into the room; says from which node we moved, if we did. */
  settled(): { readonly movedFrom: string } | undefined {
    const moved = this.homeUrl !== "" && this.homeUrl !== this.url ? { movedFrom: this.homeNode } : undefined;
    this.homeUrl = this.url;
    this.homeNode = this.node;
    return moved;
  }
}
