/** What a room plans. */
import { type Http, queryOf, roomPath } from "./http.ts";
import type { CalendarFeed, Happening, HappeningInput, HappeningPage, Reply } from "./protocol/messages.ts";

export interface HappeningQuery {
  /** Those that start then or later; Unix milliseconds. Default: all. */
  readonly fromMs?: number;
  /** A page's nextCursor. */
  readonly after?: string;
  /** 1 to 50. */
  readonly limit?: number;
}

export class Happenings {
  readonly #http: Http;
  readonly #slug: () => string;

  constructor(http: Http, slug: () => string) {
    this.#http = http;
    this.#slug = slug;
  }

  /** By time of the start. */
  list({ fromMs, ...page }: HappeningQuery = {}): Promise<HappeningPage> {
    return this.#http.get(this.#path(queryOf({ from: fromMs, ...page })));
  }
  add(happening: HappeningInput): Promise<Happening> {
    return this.#http.send("POST", this.#path(), happening);
  }
  get(happeningId: string): Promise<Happening> {
    return this.#http.get(this.#path(`/${happeningId}`));
  }
  /** All of it anew; `version` is the one that was seen. Rejects with "changed_meanwhile". */
  update(happeningId: string, happening: HappeningInput & { readonly version: number }): Promise<Happening> {
    return this.#http.send("PUT", this.#path(`/${happeningId}`), happening, { repeatable: false });
  }
  async remove(happeningId: string): Promise<void> {
    await this.#http.send("DELETE", this.#path(`/${happeningId}`));
  }
  /** "none" takes the answer back. */
  answer(happeningId: string, reply: Reply | "none"): Promise<Happening> {
    return this.#http.send("PUT", this.#path(`/${happeningId}/answer`), { reply });
  }
  /** As a calendar file: one, or all of the room. */
  calendar(happeningId?: string): Promise<Blob> {
    const of = happeningId === undefined ? "" : `/happenings/${happeningId}`;
    return this.#http.blob(roomPath(this.#slug(), `${of}/calendar.ics`));
  }
  /** A secret address for calendar programs; an earlier one ends. */
  async feed(): Promise<string> {
    return (await this.#http.send<CalendarFeed>("POST", roomPath(this.#slug(), "/calendar-feed"))).url;
  }
  async endFeed(): Promise<void> {
    await this.#http.send("DELETE", roomPath(this.#slug(), "/calendar-feed"));
  }

  #path(rest = ""): string {
    return roomPath(this.#slug(), `/happenings${rest}`);
  }
}
