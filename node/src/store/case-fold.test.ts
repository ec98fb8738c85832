import { describe, expect, test } from "@jest/globals";
import { foldCase, handleKeyOf } from "./case-fold.ts";

describe("case folding", () => {
  test.each([
    ["Straße", "STRASSE"],
    ["ΟΔΟΣ", "οδος"],
    ["ſun", "SUN"],
    ["Ünïcode", "ünïcode".normalize("NFD")],
    ["ЖУК", "жук"],
    ["ĲSSEL", "ĳssel"],
  ])("%s and %s are one", (one, other) => {
    expect(foldCase(one, "NFC")).toBe(foldCase(other, "NFC"));
  });

  test("handles meet across compatibility forms too", () => {
    expect(handleKeyOf("Ａｎｎａ")).toBe("anna");
    expect(handleKeyOf("ﬁona")).toBe("fiona");
  });

  test("folding twice changes nothing, for every character of the planes that know case", () => {
    for (const form of ["NFC", "NFKC"] as const) {
      for (let codePoint = 0; codePoint <= 0x1ffff; codePoint++) {
        if (codePoint >= 0xd800 && codePoint <= 0xdfff) continue;
        const folded = foldCase(String.fromCodePoint(codePoint), form);
        if (foldCase(folded, form) !== folded)
          throw new Error(`U+${codePoint.toString(16)} does not settle in ${form}`);
      }
    }
  });

  test("different letters stay different", () => {
    expect(foldCase("a", "NFC")).not.toBe(foldCase("а", "NFC"));
    expect(foldCase("o", "NFC")).not.toBe(foldCase("ö", "NFC"));
  });
});
