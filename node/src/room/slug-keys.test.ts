import { expect, test } from "@jest/globals";
import { parseSlug } from "./slug.ts";
import { MAX_REMEMBERED_SLUGS, SlugKeys } from "./slug-keys.ts";

test("the key of a name is the same however often it is asked for, and what is no name has none", () => {
  const keys = new SlugKeys();
  const names = ["Tea", "tea", "❤", "❤\ufe0f", "ÉTÉ", "e\u0301te\u0301", "1", "", "a b", "admin", "x".repeat(64)];
  for (let times = 0; times < 2; times += 1)
    for (const name of names) {
      const parsed = parseSlug(name);
      expect([name, keys.keyOf(name)]).toEqual([name, parsed.ok ? parsed.key : undefined]);
    }
});

test("the table of names is bounded, whoever asks for what", () => {
  const keys = new SlugKeys();
  for (let n = 0; n < 3 * MAX_REMEMBERED_SLUGS; n += 1) keys.keyOf(`room-${n}`);
  expect(keys.size).toBe(MAX_REMEMBERED_SLUGS);
  expect(keys.keyOf("room-0")).toBe("room-0");
});
