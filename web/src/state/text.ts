/** What people wrote, cut into what is shown. Pure. */
import { mentionsIn } from "./mentions.ts";

export type Piece =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "mention"; readonly text: string }
  | { readonly kind: "link"; readonly text: string; readonly href: string };

const LINK = /https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]}'’]/g;

/** Web addresses become links, `@handle` a name where the message names anybody; nothing else is interpreted. */
export function piecesOf(text: string, { mentions = false } = {}): readonly Piece[] {
  const pieces = linksOf(text);
  return mentions ? pieces.flatMap((piece) => (piece.kind === "text" ? namesOf(piece.text) : [piece])) : pieces;
}

const namesOf = (text: string): readonly Piece[] =>
  mentionsIn(text).map((piece) => ({ kind: piece.isMention ? "mention" : "text", text: piece.text }));

function linksOf(text: string): readonly Piece[] {
  const pieces: Piece[] = [];
  let end = 0;
  for (const match of text.matchAll(LINK)) {
    if (match.index > end) pieces.push({ kind: "text", text: text.slice(end, match.index) });
    pieces.push({ kind: "link", text: match[0], href: match[0] });
    end = match.index + match[0].length;
  }
  if (end < text.length) pieces.push({ kind: "text", text: text.slice(end) });
  return pieces;
}

/** One to three emoji and nothing else are shown large. */
export function isOnlyEmoji(text: string): boolean {
  const trimmed = text.trim();
  if (trimmed === "" || trimmed.length > 40) return false;
  const graphemes = [...new Intl.Segmenter().segment(trimmed)].map(({ segment }) => segment);
  return (
    graphemes.length <= 3 &&
    graphemes.every((segment) => /\p{Extended_Pictographic}|\p{Regional_Indicator}{2}/u.test(segment))
  );
}

export interface Written {
  readonly id: string;
  readonly authorId: string;
  readonly sentAtMs: number;
}

/** Messages of one author within a few minutes stand together under one name. */
export function startsGroup(before: Written | undefined, now: Written): boolean {
  if (before === undefined || before.authorId !== now.authorId) return true;
  return now.sentAtMs - before.sentAtMs > 5 * 60_000 || !sameDay(before.sentAtMs, now.sentAtMs);
}

export function sameDay(a: number, b: number): boolean {
  return new Date(a).toDateString() === new Date(b).toDateString();
}

export function timeOf(ms: number, locale: string): string {
  return new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" }).format(ms);
}

export function dayOf(
  ms: number,
  nowMs: number,
  words: { readonly locale: string; readonly today: string; readonly yesterday: string },
): string {
  if (sameDay(ms, nowMs)) return words.today;
  if (sameDay(ms, nowMs - 86_400_000)) return words.yesterday;
  return new Intl.DateTimeFormat(words.locale, { weekday: "long", day: "numeric", month: "long" }).format(ms);
}
