/** Naming people while one writes: what is being typed after an @, who fits, and putting the name in. Pure. */

export interface Named {
  readonly userId: string;
  readonly displayName: string;
  readonly handle?: string;
}
/** What stands between the @ and the caret. */
export interface Typed {
  /** Of the @. */
  readonly start: number;
  readonly query: string;
}

/** People offered at a time. */
const MAX_OFFERED = 6;
/** As nodes read it: no letter before the @, or mail addresses would name people. */
const BEFORE_CARET = /(?<![\p{L}\p{N}\p{M}._-])@([\p{L}\p{N}\p{M}._-]{0,64})$/u;
const MENTION = /(?<![\p{L}\p{N}\p{M}._-])@[\p{L}\p{N}\p{M}._-]{2,64}/gu;

export function typedMention(text: string, caret: number): Typed | undefined {
  const match = BEFORE_CARET.exec(text.slice(0, caret));
  return match === null ? undefined : { start: match.index, query: match[1] ?? "" };
}

const fold = (text: string): string => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/đ/g, "d");

/** Whose handle, or a word of whose name, begins so: handles first. Without a handle nobody can be named. */
export function whoFits<T extends Named>(people: readonly T[], query: string): readonly (T & { handle: string })[] {
  const wanted = fold(query);
  const rank = ({ handle, displayName }: Named): number => {
    if (handle === undefined) return 3;
    if (fold(handle).startsWith(wanted)) return 0;
    return fold(displayName)
      .split(/\s+/)
      .some((word) => word.startsWith(wanted))
      ? 1
      : 3;
  };
  return people
    .filter((person): person is T & { handle: string } => rank(person) < 3)
    .sort((a, b) => rank(a) - rank(b) || (a.handle < b.handle ? -1 : 1))
    .slice(0, MAX_OFFERED);
}

/** The text with the whole handle in place of what was typed, and where the caret goes. */
export function withMention(
  text: string,
  typed: Typed,
  handle: string,
): { readonly text: string; readonly caret: number } {
  const before = `${text.slice(0, typed.start)}@${handle} `;
  const rest = text.slice(typed.start + 1 + typed.query.length).replace(/^ /, "");
  return { text: before + rest, caret: before.length };
}

/** Cut where people are named. */
export function mentionsIn(text: string): readonly { readonly text: string; readonly isMention: boolean }[] {
  const pieces: { text: string; isMention: boolean }[] = [];
  let end = 0;
  for (const match of text.matchAll(MENTION)) {
    if (match.index > end) pieces.push({ text: text.slice(end, match.index), isMention: false });
    pieces.push({ text: match[0], isMention: true });
    end = match.index + match[0].length;
  }
  if (end < text.length) pieces.push({ text: text.slice(end), isMention: false });
  return pieces;
}
