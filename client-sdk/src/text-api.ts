/** Text of one room over HTTP, whether one is in the room or not. */
import { type Http, queryOf, roomPath } from "./http.ts";
import type {
  ChangesPage,
  ChatMessage,
  MessageHistory,
  MessagePage,
  PostMessage,
  ReadMarkers,
  SearchPage,
  Unread,
} from "./protocol/messages.ts";

/** `before`, `after`: a message id or a page's cursor. `around` goes without them. */
export interface HistoryQuery {
  readonly before?: string;
  readonly after?: string;
  /** This message in the middle. */
  readonly around?: string;
  /** Only the thread that this message opened. */
  readonly thread?: string;
  /** 1 to 100. Default 50. */
  readonly limit?: number;
}
/** At least one of text, author, since and until. */
export interface SearchQuery {
  readonly text?: string;
  /** A user id. */
  readonly author?: string;
  /** Unix milliseconds, inclusive. */
  readonly sinceMs?: number;
  /** Exclusive. */
  readonly untilMs?: number;
  /** A page's nextCursor. */
  readonly before?: string;
  readonly limit?: number;
}

export class TextApi {
  readonly #http: Http;
  readonly #slug: () => string;

  constructor(http: Http, slug: () => string) {
    this.#http = http;
    this.#slug = slug;
  }

  post(body: PostMessage): Promise<ChatMessage> {
    // The client id makes it the same message however often it is sent.
    return this.#http.send("POST", this.#path("/messages"), body, { repeatable: true });
  }
  history(query: HistoryQuery = {}): Promise<MessagePage> {
    return this.#http.get(this.#path(`/messages${queryOf({ ...query })}`));
  }
  changes(query: { readonly after?: string; readonly limit?: number }): Promise<ChangesPage> {
    return this.#http.get(this.#path(`/changes${queryOf({ ...query })}`));
  }
  search({ text, sinceMs, untilMs, ...rest }: SearchQuery): Promise<SearchPage> {
    return this.#http.get(this.#path(`/search${queryOf({ q: text, since: sinceMs, until: untilMs, ...rest })}`));
  }
  message(id: string): Promise<ChatMessage> {
    return this.#http.get(this.#message(id));
  }
  /** Earlier texts of an edited message, oldest first. */
  async revisions(id: string): Promise<MessageHistory["revisions"]> {
    return (await this.#http.get<MessageHistory>(this.#message(id, "/history"))).revisions;
  }
  edit(id: string, text: string): Promise<ChatMessage> {
    return this.#http.send("PATCH", this.#message(id), { text }, { repeatable: true });
  }
  remove(id: string): Promise<ChatMessage> {
    return this.#http.send("DELETE", this.#message(id));
  }
  react(id: string, emoji: string): Promise<ChatMessage> {
    return this.#http.send("PUT", this.#reaction(id, emoji));
  }
  unreact(id: string, emoji: string): Promise<ChatMessage> {
    return this.#http.send("DELETE", this.#reaction(id, emoji));
  }
  /** Into the thread of another message, or out of its thread (null). */
  move(id: string, threadId: string | null): Promise<ChatMessage> {
    return this.#http.send("PUT", this.#message(id, "/thread"), { threadId });
  }
  markRead(messageId: string): Promise<Unread> {
    return this.#http.send("PUT", this.#path("/read"), { messageId });
  }
  readMarkers(query: { readonly after?: string; readonly limit?: number } = {}): Promise<ReadMarkers> {
    return this.#http.get(this.#path(`/read${queryOf(query)}`));
  }

  #path(rest: string): string {
    return roomPath(this.#slug(), rest);
  }
  #message(id: string, rest = ""): string {
    return this.#path(`/messages/${encodeURIComponent(id)}${rest}`);
  }
  #reaction(id: string, emoji: string): string {
    return this.#message(id, `/reactions/${encodeURIComponent(emoji)}`);
  }
}
