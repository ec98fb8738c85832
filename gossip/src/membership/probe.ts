// One probe round: ask directly, then through others and by stream, then judge. A value with a clock of its own given
// from outside; the prober carries out what it decides. SWIM section 4.1; Lifeguard; spec section 4.11.

import type { DurationMs, Incarnation, InstantMs, SeqNo } from "../types.ts";
import { assert } from "../types.ts";
import type { MemberRecord } from "./member.ts";

export interface ProbeResult {
  readonly answered: boolean;
  /** What the round says about our own health: negative is good. */
  readonly healthDelta: number;
}

export class ProbeRound {
  readonly seqNo: SeqNo;
  readonly target: MemberRecord;
  /** As it was when the round began: an accusation is about that life of the member. */
  readonly incarnation: Incarnation;
  readonly startedMs: InstantMs;
  readonly deadlineMs: InstantMs;
  #phase: "direct" | "indirect" | "over" = "direct";
  #nacksExpected = 0;
  #nacksReceived = 0;
  #streamAnswered = false;

  constructor(seqNo: SeqNo, target: MemberRecord, span: { readonly nowMs: InstantMs; readonly lengthMs: DurationMs }) {
    this.seqNo = seqNo;
    this.target = target;
    this.incarnation = target.incarnation;
    this.startedMs = span.nowMs;
    this.deadlineMs = span.nowMs + span.lengthMs;
  }

  /** Until others are asked only the target itself answers. */
  get isDirect(): boolean {
    return this.#phase === "direct";
  }

  /** No ack in time: others were asked, of whom so many will tell us when they fail too. */
  askedOthers(nacksExpected: number): void {
    assert(this.#phase === "direct", "others are asked once");
    this.#phase = "indirect";
    this.#nacksExpected = nacksExpected;
  }

  nackReceived(): void {
    this.#nacksReceived += 1;
  }

  streamAnswered(): void {
    this.#streamAnswered = true;
  }

  answered(): ProbeResult {
    this.#phase = "over";
    return { answered: true, healthDelta: -1 };
  }

  /** The deadline is reached. Helpers that did not even nack make ourselves the suspect: perhaps we hear badly. */
  expired(): ProbeResult {
    if (this.#streamAnswered) return this.answered();
    this.#phase = "over";
    const missing = Math.max(0, this.#nacksExpected - this.#nacksReceived);
    return { answered: false, healthDelta: this.#nacksExpected > 0 ? missing : 1 };
  }
}
