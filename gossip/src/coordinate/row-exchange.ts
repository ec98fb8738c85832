// When rows of measured round trips are told, and to whom: now and then to one of those who understand them, chosen by
// chance, who answers with what it knows. So a row reaches everybody in a few rounds, and nobody sends much.

import { Ticker } from "../membership/ticker.ts";
import { pickDistinct, type Random } from "../random.ts";
import type { DropReason } from "../sink.ts";
import type { DurationMs, InstantMs, NodeName } from "../types.ts";
import type { Locator } from "./locator.ts";
import { MAX_ROWS } from "./rtt-rows.ts";

/** Members up to which an exchange happens every interval; beyond it less often, as what is told grows with the square. */
const MEMBERS_PER_INTERVAL = 16;

export interface RowExchangePorts {
  /** Shortest time between two exchanges of ours; 0: none. */
  readonly intervalMs: DurationMs;
  readonly self: NodeName;
  readonly random: Random;
  readonly locator: Locator;
  /** Living members besides us that speak direct messages. */
  speakers(): NodeName[];
  isMember(name: NodeName): boolean;
  send(to: NodeName, rows: { readonly isQuestion: boolean; readonly body: Uint8Array }, nowMs: InstantMs): void;
}

export class RowExchange {
  readonly #ports: RowExchangePorts;
  readonly #ticker: Ticker;

  constructor(ports: RowExchangePorts) {
    this.#ports = ports;
    this.#ticker = new Ticker(ports.intervalMs);
  }

  start(nowMs: InstantMs): void {
    const { intervalMs, random } = this.#ports;
    if (intervalMs > 0) this.#ticker.start(nowMs + intervalMs * (1 + random.next()));
  }

  deadlineMs(): InstantMs {
    return this.#ticker.deadlineMs();
  }

  handleTimeout(nowMs: InstantMs): void {
    if (!this.#ticker.take(nowMs)) return;
    const { intervalMs, locator, isMember, random } = this.#ports;
    const speakers = this.#ports.speakers();
    this.#ticker.start(nowMs + intervalMs * Math.max(1, (speakers.length + 1) / MEMBERS_PER_INTERVAL));
    locator.rows.expire(nowMs, isMember);
    if (speakers.length >= MAX_ROWS) return;
    const [peer] = pickDistinct(speakers, 1, random, () => true);
    if (peer !== undefined) this.#tell(peer, true, nowMs);
  }

  /** Why somebody's rows were not taken. */
  handle(
    rows: { readonly from: NodeName; readonly isQuestion: boolean; readonly body: Uint8Array },
    nowMs: InstantMs,
  ): DropReason | undefined {
    const { locator, self, isMember } = this.#ports;
    const reason = locator.rows.learn(rows.body, { nowMs, self, isMember });
    if (reason === undefined && rows.isQuestion) this.#tell(rows.from, false, nowMs);
    return reason;
  }

  #tell(to: NodeName, isQuestion: boolean, nowMs: InstantMs): void {
    const { locator, self } = this.#ports;
    const body = locator.rows.encode(self, locator.measured(), nowMs);
    this.#ports.send(to, { isQuestion, body }, nowMs);
  }
}
