/** Addresses of rooms. The node has the last word; this only helps while typing. */

/** What a person types or pastes as a room: a whole link of ours, a path, or the bare address. */
export function slugFromInput(input: string): string {
  const text = input.trim();
  const match = /(?:^|\/)r\/([^/?#]+)/.exec(text);
  if (match?.[1] !== undefined) return decode(match[1]);
  if (/^https?:\/\//.test(text)) return decode(text.replace(/^https?:\/\/[^/]+\/?/, "").split(/[/?#]/)[0] ?? "");
  return text.replace(/^\/+/, "");
}

/** Turns a title into an address that is likely to be allowed: blanks become dashes, what cannot be is left out. */
export function slugFromTitle(title: string): string {
  return title
    .normalize("NFC")
    .trim()
    .toLowerCase()
    .replace(/\s+/g, "-")
    .replace(/[^\p{L}\p{N}\p{M}\p{Extended_Pictographic}\u200d\ufe0f\u{1f3fb}-\u{1f3ff}\u{1f1e6}-\u{1f1ff}_-]/gu, "")
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
