// The documents keep pace with the code.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { MessageType, SerfType } from "../src/wire/message-type.ts";

const wire = readFileSync(new URL("../WIRE.md", import.meta.url), "utf8");

/** The part of WIRE.md under a heading, up to the next of its level. */
function section(heading: string): string {
  const begin = wire.indexOf(`\n## ${heading}\n`);
  expect(begin).toBeGreaterThan(0);
  const end = wire.indexOf("\n## ", begin + 1);
  return wire.slice(begin, end < 0 ? undefined : end);
}

/** "### 4 alive" and the like: number to name. */
function headings(text: string): Record<string, number> {
  const found = [...text.matchAll(/^### (0x[0-9a-f]+|\d+) (\w+)/gm)];
  return Object.fromEntries(found.map(([, number, name]) => [name, Number(number)]));
}

describe("WIRE.md", () => {
  test.each([
    ["memberlist", "Messages of memberlist", MessageType],
    ["Serf", "Messages of Serf", SerfType],
  ])("describes every message of %s under its number, and none that the code does not have", (_, heading, types) => {
    expect(headings(section(heading))).toEqual({ ...types });
  });

  test("says of every message its bytes, the limit and the reference", () => {
    for (const heading of ["Messages of memberlist", "Messages of Serf"]) {
      for (const part of section(heading).split("\n### ").slice(1)) {
        const [title] = part.split("\n");
        expect(`${title}: ${/^- Limit: /m.test(part)}`).toBe(`${title}: true`);
        expect(`${title}: ${/^- Reference: /m.test(part)}`).toBe(`${title}: true`);
        expect(`${title}: ${/^ {4}\S/m.test(part)}`).toBe(`${title}: true`);
      }
    }
  });
});
