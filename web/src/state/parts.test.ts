import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import type { MeshResponse, MeshTrunk } from "../../../client-sdk/src/index.ts";
import { digitsOf, minorOf } from "./amounts.ts";
import { hueOf, initials } from "./avatar.ts";
import { chooseShown, gridFor, recentFirst } from "./grid.ts";
import { layOut } from "./map.ts";
import { typedMention, whoFits, withMention } from "./mentions.ts";
import { routeOf } from "./routes.ts";
import { roomPath, slugFromInput, slugFromTitle } from "./slug.ts";
import { splitOf } from "./split.ts";
import { isOnlyEmoji, piecesOf, startsGroup } from "./text.ts";
import { lossRatioOf, ratesOf } from "./trunks.ts";
import { fill, LOCALES, pickLocale } from "./words.ts";

test("every language has the same words, with the same names to fill in", () => {
  const read = (locale: string): Record<string, string> =>
    JSON.parse(readFileSync(join(import.meta.dirname, `../locales/${locale}.json`), "utf8"));
  const english = read("en");
  const names = (text: string): string[] => [...text.matchAll(/\{\w+\}/g)].map(([name]) => name).sort();
  for (const locale of LOCALES) {
    const words = read(locale);
    expect(Object.keys(words)).toEqual(Object.keys(english));
    for (const [key, text] of Object.entries(words))
      expect([key, names(text)]).toEqual([key, names(english[key] ?? "")]);
  }
});

test("the language is the first wanted one that we speak", () => {
  expect(pickLocale(["fr-FR", "nl-BE", "en"])).toBe("nl");
  expect(pickLocale(["VI"])).toBe("vi");
  expect(pickLocale(["xx"])).toBe("en");
});

test("texts are filled by name, and what has no value stays", () => {
  expect(fill("{a} and {b}", { a: 1 })).toBe("1 and {b}");
});

test("addresses lead to their pages, rooms keep their emoji", () => {
  expect(routeOf("/")).toEqual({ page: "home" });
  expect(routeOf("/mesh")).toEqual({ page: "mesh" });
  expect(routeOf(roomPath("🏡-tran-family"))).toEqual({ page: "room", slug: "🏡-tran-family" });
  expect(routeOf("/r/a/b")).toEqual({ page: "notFound" });
  expect(routeOf("/r/%E0%A4%A")).toEqual({ page: "room", slug: "%E0%A4%A" });
});

test("a room is found from a link, a path or its bare address", () => {
  for (const input of ["https://a.test/r/%F0%9F%8F%A1-x?y#z", "/r/🏡-x", "🏡-x", " 🏡-x "])
    expect(slugFromInput(input)).toBe("🏡-x");
});

test("a title becomes an address that keeps letters of any script and whole emoji", () => {
  expect(slugFromTitle("🏡 Tran Family!")).toBe("🏡-tran-family");
  expect(slugFromTitle("Đội bóng ⚽ 2026")).toBe("đội-bóng-⚽-2026");
  expect(slugFromTitle("👨‍👩‍👧 & 👍🏽 / 🇳🇱")).toBe("👨‍👩‍👧-👍🏽-🇳🇱");
  expect(slugFromTitle(" -- ")).toBe("");
});

test("tiles fill the stage: one column on a phone for two, two by two for four", () => {
  expect(gridFor(1, 390, 700)).toEqual({ columns: 1, rows: 1 });
  expect(gridFor(2, 390, 700)).toEqual({ columns: 1, rows: 2 });
  expect(gridFor(2, 1280, 700)).toEqual({ columns: 2, rows: 1 });
  expect(gridFor(4, 390, 700)).toEqual({ columns: 2, rows: 2 });
  expect(gridFor(4, 1280, 700)).toEqual({ columns: 2, rows: 2 });
});

test("a grid always has room for everybody", () => {
  const size = fc.integer({ min: 1, max: 4_000 });
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 60 }), size, size, (count, width, height) => {
      const { columns, rows } = gridFor(count, width, height);
      return columns * rows >= count && columns >= 1 && rows >= 1;
    }),
    { seed: 21, numRuns: 200 },
  );
});

test("when there is not room for all, nobody who speaks is left out", () => {
  const ids = ["a", "b", "c", "d", "e"];
  expect(chooseShown(ids, [], 9)).toEqual(ids);
  expect(chooseShown(ids, ["e"], 3)).toEqual(["a", "b", "e"]);
  expect(chooseShown(ids, ["e", "b"], 3)).toEqual(["a", "b", "e"]);
  expect(chooseShown(ids, ["e", "d", "c", "b"], 2)).toHaveLength(2);
});

test("faces are the first and last initials, or an emoji, on a colour of their own", () => {
  expect(initials("Hương Thị Lê")).toBe("HL");
  expect(initials("👩‍🚀 zoe")).toBe("👩‍🚀Z");
  expect(initials("  ")).toBe("?");
  expect(hueOf("a")).not.toBe(hueOf("b"));
});

test("web addresses become links without the full stop behind them", () => {
  expect(piecesOf("see https://a.test/x?y=1. ok")).toEqual([
    { kind: "text", text: "see " },
    { kind: "link", text: "https://a.test/x?y=1", href: "https://a.test/x?y=1" },
    { kind: "text", text: ". ok" },
  ]);
  expect(piecesOf("javascript:alert(1)")).toEqual([{ kind: "text", text: "javascript:alert(1)" }]);
});

test("the pieces of a text are the text", () => {
  fc.assert(
    fc.property(
      fc.string(),
      (text) =>
        piecesOf(text)
          .map((piece) => piece.text)
          .join("") === text,
    ),
    { seed: 22, numRuns: 300 },
  );
});

test("only a few emoji alone are shown large", () => {
  expect(isOnlyEmoji("😍🌸")).toBe(true);
  expect(isOnlyEmoji("🇳🇱")).toBe(true);
  expect(isOnlyEmoji("😍 ok")).toBe(false);
  expect(isOnlyEmoji("12")).toBe(false);
  expect(isOnlyEmoji("😍😍😍😍")).toBe(false);
});

test("messages of one author stand together until time passes", () => {
  const said = (authorId: string, minutes: number) => ({ id: "", authorId, sentAtMs: minutes * 60_000 });
  expect(startsGroup(undefined, said("a", 0))).toBe(true);
  expect(startsGroup(said("a", 0), said("a", 4))).toBe(false);
  expect(startsGroup(said("a", 0), said("a", 6))).toBe(true);
  expect(startsGroup(said("a", 0), said("b", 1))).toBe(true);
});

const trunk = (bytes: number): MeshTrunk => ({
  from: "a",
  to: "b",
  state: "connected",
  egressStreams: 1,
  ingressStreams: 1,
  packetsSent: 1,
  packetsReceived: 90,
  bytesSent: bytes,
  bytesReceived: bytes,
  packetsLost: 10,
  packetsRepaired: 0,
});
const reading = (bytes: number): MeshResponse => ({ self: "a", nodes: [], rtts: [], trunks: [trunk(bytes)] });

test("a trunk's rate comes from two readings; one that began anew has none yet", () => {
  expect([...ratesOf(undefined, reading(1_000), 1_000)]).toEqual([]);
  expect(ratesOf(reading(1_000), reading(2_000), 2_000).get("a → b")).toEqual({ outBps: 4_000, inBps: 4_000 });
  expect([...ratesOf(reading(2_000), reading(1_000), 1_000)]).toEqual([]);
  expect(lossRatioOf(trunk(0))).toBeCloseTo(0.1);
});

test("the map draws near nodes near, far nodes far, and always the same", () => {
  const rtts = [
    { from: "a", to: "b", rttMs: 10 },
    { from: "a", to: "c", rttMs: 200 },
    { from: "b", to: "c", rttMs: 200 },
  ];
  const points = layOut(["a", "b", "c"], rtts);
  const far = (x: string, y: string): number => {
    const [p, q] = [points.get(x), points.get(y)];
    return Math.hypot((p?.x ?? 0) - (q?.x ?? 0), (p?.y ?? 0) - (q?.y ?? 0));
  };
  expect(far("a", "c")).toBeGreaterThan(3 * far("a", "b"));
  expect(layOut(["a", "b", "c"], rtts)).toEqual(points);
  for (const { x, y } of points.values()) expect(x >= 0 && x <= 1 && y >= 0 && y <= 1).toBe(true);
});

test("amounts are read as people write them, without rounding", () => {
  expect(["12,50", "12.5", "12", "0.01"].map((text) => minorOf(text, "EUR"))).toEqual([1250, 1250, 1200, 1]);
  expect(minorOf("250000", "VND")).toBe(250_000);
  expect(["", "0", "-1", "1.234", "1e3", "1 000", "9".repeat(20)].map((text) => minorOf(text, "EUR"))).toEqual(
    Array.from({ length: 7 }, () => undefined),
  );
  expect([digitsOf("JPY"), digitsOf("KWD")]).toEqual([0, 3]);
});

test("an @ before the caret asks for people, a mail address does not", () => {
  expect(typedMention("Phở for @mi tonight", 11)).toEqual({ start: 8, query: "mi" });
  expect(typedMention("@", 1)).toEqual({ start: 0, query: "" });
  expect(typedMention("mail me@home", 12)).toBeUndefined();
  expect(typedMention("@mi nh", 6)).toBeUndefined();
});

test("people fit by handle first, then by a word of their name without its accents; guests cannot be named", () => {
  const people = [
    { userId: "1", displayName: "Đức Minh", handle: "zed" },
    { userId: "2", displayName: "Oma" },
    { userId: "3", displayName: "Linh Trần", handle: "duc.tran" },
  ];
  expect(whoFits(people, "du").map(({ userId }) => userId)).toEqual(["3", "1"]);
  expect(whoFits(people, "TRAN").map(({ userId }) => userId)).toEqual(["3"]);
  expect(whoFits(people, "oma")).toEqual([]);
  expect(withMention("Hi @zE there", { start: 3, query: "zE" }, "zed")).toEqual({ text: "Hi @zed there", caret: 8 });
});

test("names stand out only where the message names somebody", () => {
  expect(piecesOf("a @linh b", { mentions: true }).map(({ kind }) => kind)).toEqual(["text", "mention", "text"]);
  expect(piecesOf("a @linh b")).toHaveLength(1);
  expect(piecesOf("https://a.test/@linh", { mentions: true })[0]?.kind).toBe("link");
});

test("whoever spoke last comes first, once", () => {
  expect(recentFirst(["a", "b"], ["c", "b"])).toEqual(["c", "b", "a"]);
  expect(
    recentFirst(
      Array.from({ length: 100 }, (_, i) => String(i)),
      ["x"],
    ),
  ).toHaveLength(100);
});

test("exact parts of an expense must add up to the last minor unit, and say what is left", () => {
  const people = ["a", "b", "c"];
  const exact = (...texts: string[]) =>
    splitOf({
      way: "exact",
      people,
      typed: new Map(texts.map((text, index) => [people[index] ?? "", text])),
      amountMinor: 2_550,
      currency: "EUR",
    });
  expect(exact("20", "5,5").shares).toEqual([
    { userId: "a", exactMinor: 2_000 },
    { userId: "b", exactMinor: 550 },
  ]);
  expect(exact("20")).toMatchObject({ shares: undefined, restMinor: 550 });
  expect(exact("20", "6")).toMatchObject({ shares: undefined, restMinor: -50 });
  expect(exact("20", "x").wrong).toEqual(new Set(["b"]));
});

test("shares are whole numbers, one unless said otherwise, and nobody shares nothing", () => {
  const way = (typed: Record<string, string>, people = ["a", "b"]) =>
    splitOf({ way: "weight", people, typed: new Map(Object.entries(typed)), amountMinor: 100, currency: "VND" });
  expect(way({ a: "2" }).shares).toEqual([
    { userId: "a", weight: 2 },
    { userId: "b", weight: 1 },
  ]);
  expect(way({ a: "0" }).shares).toEqual([{ userId: "b", weight: 1 }]);
  expect(way({ a: "0", b: "0" }).shares).toBeUndefined();
  expect(way({ a: "1.5" }).wrong.size).toBe(1);
  const equal = { way: "equal", people: [], typed: new Map(), amountMinor: 1, currency: "EUR" } as const;
  expect(splitOf(equal).shares).toBeUndefined();
});
