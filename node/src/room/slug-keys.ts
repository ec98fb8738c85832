// Keys of rooms' names, for addresses: the same few names stand in most requests, and reading one takes some 25 µs.

import { parseSlug } from "./slug.ts";

/** At the bound the name remembered first goes, and is read again. */
export const MAX_REMEMBERED_SLUGS = 1_024;
/** Longer names are rare, and would make the table large. */
const MAX_REMEMBERED_UNITS = 128;

export class SlugKeys {
  readonly #keys = new Map<string, string>();

  /** The key of a name as parseSlug() gives it; undefined for what is no name. */
  keyOf(text: string): string | undefined {
    const known = this.#keys.get(text);
    if (known !== undefined) return known;
    const slug = parseSlug(text);
    if (!slug.ok) return undefined;
    if (text.length <= MAX_REMEMBERED_UNITS) this.#remember(text, slug.key);
    return slug.key;
  }

  get size(): number {
    return this.#keys.size;
  }

  #remember(text: string, key: string): void {
    const [oldest] = this.#keys.keys();
    if (this.#keys.size >= MAX_REMEMBERED_SLUGS && oldest !== undefined) this.#keys.delete(oldest);
    this.#keys.set(text, key);
  }
}
