/** Addresses of rooms. The node has the last word; this only helps while typing. */

/** What a person types or pastes as a room: a whole link of ours, a path, or the bare address. */
export function slugFromInput(input: string): string {
  const text = input.trim();
  const match = /(?:^|\/)r\/([^/?#]+)/.exec(text);
  if (match?.[1] !== undefined) return decode(match[1]);
  if (/^https?:\/\//.test(text)) return decode(text.replace(/^https?:\/\/[^/]+\/?/, "").split(/[/?#]/)[0] ?? "");
  return text.replace(/^\/+/, "");
}

/** Whatever is no letter, digit, mark, part of an emoji (joiner and flags included), dash or underscore. */
const NOT_ALLOWED =
  /(?!\u200d|\ufe0f|\p{Emoji_Modifier}|\p{Regional_Indicator})[^\p{L}\p{N}\p{M}\p{Extended_Pictographic}_-]/gu;

/** Turns a title into an address that is likely to be allowed: blanks become dashes, what cannot be is left out. */
export function slugFromTitle(title: string): string {
  return title
    .normalize("NFC")
    .trim()
    .toLowerCase()
    .replace(/\s+/g, "-")
    .replace(NOT_ALLOWED, "")
    .replace(/-{2,}/g, "-")
    .replace(/^-|-$/g, "");
}

export const roomPath = (slug: string): string => `/r/${encodeURIComponent(slug)}`;

/** The link as people like to read it: emoji and letters stay themselves. */
export const roomLink = (origin: string, slug: string): string => `${origin}/r/${slug}`;

export function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
