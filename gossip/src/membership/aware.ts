// Who most likely knows what is told next: whom a ride on another packet told since the last round, and who told us. In a large
// cluster that hardly matters. Among three a rumour is told two or four times in all, and when both times go to the one
// from whom it came, the third hears nothing until states are exchanged.

import type { Endpoint } from "../types.ts";
import type { MemberRecord } from "./member.ts";

/** Noted between two rounds; more only happens among many, where it does not matter. */
const MAX_NOTED = 16;

export class Aware {
  readonly #endpoints: Endpoint[] = [];

  note(endpoint: Endpoint): void {
    if (this.#endpoints.length < MAX_NOTED) this.#endpoints.push(endpoint);
  }

  /** Those of whom nothing is noted first, otherwise in their order. What was noted is forgotten. */
  takeLast(records: readonly MemberRecord[]): readonly MemberRecord[] {
    if (this.#endpoints.length === 0) return records;
    const news: MemberRecord[] = [];
    const aware: MemberRecord[] = [];
    for (const record of records) (this.#has(record.endpoint) ? aware : news).push(record);
    this.#endpoints.length = 0;
    return news.concat(aware);
  }

  #has({ host, port }: Endpoint): boolean {
    for (const endpoint of this.#endpoints) if (endpoint.port === port && endpoint.host === host) return true;
    return false;
  }
}
