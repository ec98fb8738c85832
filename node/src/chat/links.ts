/** Web addresses in a text. Pure. */

/** Told of one message; further ones are text only. */
export const MAX_LINKS = 20;
const MAX_LINK_CHARS = 2_048;

const CANDIDATE = /\bhttps?:\/\/[^\s<>"'`\p{Cc}\p{Cf}]+/giu;
/** What ends a sentence rather than an address. */
const TRAILING = /[.,;:!?…。、，！？»”’*_~]+$/u;

/** As written, in their order, each once; only what a browser would open as http or https. */
export function linksOf(text: string): readonly string[] {
  const links = new Set<string>();
  for (const [candidate] of text.matchAll(CANDIDATE)) {
    if (links.size === MAX_LINKS) break;
    const link = withoutLooseBrackets(candidate.replace(TRAILING, ""));
    if (link.length <= MAX_LINK_CHARS && isWebAddress(link)) links.add(link);
  }
  return [...links];
}

/** "(see http://a.b/c)" ends before the bracket, "http://a.b/c_(d)" after it. */
function withoutLooseBrackets(link: string): string {
  let end = link;
  for (const [open, close] of [
    ["(", ")"],
    ["[", "]"],
    ["{", "}"],
  ] as const)
    while (end.endsWith(close) && count(end, close) > count(end, open)) end = end.slice(0, -1).replace(TRAILING, "");
  return end;
}

const count = (text: string, char: string): number => text.split(char).length - 1;

/** Without a name and password in front of the host: those deceive. */
function isWebAddress(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  const isWeb = url.protocol === "http:" || url.protocol === "https:";
  return isWeb && url.username === "" && url.password === "" && url.hostname !== "";
}
