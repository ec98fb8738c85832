/** Who writes now, and saying that we do, seldom enough. */
import type { Schedule } from "./options.ts";
import type { TypingNow } from "./protocol/messages.ts";

/** Without a word for so long somebody has stopped (PROTOCOL.md). */
const OVER_AFTER_MS = 8_000;
const SAY_EVERY_MS = 3_000;
/** People shown; at the bound a further one is not. */
const MAX_TYPING = 50;

export interface TypingPerson {
  readonly userId: string;
  readonly displayName: string;
  readonly threadId?: string;
}
interface Options {
  readonly schedule: Schedule;
  readonly nowMs: () => number;
  readonly say: (typing: boolean, threadId?: string) => void;
  readonly changed: (people: readonly TypingPerson[]) => void;
}

export class TypingPeople {
  readonly #options: Options;
  readonly #people = new Map<string, { readonly person: TypingPerson; readonly cancel: () => void }>();
  #saidAtMs = Number.NEGATIVE_INFINITY;
  #said = false;

  constructor(options: Options) {
    this.#options = options;
  }

  get people(): readonly TypingPerson[] {
    return [...this.#people.values()].map(({ person }) => person);
  }

  told({ userId, displayName, typing, threadId }: TypingNow): void {
    const known = this.#people.get(userId);
    known?.cancel();
    if (!typing) {
      this.stopped(userId);
      return;
    }
    if (known === undefined && this.#people.size >= MAX_TYPING) return;
    const person = { userId, displayName, ...(threadId === undefined ? {} : { threadId }) };
    const cancel = this.#options.schedule(() => this.stopped(userId), OVER_AFTER_MS);
    this.#people.set(userId, { person, cancel });
    if (known?.person.threadId !== threadId || known === undefined) this.#options.changed(this.people);
  }

  /** Whoever sent a message has stopped writing it. */
  stopped(userId: string): void {
    this.#people.get(userId)?.cancel();
    if (this.#people.delete(userId)) this.#options.changed(this.people);
  }

  /** Call at every key; it is said every few seconds, and once when it ends. */
  set(typing: boolean, threadId?: string): void {
    const nowMs = this.#options.nowMs();
    if (typing ? this.#said && nowMs - this.#saidAtMs < SAY_EVERY_MS : !this.#said) return;
    this.#said = typing;
    this.#saidAtMs = nowMs;
    this.#options.say(typing, threadId);
  }

  clear(): void {
    for (const { cancel } of this.#people.values()) cancel();
    this.#people.clear();
    this.#said = false;
  }
}
