/** The numbers of a node's messages: what was seen, what is stale. Pure: part of the session machine. */
import type { ServerMessage } from "./protocol/messages.ts";

export class Numbers {
  #last: number | undefined;

  /** The number to resume after; undefined before the first message. */
  get last(): number | undefined {
    return this.#last;
  }

  /**
   * False for what was seen already. A welcome says itself whether numbers start anew, and a resumed one may be
   * numbered ahead of the replay; a node that refuses a hello has no numbers of ours yet.
   */
  accept(message: ServerMessage, isGreeting: boolean): boolean {
    if (message.type === "welcome") return true;
    if (isGreeting && (message.type === "error" || message.type === "closing")) return true;
    if (this.#last !== undefined && message.seq <= this.#last) return false;
    this.#last = message.seq;
    return true;
  }

  /** After a welcome that does not resume; undefined when there is no session to resume any more. */
  restart(seq: number | undefined): void {
    this.#last = seq;
  }
}
