/** How many messages of others one has not seen: what the node counted at first, and what came since. Pure. */
import type { ChatMessage, RoomInfo } from "./protocol/messages.ts";

export interface UnreadCount {
  readonly count: number;
  readonly mentions: number;
}
type Counted = Pick<RoomInfo, "unread" | "unreadMentions" | "readUpTo" | "newestMessageId">;

export class Unread {
  readonly #changed: (unread: UnreadCount) => void;
  #count: UnreadCount = { count: 0, mentions: 0 };
  #readUpTo = "";
  /** The newest message that the node's count knows. */
  #countedUpTo = "";

  constructor(changed: (unread: UnreadCount) => void) {
    this.#changed = changed;
  }

  get count(): UnreadCount {
    return this.#count;
  }

  /** As a node counted it. Nothing when more was read meanwhile. */
  start({ unread = 0, unreadMentions = 0, readUpTo = "", newestMessageId = "" }: Counted): void {
    if (this.#readUpTo > readUpTo) return;
    this.#readUpTo = readUpTo;
    this.#countedUpTo = newestMessageId;
    this.set({ count: unread, mentions: unreadMentions });
  }

  /** A message of another that was not seen before. */
  arrived({ id }: ChatMessage, { isMention }: { readonly isMention: boolean }): void {
    if (id <= this.#readUpTo || id <= this.#countedUpTo) return;
    this.set({ count: this.#count.count + 1, mentions: this.#count.mentions + (isMention ? 1 : 0) });
  }

  /** Everything up to here was seen. False when that is nothing new. */
  read(messageId: string): boolean {
    if (messageId <= this.#readUpTo) return false;
    this.#readUpTo = messageId;
    return true;
  }

  isReadUpTo(messageId: string): boolean {
    return this.#readUpTo === messageId;
  }

  set(unread: UnreadCount): void {
    if (unread.count === this.#count.count && unread.mentions === this.#count.mentions) return;
    this.#count = unread;
    this.#changed(unread);
  }
}
