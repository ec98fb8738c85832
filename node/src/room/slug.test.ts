import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { MAX_SLUG_GRAPHEMES, parseSlug } from "./slug.ts";

function accepted(text: string): { readonly slug: string; readonly key: string; readonly skeleton: string } {
  const parsed = parseSlug(text);
  if (!parsed.ok) throw new Error(`${JSON.stringify(text)} was refused: ${parsed.reason}`);
  return parsed;
}

function reason(text: string): string {
  const parsed = parseSlug(text);
  return parsed.ok ? "accepted" : parsed.reason;
}

describe("what may name a room", () => {
  test.each([
    "tran-family",
    "Gia_Đình_Trần",
    "семья",
    "οικογένεια",
    "家族",
    "かぞく",
    "가족",
    "परिवार",
    "क्षत्रिय",
    "عائلة",
    "משפחה",
    "ครอบครัว",
    "a",
    "room-101",
    "🏡",
    "🏡-tran-family",
    "-_-",
  ])("[T50] %s is a name in its own script", (text) => {
    expect(accepted(text).slug).toBe(text.normalize("NFC"));
  });

  test.each([
    ["a family joined by ZWJ", "👨‍👩‍👧‍👦"],
    ["a skin tone", "👍🏽"],
    ["joined, toned and with a selector inside", "👩🏻‍❤️‍💋‍👨🏽"],
    ["a flag of two regional letters", "🇻🇳"],
    ["a flag of tags", "🏴󠁧󠁢󠁳󠁣󠁴󠁿"],
    ["a rainbow flag", "🏳️‍🌈"],
    ["a keycap", "1️⃣"],
    ["a heart with its variation selector", "❤️"],
  ])("[T51] an emoji counts as one: %s", (_, emoji) => {
    expect(accepted(emoji).slug).toBe(emoji);
    expect(accepted(emoji.repeat(MAX_SLUG_GRAPHEMES)).slug).toBe(emoji.repeat(MAX_SLUG_GRAPHEMES));
    expect(reason(emoji.repeat(MAX_SLUG_GRAPHEMES + 1))).toBe("too_long");
  });

  test.each([
    ["❤", "❤️"],
    ["❤\ufe0e", "❤️"],
    ["🏳‍🌈", "🏳️‍🌈"],
    ["👩‍❤‍👨", "👩‍❤️‍👨"],
    ["☎", "☎️"],
    ["1\u20e3", "1️⃣"],
    ["☝🏽", "☝🏽"],
  ])("[T51] an emoji without its variation selectors is the same emoji: %j", (short, full) => {
    expect(accepted(short)).toEqual(accepted(full));
    expect(accepted(short).slug).toBe(full);
  });

  test.each([
    ["", "empty"],
    ["x".repeat(65), "too_long"],
    ["x".repeat(100_000), "too_long"],
    ["a b", "bad_character"],
    ["a/b", "bad_character"],
    ["a.b", "bad_character"],
    ["a%20b", "bad_character"],
    ["a\0", "bad_character"],
    ["a\nb", "bad_character"],
    ["<script>", "bad_character"],
    ["\ud83c", "bad_character"],
    ["🇻", "bad_character"],
    ["👍🏽🏽", "bad_character"],
    ["a🏽", "bad_character"],
    ["½", "bad_character"],
    ["Ⅷ", "bad_character"],
    ["\u0301a", "bad_character"],
    ["-\u0301", "bad_character"],
    ["123", "only_digits"],
    ["１２３", "only_digits"],
    ["٣٤", "only_digits"],
  ])("[T52] %j is refused: %s", (text, expected) => {
    expect(reason(text)).toBe(expected);
  });

  test.each([
    ["the Hangul filler", "\u3164"],
    ["a zero width space", "a\u200bb"],
    ["a joiner between letters", "a\u200db"],
    ["a soft hyphen", "a\u00adb"],
    ["a variation selector on a letter", "a\ufe0f"],
    ["a right-to-left override", "a\u202eb"],
    ["a letter under many marks", "z\u0335\u0321\u0327\u0328"],
    ["a private use character", "\ue000"],
  ])("[T52] what cannot be seen or read is refused: %s", (_, text) => {
    expect(reason(text)).toBe("bad_character");
  });

  test("[T53] words of the service are refused in any case and in any disguise", () => {
    for (const text of ["admin", "ADMIN", "v1", "аdmin", "adrnin", "l0gin", "ＡＰＩ", "APІ"]) {
      expect([text, reason(text)]).toEqual([text, "reserved"]);
    }
    for (const text of ["admins", "my-admin", "loginn", "家"]) expect(reason(text)).toBe("accepted");
  });
});

describe("when two names are one, or look alike", () => {
  test.each([
    ["Tran", "tRAN"],
    ["é", "e\u0301"],
    ["STRASSE", "straße"],
    ["ΟΔΟΣ", "οδος"],
  ])("[T54] %s and %s are one room", (one, other) => {
    expect(accepted(one).key).toBe(accepted(other).key);
  });

  test.each([
    ["tran", "trân"],
    ["tran-a", "tran_a"],
    ["mail", "mall"],
    ["🏡", "🏠"],
    ["мир", "mir"],
    ["home-1", "home-2"],
    ["家", "冢"],
  ])("[T55] %s and %s are neither one room nor alike", (one, other) => {
    expect(accepted(one).key).not.toBe(accepted(other).key);
    expect(accepted(one).skeleton).not.toBe(accepted(other).skeleton);
  });

  test.each([
    ["paypal", "pаypаl"],
    ["paypal", "PayPaI"],
    ["paypal", "paypa1"],
    ["google", "g00gle"],
    ["modern", "modem"],
    ["wave", "vvave"],
    ["HELLO", "НЕLLО"],
    ["corona", "соrоnа"],
    ["kappa", "κappa"],
    ["nova", "nοva"],
    ["family", "ｆａｍｉｌｙ"],
    ["irene", "Ιrene"],
    ["api-fans", "ＡＰＩ-fans"],
    ["👍🏻-yes", "👍🏿-yes"],
  ])("[T56] %s and %s are two names that look alike", (one, other) => {
    expect(accepted(one).key).not.toBe(accepted(other).key);
    expect(accepted(one).skeleton).toBe(accepted(other).skeleton);
  });

  // Whatever is asked for: an answer, and accepted names are stable (parsing what came out changes nothing) and storable.
  test("[T57] parsing never throws, and its results parse to themselves", () => {
    const piece = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string({ unit: "grapheme" }),
      fc.constantFrom(
        "🏡",
        "👨‍👩‍👧‍👦",
        "é",
        "ß",
        "I",
        "İ",
        "ı",
        "-",
        "_",
        "7",
        "क्ष",
        "한",
        "\ufe0f",
        "\u200d",
        "❤",
        "🏽",
      ),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
        const parsed = parseSlug(pieces.join(""));
        if (!parsed.ok) return;
        expect(parseSlug(parsed.slug)).toEqual(parsed);
        expect(parseSlug(parsed.slug.toUpperCase())).not.toMatchObject({ key: "" });
        expect(accepted(parsed.slug).key.length).toBeLessThanOrEqual(1024);
        expect(parsed.skeleton.normalize("NFKC")).toBe(parsed.skeleton);
      }),
      { seed: 20_261_122, numRuns: 2000 },
    );
  });
});
