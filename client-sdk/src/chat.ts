/**
 * Text of a room that one is in: a local timeline that is kept true by what the node tells, by the answers to one's own
 * deeds, and after every reconnect by everything that was sent or changed meanwhile. Every message is told once.
 */
import { isTransient } from "./errors.ts";
import type { Schedule } from "./options.ts";
import { Outbox, type PendingMessage } from "./outbox.ts";
import type {
  ChatMessage,
  MessageChange,
  MessageHistory,
  MessagePage,
  MessageUpdated,
  ReadMarker,
  ReadMarkers,
  RoomInfo,
  SearchPage,
  TypingNow,
} from "./protocol/messages.ts";
import { type Random, type ReconnectPolicy, reconnectDelayMs } from "./reconnect-policy.ts";
import type { HistoryQuery, SearchQuery, TextApi } from "./text-api.ts";
import { isNewer, Timeline, withReader } from "./timeline.ts";
import { TypingPeople, type TypingPerson } from "./typing.ts";
import { Unread, type UnreadCount } from "./unread.ts";

/** Messages remembered against duplicates; at the bound the oldest is forgotten. */
const MAX_SEEN = 2_000;
/** Messages that wait while a gap is closed; at the bound the gap is closed once more. */
const MAX_HELD = 1_000;
/** Pages of changes that close a gap; when there is more the timeline begins anew. */
const MAX_GAP_PAGES = 50;
const GAP_PAGE = 100;
/** After so many messages the place to catch up from is moved on, so that no reconnect has to ask for a whole day. */
const CURSOR_EVERY = 500;
const PAGE = 50;

export interface SendOptions {
  readonly replyTo?: string;
  /** A message of the thread, or the one that opens it. */
  readonly threadId?: string;
  /** Of an earlier attempt, so that it is the same message. */
  readonly clientId?: string;
}
export interface ChatEvents {
  /** A message that was not seen before, own ones included. */
  message: ChatMessage;
  /** A message as it is now; `userId` is missing when it changed while we were away. */
  messageUpdated: { readonly message: ChatMessage; readonly change: MessageChange; readonly userId?: string };
  /** `chat.messages` or `chat.pending` are others now. */
  timeline: undefined;
  typing: readonly TypingPerson[];
  /** Somebody has seen everything up to this message. */
  read: ReadMarker;
  unread: UnreadCount;
}
export interface ChatHost {
  readonly text: TextApi;
  /** Resolves after the delay, or when there is reason to try again sooner. */
  wait(delayMs: number): Promise<void>;
  sayTyping(typing: boolean, threadId?: string): void;
  tell<K extends keyof ChatEvents>(name: K, value: ChatEvents[K]): void;
  /** The room as this person's list of rooms tells it; undefined for a room that is not in it. */
  inOwnRooms(): Promise<RoomInfo | undefined>;
  /** Of this person, when known. */
  userId(): string | undefined;
  readonly random: Random;
  readonly policy: ReconnectPolicy;
  readonly schedule: Schedule;
  readonly nowMs: () => number;
}

export class Chat {
  readonly #host: ChatHost;
  readonly #timeline = new Timeline();
  readonly #outbox: Outbox;
  readonly #typing: TypingPeople;
  readonly #unread: Unread;
  /** The newest record seen of each message. */
  readonly #seen = new Map<string, ChatMessage>();
  #held: (() => void)[] | undefined;
  #again = false;
  #cursor: string | undefined;
  #newestId: string | undefined;
  /** The newest message known when we came back: what is after it was sent while we were away. */
  #floorId: string | undefined;
  #sinceCursor = 0;
  #closed = false;

  constructor(host: ChatHost) {
    this.#host = host;
    this.#unread = new Unread((unread) => host.tell("unread", unread));
    this.#outbox = new Outbox({
      post: (body) => host.text.post(body),
      wait: (delayMs) => host.wait(delayMs),
      stored: (message) => this.receive(message),
      changed: () => host.tell("timeline", undefined),
      random: host.random,
      policy: host.policy,
    });
    this.#typing = new TypingPeople({
      schedule: host.schedule,
      nowMs: host.nowMs,
      say: (typing, threadId) => host.sayTyping(typing, threadId),
      changed: (people) => host.tell("typing", people),
    });
  }

  /** The window of messages at hand, oldest first; grown by loadOlder(), loadNewer() and jumpTo(). */
  get messages(): readonly ChatMessage[] {
    return this.#timeline.messages;
  }
  /** Own messages that are not stored yet, or were refused. */
  get pending(): readonly PendingMessage[] {
    return this.#outbox.pending;
  }
  get hasOlder(): boolean {
    return this.#timeline.hasOlder;
  }
  get hasNewer(): boolean {
    return this.#timeline.hasNewer;
  }
  get typing(): readonly TypingPerson[] {
    return this.#typing.people;
  }
  /** Of others since the own marker. */
  get unread(): UnreadCount {
    return this.#unread.count;
  }

  // ------------------------------------------------------------ saying

  /** Resolves with the stored message. Rejects when refused for good, when the room is left, or with "limit". */
  send(text: string, options: SendOptions = {}): Promise<ChatMessage> {
    const { replyTo, threadId, clientId = this.newClientId() } = options;
    this.#typing.set(false);
    return this.#outbox.send({
      text,
      clientId,
      ...(replyTo === undefined ? {} : { replyTo }),
      ...(threadId === undefined ? {} : { threadId }),
    });
  }
  /** A refused message once more, as the same message. Rejects with what it is refused with now. */
  async retry(clientId: string): Promise<void> {
    const failed = this.#outbox.failed(clientId);
    if (failed === undefined) return;
    const { text, replyTo, threadId } = failed;
    const place = { ...(replyTo === undefined ? {} : { replyTo }), ...(threadId === undefined ? {} : { threadId }) };
    await this.send(text, { clientId, ...place });
  }
  discard(clientId: string): void {
    this.#outbox.discard(clientId);
  }
  /** 80 bits of chance in base 32: unique among the messages of one author. */
  newClientId(): string {
    return Array.from({ length: 16 }, () => Math.floor(this.#host.random() * 32).toString(32)).join("");
  }
  /** Call while the person writes; it is said seldom enough by itself. */
  setTyping(typing: boolean, threadId?: string): void {
    this.#typing.set(typing, threadId);
  }

  edit(id: string, text: string): Promise<ChatMessage> {
    return this.#deed("edited", this.#host.text.edit(id, text));
  }
  remove(id: string): Promise<ChatMessage> {
    return this.#deed("deleted", this.#host.text.remove(id));
  }
  react(id: string, emoji: string): Promise<ChatMessage> {
    return this.#deed("reacted", this.#host.text.react(id, emoji));
  }
  unreact(id: string, emoji: string): Promise<ChatMessage> {
    return this.#deed("reacted", this.#host.text.unreact(id, emoji));
  }
  /** Into the thread of another message, or out of its thread (null). */
  moveToThread(id: string, threadId: string | null): Promise<ChatMessage> {
    return this.#deed("threaded", this.#host.text.move(id, threadId));
  }
  /** Everything up to this message was seen; default: up to the newest at hand. */
  async markRead(messageId = this.#timeline.newestId): Promise<void> {
    if (messageId === undefined || !this.#unread.read(messageId)) return;
    this.#unread.set({ count: 0, mentions: 0 });
    const { unread, unreadMentions } = await this.#host.text.markRead(messageId);
    if (this.#unread.isReadUpTo(messageId)) this.#unread.set({ count: unread, mentions: unreadMentions });
  }

  // ------------------------------------------------------------ reading

  /** More of the past into `messages`; at first the newest page. */
  async loadOlder(limit = PAGE): Promise<void> {
    const before = this.#timeline.oldestId;
    const page = await this.history({ limit, ...(before === undefined ? {} : { before }) });
    // Somebody may have jumped elsewhere meanwhile.
    if (this.#timeline.oldestId !== before && before !== undefined) return;
    this.#timeline.addOlder(page);
    this.#host.tell("timeline", undefined);
  }
  async loadNewer(limit = PAGE): Promise<void> {
    const after = this.#timeline.newestId;
    if (after === undefined || !this.#timeline.hasNewer) return;
    const page = await this.history({ limit, after });
    if (this.#timeline.newestId !== after) return;
    this.#timeline.addNewer(page);
    this.#host.tell("timeline", undefined);
  }
  /** Puts this message in the middle of `messages`. */
  async jumpTo(messageId: string, limit = PAGE): Promise<void> {
    this.#timeline.jump(await this.history({ around: messageId, limit }));
    this.#host.tell("timeline", undefined);
  }
  async jumpToNewest(limit = PAGE): Promise<void> {
    const page = await this.history({ limit });
    this.#timeline.reset();
    this.#timeline.addOlder(page);
    this.#host.tell("timeline", undefined);
  }
  /** A page, oldest first, without touching `messages`; what is read here is known from now on, and not told again. */
  async history(query: HistoryQuery = {}): Promise<MessagePage> {
    const page = await this.#host.text.history({ limit: PAGE, ...query });
    const messages = [...page.messages].sort((a, b) => (a.id < b.id ? -1 : 1));
    for (const message of messages) this.#remember(message);
    return { ...page, messages };
  }
  /** The thread that this message opened, without the opener. */
  thread(openerId: string, query: Omit<HistoryQuery, "thread"> = {}): Promise<MessagePage> {
    return this.history({ ...query, thread: openerId });
  }
  search(query: SearchQuery): Promise<SearchPage> {
    return this.#host.text.search(query);
  }
  message(id: string): Promise<ChatMessage> {
    return this.#host.text.message(id);
  }
  revisions(id: string): Promise<MessageHistory["revisions"]> {
    return this.#host.text.revisions(id);
  }
  readMarkers(query: { readonly after?: string; readonly limit?: number } = {}): Promise<ReadMarkers> {
    return this.#host.text.readMarkers(query);
  }

  // ------------------------------------------------------------ what the node says

  /** A message came. */
  receive(message: ChatMessage): void {
    if (this.#hold(() => this.receive(message))) return;
    this.#take(message, undefined);
  }
  updated({ message, change, userId }: MessageUpdated): void {
    if (this.#hold(() => this.#take(message, { change, userId }))) return;
    this.#take(message, { change, userId });
  }
  typingTold(told: TypingNow): void {
    if (told.userId !== this.#host.userId()) this.#typing.told(told);
  }
  readTold(marker: ReadMarker): void {
    if (marker.userId === this.#host.userId() && this.#unread.read(marker.messageId)) {
      const rest = this.messages.filter(({ id, authorId }) => id > marker.messageId && authorId !== marker.userId);
      this.#unread.set({ count: rest.length, mentions: rest.filter((message) => this.#names(message)).length });
    }
    this.#host.tell("read", marker);
  }

  /** After every entry: asks for everything that was sent or changed meanwhile, until it is known. Never rejects. */
  async catchUp(): Promise<void> {
    this.#again = this.#held !== undefined;
    if (this.#held !== undefined) return;
    this.#held = [];
    this.#floorId = this.#newestId;
    for (let attempt = 0; !this.#closed; attempt += 1) {
      try {
        await this.#closeGap();
        break;
      } catch (error) {
        if (!isTransient(error)) break;
        await this.#host.wait(reconnectDelayMs(attempt + 1, this.#host.random, this.#host.policy));
      }
    }
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const take of held) take();
    if (this.#again && !this.#closed) await this.catchUp();
  }

  close(): void {
    this.#closed = true;
    this.#typing.clear();
    this.#outbox.close();
  }

  async #closeGap(): Promise<void> {
    const isFirst = this.#cursor === undefined;
    for (let page = 0; page < MAX_GAP_PAGES && !this.#closed; page += 1) {
      const after = this.#cursor;
      const query = { limit: GAP_PAGE, ...(after === undefined ? {} : { after }) };
      const { messages, cursor, more } = await this.#host.text.changes(query);
      this.#cursor = cursor;
      for (const message of messages) this.#take(message, undefined);
      this.#sinceCursor = 0;
      if (isFirst) await this.#countUnread();
      if (!more || isFirst) return;
    }
    // Too much happened: what is at hand is not next to the present any more.
    this.#cursor = undefined;
    this.#timeline.reset();
    this.#host.tell("timeline", undefined);
    await this.jumpToNewest();
    await this.#closeGap();
  }

  async #countUnread(): Promise<void> {
    // Without the node's count, what comes from now on is counted.
    const known = await this.#host.inOwnRooms().catch(() => undefined);
    if (known !== undefined) this.#unread.start(known);
  }

  #hold(take: () => void): boolean {
    if (this.#held === undefined) return false;
    if (this.#held.length < MAX_HELD) this.#held.push(take);
    else this.#again = true;
    return true;
  }

  #take(told: ChatMessage, update: { readonly change: MessageChange; readonly userId: string } | undefined): void {
    const before = this.#seen.get(told.id) ?? this.#timeline.find(told.id);
    if (!isNewer(before, told)) return;
    const message = withReader(told, before, this.#host.userId());
    this.#remember(message);
    const isShown = this.#timeline.merge(message);
    if (before === undefined && update === undefined && this.#isNew(told)) this.#arrived(message);
    else {
      this.#rethread(before, message);
      const change = update?.change ?? changeBetween(before, message);
      const { userId } = update ?? {};
      this.#host.tell("messageUpdated", { message, change, ...(userId === undefined ? {} : { userId }) });
    }
    if (isShown) this.#host.tell("timeline", undefined);
  }

  #arrived(message: ChatMessage): void {
    this.#timeline.countThread(message.threadId, 1);
    this.#typing.stopped(message.authorId);
    const isOwn = message.authorId === this.#host.userId();
    if (isOwn) this.#outbox.echoed(message.clientId);
    else this.#unread.arrived(message, { isMention: this.#names(message) });
    this.#host.tell("message", message);
    this.#sinceCursor += 1;
    if (this.#sinceCursor >= CURSOR_EVERY && this.#held === undefined) void this.catchUp();
  }

  #rethread(before: ChatMessage | undefined, now: ChatMessage): void {
    if (before === undefined || before.threadId === now.threadId) return;
    this.#timeline.countThread(before.threadId, -1);
    this.#timeline.countThread(now.threadId, 1);
  }

  async #deed(change: MessageChange, work: Promise<ChatMessage>): Promise<ChatMessage> {
    const message = await work;
    this.#take(message, { change, userId: this.#host.userId() ?? message.authorId });
    return message;
  }

  /** An unknown message that was changed may be of yesterday, or was sent and changed while we were away. */
  #isNew({ id, changeId = id }: ChatMessage): boolean {
    return changeId === id || (this.#floorId !== undefined && id > this.#floorId);
  }

  #names({ mentions = [] }: ChatMessage): boolean {
    const userId = this.#host.userId();
    return userId !== undefined && mentions.includes(userId);
  }

  #remember(message: ChatMessage): void {
    if (!isNewer(this.#seen.get(message.id), message)) return;
    const oldest = this.#seen.keys().next();
    if (this.#seen.size >= MAX_SEEN && oldest.done !== true) this.#seen.delete(oldest.value);
    this.#seen.set(message.id, message);
    if (this.#newestId === undefined || message.id > this.#newestId) this.#newestId = message.id;
  }
}

function changeBetween(before: ChatMessage | undefined, now: ChatMessage): MessageChange {
  if (now.deletedAtMs !== before?.deletedAtMs) return "deleted";
  if (now.editedAtMs !== before?.editedAtMs) return "edited";
  return now.threadId === before?.threadId ? "reacted" : "threaded";
}
