/** A face for people without a picture: their initials on a colour that is always the same for them. */

/** One or two graphemes: first letters of the first and last word, or the first emoji. */
export function initials(name: string): string {
  const words = name
    .trim()
    .split(/\s+/)
    .filter((word) => word !== "");
  const picked = words.length > 1 ? [words[0] ?? "", words.at(-1) ?? ""] : words;
  const first = picked.map((word) => firstGrapheme(word));
  return first.join("").toLocaleUpperCase() || "?";
}

function firstGrapheme(text: string): string {
  for (const { segment } of new Intl.Segmenter().segment(text)) return segment;
  return "";
}

/** 0 to 359; FNV-1a with a last stir (murmur3), so that similar ids differ. */
export function hueOf(id: string): number {
  let hash = 0x811c9dc5;
  for (const char of id) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return ((hash ^ (hash >>> 13)) >>> 0) % 360;
}
