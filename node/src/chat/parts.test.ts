import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { MessageRecord } from "../store/archive.ts";
import { linksOf, MAX_LINKS } from "./links.ts";
import { handlesIn, MAX_NAMED } from "./mentions.ts";
import { MAX_TOLD_REACTORS, SOMEONE_WHO_LEFT, toChatMessage } from "./message-view.ts";
import { reactionKindOf } from "./reaction-kind.ts";

describe("links", () => {
  test("[A90] end where the address ends, each once", () => {
    const text =
      "see https://a.example/x?y=1#z, (http://b.example/c_(d)) and [https://c.example/]. HTTPS://A.example/ü！ https://a.example/x?y=1#z";
    expect(linksOf(text)).toEqual([
      "https://a.example/x?y=1#z",
      "http://b.example/c_(d)",
      "https://c.example/",
      "HTTPS://A.example/ü",
    ]);
  });

  test("[A90] are web addresses only, without names and passwords, and so many", () => {
    for (const text of [
      "javascript:alert(1) data:text/html,x ftp://a.example mailto:a@b.example",
      "https:// http://",
      "https://bank.example@evil.example/ https://user:pass@a.example",
      `https://a.example/${"x".repeat(3_000)}`,
    ])
      expect(linksOf(text)).toEqual([]);
    const many = Array.from({ length: 50 }, (_, index) => `https://a.example/${index}`).join(" ");
    expect(linksOf(many)).toHaveLength(MAX_LINKS);
  });

  test("[A90] are pieces of the text, whatever it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), fc.webUrl(), (noise, url) => {
        const text = `${noise} ${url} ${noise}`;
        for (const link of linksOf(text)) expect([text.includes(link), URL.canParse(link)]).toEqual([true, true]);
      }),
      { seed: 90, numRuns: 300 },
    );
  });
});

describe("mentions", () => {
  test("[A90] are handles after an @ that stands alone, each once by folded case", () => {
    expect(handlesIn("@Anna, @anna and @ёж! mail@example.org (@b.o.b)")).toEqual(["Anna", "ёж", "b.o.b"]);
    expect(handlesIn("@ a@b @@ @x")).toEqual([]);
    expect(handlesIn(Array.from({ length: 99 }, (_, index) => `@user${index}`).join(" "))).toHaveLength(MAX_NAMED);
  });
});

describe("kinds of reactions", () => {
  test("[A92] are one emoji, the same in every way of writing it", () => {
    expect([reactionKindOf("❤"), reactionKindOf("❤️"), reactionKindOf("❤︎")]).toEqual(["❤️", "❤️", "❤️"]);
    for (const emoji of ["👍", "👍🏿", "🇫🇷", "1️⃣", "👨‍👩‍👧‍👦"]) expect(reactionKindOf(emoji)).toBe(emoji);
    for (const text of ["", "a", "1", "👍👍", "👍 ", "\u200d", "<b>", "👍".repeat(30)])
      expect([text, reactionKindOf(text)]).toEqual([text, undefined]);
  });
});

describe("what clients are told of a message", () => {
  const record: MessageRecord = {
    ...{ id: "m1", roomId: "r", authorId: "anna", authorName: "Anna", text: "x", sentAtMs: 1, clientId: "c" },
    reactions: [{ kind: "👍", userIds: Array.from({ length: 30 }, (_, index) => `u${index}`) }],
  };

  test("[A92] a reaction counts everybody and names the first; only a reader's view says which are the reader's", () => {
    const [reaction] = toChatMessage(record, { viewerId: "u29" }).reactions ?? [];
    expect(reaction).toMatchObject({ count: 30, mine: true });
    expect(reaction?.userIds).toHaveLength(MAX_TOLD_REACTORS);
    expect(toChatMessage(record, { viewerId: "other" }).reactions?.[0]?.mine).toBe(false);
    expect(toChatMessage(record).reactions?.[0]).not.toHaveProperty("mine");
  });

  test("[A108] an author without an account is someone who left", () => {
    const seen = toChatMessage(record, { gone: new Set(["anna"]) });
    expect([seen.authorName, seen.authorLeft, seen.authorId]).toEqual([SOMEONE_WHO_LEFT, true, "anna"]);
    expect(toChatMessage(record, { gone: new Set(["bob"]) })).not.toHaveProperty("authorLeft");
  });
});
