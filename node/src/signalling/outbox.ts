/**
 * Numbers what goes to one client and keeps the newest of it, so that a client that lost its socket gets what it missed.
 * Pure.
 */
import type { ServerMessage, Unsequenced } from "#protocol";

/** About a minute of a busy room. At the bound the oldest goes, and a client that missed it must join again. */
export const REPLAY_LIMIT = 512;

/** Worthless later: the next one comes soon, or (welcome) it answered a socket that is gone. */
const FLEETING: ReadonlySet<string> = new Set(["pong", "quality", "speakers", "typing", "welcome"]);

export class Outbox {
  readonly #limit: number;
  #kept: ServerMessage[] = [];
  #nextSeq = 1;

  constructor(limit = REPLAY_LIMIT) {
    this.#limit = limit;
  }

  /** The number of the newest message; 0 before the first. */
  get lastSeq(): number {
    return this.#nextSeq - 1;
  }

  push(message: Unsequenced): ServerMessage {
    const numbered = { ...message, seq: this.#nextSeq } as ServerMessage;
    this.#nextSeq += 1;
    this.#kept.push(numbered);
    if (this.#kept.length > this.#limit) this.#kept.shift();
    return numbered;
  }

  /** Can everything after `lastSeq` still be told? */
  canResume(lastSeq: number): boolean {
    const oldest = this.#kept[0]?.seq ?? this.#nextSeq;
    return Number.isSafeInteger(lastSeq) && lastSeq >= oldest - 1 && lastSeq <= this.lastSeq;
  }

  /**
   * Numbering goes on from what the client saw last: first `welcome`, then what it missed, renumbered, so that the client
   * sees neither a hole nor a step back. Only after canResume().
   */
  resume(lastSeq: number, welcome: Unsequenced): readonly ServerMessage[] {
    const missed = this.#kept.filter((message) => message.seq > lastSeq && !FLEETING.has(message.type));
    this.#kept = [];
    this.#nextSeq = lastSeq + 1;
    return [welcome, ...missed].map((message) => this.push(message));
  }

  /** A client that starts anew. */
  restart(): void {
    this.#kept = [];
    this.#nextSeq = 1;
  }
}
