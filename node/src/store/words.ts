// The words of a text, as search knows them: any script, case and accents folded, the same on every store. Pure.
//
// Scripts that put no blanks between words (Chinese, Japanese, Thai and others) have no words that two readers, or two
// versions of a dictionary, would cut alike. There a text counts as its characters and its pairs of neighbours: whoever
// searches for a piece of it finds it.

import { foldCase } from "./case-fold.ts";

/** Distinct words kept of one message; what is beyond is not found by them. */
export const MAX_WORDS = 400;
/** UTF-16 units; longer words are cut, in texts and in searches alike. */
const MAX_WORD_CHARS = 48;
/** What folding makes of a text may be longer than it was. */
const MAX_FOLDED_CHARS = 24_000;

const WORDS = new Intl.Segmenter("und", { granularity: "word" });
const GRAPHEMES = new Intl.Segmenter("und", { granularity: "grapheme" });
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\u30fc\p{M}]+/gu;
const UNSPACED_LETTER =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
/** Accents of Latin, Greek and Cyrillic letters, points of Hebrew and Arabic ones: many people leave them out. */
const ACCENTS = /[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0640\u064b-\u065f\u0670]/g;
const EMOJI = /\p{Extended_Pictographic}/u;
const VARIATION_SELECTORS = /[\ufe0e\ufe0f]/g;

/** Distinct, in the order of the text, at most MAX_WORDS. */
export function wordsOf(text: string): readonly string[] {
  return collect(text, MAX_WORDS, (graphemes) => [...graphemes, ...pairsOf(graphemes)]);
}

/** The words that a message must hold to be found by `text`; at most `limit`, the first ones. */
export function searchWordsOf(text: string, limit: number): readonly string[] {
  return collect(text, limit, (graphemes) => (graphemes.length === 1 ? graphemes : pairsOf(graphemes)));
}

function collect(
  text: string,
  limit: number,
  partsOf: (graphemes: readonly string[]) => readonly string[],
): readonly string[] {
  const words = new Set<string>();
  for (const { run, isUnspaced } of runsOf(fold(text))) {
    const found = isUnspaced ? partsOf(graphemesOf(run)) : spacedWordsOf(run);
    for (const word of found) {
      if (words.size >= limit) return [...words];
      words.add(word.slice(0, MAX_WORD_CHARS));
    }
  }
  return [...words];
}

function fold(text: string): string {
  const folded = foldCase(text, "NFKC").slice(0, MAX_FOLDED_CHARS);
  return folded.normalize("NFKD").replace(ACCENTS, "").normalize("NFKC").replace(VARIATION_SELECTORS, "");
}

function runsOf(text: string): readonly { readonly run: string; readonly isUnspaced: boolean }[] {
  const runs: { run: string; isUnspaced: boolean }[] = [];
  let end = 0;
  for (const match of text.matchAll(UNSPACED)) {
    if (!UNSPACED_LETTER.test(match[0])) continue;
    runs.push({ run: text.slice(end, match.index), isUnspaced: false });
    runs.push({ run: match[0], isUnspaced: true });
    end = match.index + match[0].length;
  }
  runs.push({ run: text.slice(end), isUnspaced: false });
  return runs;
}

function spacedWordsOf(run: string): readonly string[] {
  const words: string[] = [];
  for (const { segment, isWordLike } of WORDS.segment(run))
    if (isWordLike === true || EMOJI.test(segment)) words.push(segment);
  return words;
}

function graphemesOf(run: string): readonly string[] {
  return Array.from(GRAPHEMES.segment(run), ({ segment }) => segment);
}

function pairsOf(graphemes: readonly string[]): readonly string[] {
  return graphemes.slice(1).map((grapheme, index) => `${graphemes[index] ?? ""}${grapheme}`);
}
