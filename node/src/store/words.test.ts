import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { MAX_WORDS, searchWordsOf, wordsOf } from "./words.ts";

describe("words", () => {
  test("[T87] are folded, distinct and in order", () => {
    expect(wordsOf("The CAFÉ, the café! it's 3pm")).toEqual(["the", "cafe", "it's", "3pm"]);
    expect(wordsOf("Straße ﬁne Ελλάς ЁЖ")).toEqual(["strasse", "fine", "ελλασ", "еж"]);
  });

  test("[T87] of scripts without blanks are characters and pairs, for a search pairs alone", () => {
    expect(wordsOf("go 東京都!")).toEqual(["go", "東", "京", "都", "東京", "京都"]);
    expect(searchWordsOf("go 東京都!", 8)).toEqual(["go", "東京", "京都"]);
    expect(searchWordsOf("都", 8)).toEqual(["都"]);
  });

  test("[T87] of nothing, blanks and marks alone are none", () => {
    for (const text of ["", " \n\t", "...!?", "\u0301\u0301"]) expect(wordsOf(text)).toEqual([]);
  });

  test("[T87] are bounded, whatever the text", () => {
    const many = Array.from({ length: 2_000 }, (_, index) => `w${index}`).join(" ");
    expect(wordsOf(many)).toHaveLength(MAX_WORDS);
    expect(wordsOf("\ufdfa".repeat(20_000)).length).toBeLessThanOrEqual(MAX_WORDS);
    expect(wordsOf("x".repeat(5_000))).toEqual(["x".repeat(48)]);
  });

  // For every text: a search for it asks only for words that it is kept under, and no word holds a blank.
  test("[T87] a text is always found by itself", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 80 }), (text) => {
        const kept = new Set(wordsOf(text));
        for (const word of searchWordsOf(text, 8)) expect(kept.has(word)).toBe(true);
        for (const word of kept) expect(word).not.toMatch(/^$|\s/);
      }),
      { seed: 20_261_122, numRuns: 300 },
    );
  });
});
