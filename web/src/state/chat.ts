/** The text of the call's room as signals: the timeline of the SDK, one open thread, a search, and what is being written. */
import { batch, signal } from "@preact/signals";
import type { ChatMessage, PendingMessage, Room, TypingPerson } from "../../../client-sdk/src/index.ts";
import { messageOf } from "./app.ts";
import { t } from "./i18n.ts";

/** What the composer does with what is written. */
export type Draft =
  | { readonly kind: "new" }
  | { readonly kind: "reply"; readonly to: ChatMessage }
  | { readonly kind: "edit"; readonly message: ChatMessage };

/** An open thread: a window into it, that grows at both ends. */
export interface Thread {
  readonly openerId: string;
  /** The opener first, whatever else is at hand. */
  readonly messages: readonly ChatMessage[];
  /** Cursors of what is before and after the window; undefined: that is all. */
  readonly older: string | undefined;
  readonly newer: string | undefined;
}

export const QUICK_REACTIONS = ["👍", "❤️", "😂", "🎉", "😮", "🙏"] as const;
const SEARCH_DELAY_MS = 300;
const THREAD_PAGE = 30;

export interface Revision {
  readonly text: string;
  readonly writtenAtMs: number;
}

export class ChatState {
  readonly stored = signal<readonly ChatMessage[]>([]);
  readonly pending = signal<readonly PendingMessage[]>([]);
  readonly hasOlder = signal(false);
  readonly hasNewer = signal(false);
  readonly typing = signal<readonly TypingPerson[]>([]);
  readonly draft = signal<Draft>({ kind: "new" });
  /** The open thread: its opener, and what stands in it. */
  readonly thread = signal<Thread | undefined>(undefined);
  /** A message that is to be put into the thread of another, which the person has yet to choose. */
  readonly moving = signal<ChatMessage | undefined>(undefined);
  /** Undefined: nobody searches. */
  readonly found = signal<readonly ChatMessage[] | undefined>(undefined);
  readonly searching = signal<string | undefined>(undefined);
  /** The message that was jumped to. */
  readonly marked = signal<string | undefined>(undefined);
  /** What was refused last, in words. */
  readonly error = signal<string | undefined>(undefined);
  #room: Room | undefined;
  #searchTimer: ReturnType<typeof setTimeout> | undefined;

  listen(room: Room): void {
    this.#room = room;
    room.on("timeline", () => this.#refresh());
    room.on("typing", (people) => {
      this.typing.value = people;
    });
    room.on("message", (message) => this.#inThread(message));
    room.on("messageUpdated", ({ message }) => this.#inThread(message));
  }

  async load(): Promise<void> {
    await this.#try((room) => room.chat.loadOlder());
  }
  async loadNewer(): Promise<void> {
    await this.#try((room) => room.chat.loadNewer());
  }
  async toNewest(): Promise<void> {
    this.marked.value = undefined;
    await this.#try((room) => room.chat.jumpToNewest());
  }
  async jumpTo(message: ChatMessage): Promise<void> {
    this.stopSearch();
    if (message.threadId !== undefined) {
      await this.openThread(message.threadId, message.id);
      this.marked.value = message.id;
      return;
    }
    this.thread.value = undefined;
    await this.#try((room) => room.chat.jumpTo(message.id));
    this.marked.value = message.id;
  }

  /** The composer's text, as whatever the draft says. */
  async write(text: string): Promise<void> {
    const draft = this.draft.value;
    this.draft.value = { kind: "new" };
    if (draft.kind === "edit") {
      await this.#try((room) => room.chat.edit(draft.message.id, text));
      return;
    }
    const threadId = this.thread.value?.openerId;
    const place = {
      ...(threadId === undefined ? {} : { threadId }),
      ...(draft.kind === "reply" ? { replyTo: draft.to.id } : {}),
    };
    // A refused message is shown where it stands, with its reason.
    await this.#room?.chat.send(text, place).catch(() => undefined);
  }
  async retry(clientId: string): Promise<void> {
    await this.#room?.chat.retry(clientId).catch(() => undefined);
  }
  discard(clientId: string): void {
    this.#room?.chat.discard(clientId);
  }
  setTyping(typing: boolean): void {
    this.#room?.chat.setTyping(typing, this.thread.value?.openerId);
  }
  async remove(message: ChatMessage): Promise<void> {
    await this.#try((room) => room.chat.remove(message.id));
  }
  async toggleReaction(message: ChatMessage, kind: string): Promise<void> {
    const isMine = message.reactions?.some((reaction) => reaction.kind === kind && reaction.mine === true) === true;
    await this.#try((room) => (isMine ? room.chat.unreact(message.id, kind) : room.chat.react(message.id, kind)));
  }
  /** Into the thread of this message (or the one that it stands in itself), or out of its own (null). */
  async move(message: ChatMessage, into: ChatMessage | null): Promise<void> {
    this.moving.value = undefined;
    await this.#try((room) => room.chat.moveToThread(message.id, into === null ? null : (into.threadId ?? into.id)));
  }
  /** Earlier texts, oldest first. Rejects. */
  async revisions(message: ChatMessage): Promise<readonly Revision[]> {
    return (await this.#room?.chat.revisions(message.id)) ?? [];
  }
  async markRead(): Promise<void> {
    // A marker that was not stored is set with the next message.
    await this.#room?.chat.markRead().catch(() => undefined);
  }

  /** At its end, or around one of its messages. */
  async openThread(openerId: string, aroundId?: string): Promise<void> {
    this.draft.value = { kind: "new" };
    this.marked.value = undefined;
    await this.#try(async (room) => {
      const known = room.chat.messages.find(({ id }) => id === openerId) ?? (await room.chat.message(openerId));
      const around = aroundId === undefined || aroundId === openerId ? {} : { around: aroundId };
      const page = await room.chat.thread(openerId, { limit: THREAD_PAGE, ...around });
      const messages = [known, ...page.messages.filter(({ id }) => id !== openerId)];
      this.thread.value = { openerId, messages, older: page.nextCursor, newer: page.newerCursor };
    });
  }
  async loadThread(way: "older" | "newer"): Promise<void> {
    const thread = this.thread.value;
    const cursor = thread?.[way];
    if (thread === undefined || cursor === undefined) return;
    await this.#try(async (room) => {
      const where = way === "older" ? { before: cursor } : { after: cursor };
      const page = await room.chat.thread(thread.openerId, { limit: THREAD_PAGE, ...where });
      const now = this.thread.value;
      if (now?.openerId !== thread.openerId) return;
      this.thread.value = { ...now, messages: joined(now, page.messages), [way]: page.nextCursor };
    });
  }
  closeThread(): void {
    this.draft.value = { kind: "new" };
    this.thread.value = undefined;
  }

  search(text: string): void {
    this.searching.value = text;
    clearTimeout(this.#searchTimer);
    if (text.trim() === "") {
      this.found.value = undefined;
      return;
    }
    this.#searchTimer = setTimeout(() => {
      void this.#try(async (room) => {
        const page = await room.chat.search({ text: text.trim(), limit: 30 });
        if (this.searching.value === text) this.found.value = page.messages;
      });
    }, SEARCH_DELAY_MS);
  }
  stopSearch(): void {
    clearTimeout(this.#searchTimer);
    this.searching.value = undefined;
    this.found.value = undefined;
  }

  /** The message that this one answers, as far as it is at hand. */
  find(id: string): ChatMessage | undefined {
    return this.stored.value.find((message) => message.id === id);
  }

  #refresh(): void {
    const chat = this.#room?.chat;
    if (chat === undefined) return;
    batch(() => {
      this.stored.value = chat.messages;
      this.pending.value = chat.pending;
      this.hasOlder.value = chat.hasOlder;
      this.hasNewer.value = chat.hasNewer;
    });
  }

  #inThread(message: ChatMessage): void {
    const thread = this.thread.value;
    if (thread === undefined) return;
    const known = thread.messages.some(({ id }) => id === message.id);
    const belongs = (message.threadId ?? message.id) === thread.openerId;
    // Somebody moved it elsewhere.
    if (known && !belongs) {
      this.thread.value = { ...thread, messages: thread.messages.filter(({ id }) => id !== message.id) };
      return;
    }
    // What is new stands behind a window that does not reach the end.
    if (belongs && (known || thread.newer === undefined))
      this.thread.value = { ...thread, messages: joined(thread, [message]) };
  }

  async #try(work: (room: Room) => Promise<unknown>): Promise<void> {
    if (this.#room === undefined) return;
    this.error.value = undefined;
    try {
      await work(this.#room);
    } catch (error) {
      this.error.value = messageOf(error);
    }
  }
}

/** The opener first, then by time; a record told later is the newer one. */
function joined({ openerId, messages }: Thread, more: readonly ChatMessage[]): readonly ChatMessage[] {
  const byId = new Map(messages.map((message) => [message.id, message]));
  for (const message of more) byId.set(message.id, message);
  const rank = ({ id }: ChatMessage): string => (id === openerId ? "" : id);
  return [...byId.values()].sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
}

/** Who writes, in a short sentence; empty for nobody. */
export function typingText(people: readonly TypingPerson[], threadId: string | undefined): string {
  const here = people.filter((person) => person.threadId === threadId);
  const [first, second] = here;
  if (first === undefined) return "";
  if (second === undefined) return t("chat.typingOne", { name: first.displayName });
  return here.length === 2
    ? t("chat.typingTwo", { name: first.displayName, other: second.displayName })
    : t("chat.typingMany", { count: here.length });
}
