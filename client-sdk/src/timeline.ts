/**
 * The messages at hand: one window into a room's text, in order and without a gap. It grows at both ends, follows
 * what is new while it reaches the newest message, and takes the newer of two records of one message. Pure.
 */
import type { ChatMessage, MessagePage, Reaction } from "./protocol/messages.ts";

/** Messages kept; at the bound the far end is let go, and read again when it is wanted. */
const MAX_WINDOW = 1_000;

const changeOf = (message: ChatMessage): string => message.changeId ?? message.id;

/** Whether `now` tells more of the message than `before`. */
export const isNewer = (before: ChatMessage | undefined, now: ChatMessage): boolean =>
  before === undefined || changeOf(now) > changeOf(before);

/** A record told to everybody knows neither its reader nor its thread: what is known of those stays. */
export function withReader(now: ChatMessage, before: ChatMessage | undefined, userId: string | undefined): ChatMessage {
  const size = now.threadSize ?? before?.threadSize;
  const reactions = now.reactions?.map((reaction) => mineOf(reaction, before, userId));
  return {
    ...now,
    ...(size === undefined ? {} : { threadSize: size }),
    ...(reactions === undefined ? {} : { reactions }),
  };
}

function mineOf(reaction: Reaction, before: ChatMessage | undefined, userId: string | undefined): Reaction {
  if (reaction.mine !== undefined || userId === undefined) return reaction;
  const known = before?.reactions?.find(({ kind }) => kind === reaction.kind)?.mine === true;
  const isListed = reaction.userIds.includes(userId);
  return { ...reaction, mine: isListed || (known && reaction.count > reaction.userIds.length) };
}

export class Timeline {
  #messages: readonly ChatMessage[] = [];
  #hasOlder = true;
  #hasNewer = false;

  /** Oldest first. */
  get messages(): readonly ChatMessage[] {
    return this.#messages;
  }
  /** There is more before, or nobody asked yet. */
  get hasOlder(): boolean {
    return this.#hasOlder;
  }
  /** The window stands in the past: what is new is not in it. */
  get hasNewer(): boolean {
    return this.#hasNewer;
  }
  get oldestId(): string | undefined {
    return this.#messages[0]?.id;
  }
  get newestId(): string | undefined {
    return this.#messages.at(-1)?.id;
  }
  find(id: string): ChatMessage | undefined {
    return this.#messages.find((message) => message.id === id);
  }

  /** A message as it is now, new or changed. False when it is outside of the window or known. */
  merge(message: ChatMessage): boolean {
    const known = this.find(message.id);
    if (known !== undefined) {
      if (!isNewer(known, message)) return false;
      this.#messages = this.#messages.map((other) => (other === known ? message : other));
      return true;
    }
    if (!this.#takes(message.id)) return false;
    this.#insert([message]);
    if (this.#messages.length > MAX_WINDOW) {
      this.#messages = this.#messages.slice(-MAX_WINDOW);
      this.#hasOlder = true;
    }
    return true;
  }

  /** A page that ends where the window begins, or the newest one when it is empty. */
  addOlder(page: MessagePage): void {
    this.#insert(page.messages);
    this.#hasOlder = page.nextCursor !== undefined;
    if (this.#messages.length <= MAX_WINDOW) return;
    this.#messages = this.#messages.slice(0, MAX_WINDOW);
    this.#hasNewer = true;
  }

  /** A page that begins where the window ends. */
  addNewer(page: MessagePage): void {
    this.#insert(page.messages);
    this.#hasNewer = page.nextCursor !== undefined;
    if (this.#messages.length <= MAX_WINDOW) return;
    this.#messages = this.#messages.slice(-MAX_WINDOW);
    this.#hasOlder = true;
  }

  /** The window stands elsewhere now: around a message. */
  jump(page: MessagePage): void {
    this.#messages = [];
    this.#insert(page.messages);
    this.#hasOlder = page.nextCursor !== undefined;
    this.#hasNewer = page.newerCursor !== undefined;
  }

  /** As at first. */
  reset(): void {
    this.#messages = [];
    this.#hasOlder = true;
    this.#hasNewer = false;
  }

  /** Changes the number of messages in a thread, as far as its opener is here. */
  countThread(openerId: string | undefined, by: number): void {
    const opener = openerId === undefined ? undefined : this.find(openerId);
    if (opener === undefined) return;
    const counted = { ...opener, threadSize: Math.max(0, (opener.threadSize ?? 0) + by) };
    this.#messages = this.#messages.map((other) => (other === opener ? counted : other));
  }

  #takes(id: string): boolean {
    const { oldestId, newestId } = this;
    if (oldestId === undefined || newestId === undefined) return !this.#hasNewer;
    if (id > newestId) return !this.#hasNewer;
    return id > oldestId || !this.#hasOlder;
  }

  #insert(messages: readonly ChatMessage[]): void {
    const byId = new Map(this.#messages.map((message) => [message.id, message]));
    for (const message of messages) if (isNewer(byId.get(message.id), message)) byId.set(message.id, message);
    this.#messages = [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }
}
