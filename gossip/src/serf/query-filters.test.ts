import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { nodeName } from "../types.ts";
import { compileExpression } from "./expression.ts";
import { filtersOf, matchesFilters } from "./query-filters.ts";

const self = { name: nodeName("web-1"), tags: { role: "web", dc: "eu-17" } };

describe("[Q1] filters", () => {
  test.each([
    ["none", {}, true],
    ["our name among others", { nodes: ["db-1", "web-1"] }, true],
    ["other names", { nodes: ["db-1"] }, false],
    ["a part of a tag", { tags: { role: "e" } }, true],
    ["an anchored expression", { tags: { dc: "^eu-\\d+$" } }, true],
    ["another value", { tags: { dc: "^us" } }, false],
    ["a missing tag that may be empty", { tags: { rack: "^$" } }, true],
    ["a missing tag that must not be empty", { tags: { rack: "." } }, false],
    ["one of two tags that does not pass", { tags: { role: "web", dc: "us" } }, false],
    ["our name, but another tag", { nodes: ["web-1"], tags: { role: "db" } }, false],
    ["a bad expression", { tags: { role: "(" } }, false],
    ["a tag named as something every object has", { tags: { constructor: "." } }, false],
  ])("%s", (_what, options, matches) => {
    expect(matchesFilters(filtersOf(options), self)).toBe(matches);
  });

  test("[Q1] one that cannot be read passes nobody", () => {
    expect(matchesFilters([{ kind: "unknown" }], self)).toBe(false);
  });
});

describe("[Q2] expressions", () => {
  test.each([
    ["b", "abc", true],
    ["^b", "abc", false],
    ["", "", true],
    ["(?i)WEB", "xwebx", true],
    ["(?i:W)eb", "wEb", false],
    ["(?i)[^a]", "A", false],
    ["(?P<n>a)b", "ab", true],
    ["(?<n>a)b", "ab", true],
    ["a{2,3}$", "aaaa", true],
    ["^a{2,3}$", "aaaa", false],
    ["^a{2,}$", "aaaa", true],
    ["a{,2}", "a{,2}", true],
    ["a{x", "a{x", true],
    ["[[:alpha:]]+\\d", "ab1", true],
    ["^[[:^digit:]]$", "7", false],
    ["[]a]", "]", true],
    ["[a-]", "-", true],
    ["\\bweb\\b", "a web b", true],
    ["\\bweb\\b", "aweb", false],
    ["\\Aa\\z", "a", true],
    ["a.c", "a\nc", false],
    ["(?s)a.c", "a\nc", true],
    ["(?m)^b$", "a\nb\nc", true],
    ["^b$", "a\nb\nc", false],
    ["^\\Qa.b\\E+$", "a.b+", false],
    ["^\\Qa.b\\E+$", "a.bb", true],
    ["\\x41\\x{1f600}", "A\u{1f600}", true],
    ["a.c", "a\u{1f600}c", true],
    ["(a|b)*c", "ababc", true],
    ["^(a*)*$", "aaa", true],
    ["^(|a)+$", "aaa", true],
    ["a+?b", "aab", true],
  ])("%s in %j", (expression, text, matches) => {
    expect(compileExpression(expression)?.(text)).toBe(matches);
  });

  test.each([
    "(",
    ")",
    "[",
    "[b-a]",
    "*a",
    "a**",
    "a{2}{3}",
    "a{3,2}",
    "a{1001}",
    "\\",
    "\\1",
    "\\k<n>",
    "\\pL",
    "(?=a)",
    "(?<!a)",
    "(?",
    "(?)",
    "[[:nothing:]]",
    "(".repeat(65) + ")".repeat(65),
    "x".repeat(1025),
    "(a{1000}){1000}",
  ])("%s is none", (expression) => {
    expect(compileExpression(expression)).toBeUndefined();
  });

  test("what takes others years is over at once", () => {
    expect(compileExpression("^(a+)+$")?.(`${"a".repeat(500)}b`)).toBe(false);
    expect(compileExpression("(a|a)*(a|aa)+(.*.*.*.*)x$")?.("a".repeat(512))).toBe(false);
    expect(compileExpression(".*")?.("a".repeat(513))).toBe(false);
  });

  test("they find what JavaScript's find, where both have the same syntax", () => {
    const atom = fc.constantFrom("a", "b", ".", "[ab]", "[^a]", "\\d", "\\w", "\\b", "^", "$", "1");
    const { node } = fc.letrec<{ node: string }>((tie) => ({
      node: fc.oneof(
        { maxDepth: 4, depthSize: "medium" },
        atom,
        fc.tuple(tie("node"), tie("node")).map(([a, b]) => a + b),
        fc.tuple(tie("node"), tie("node")).map(([a, b]) => `(${a}|${b})`),
        fc.tuple(tie("node"), fc.constantFrom("*", "+", "?", "{1,2}", "{2}", "*?")).map(([a, q]) => `(${a})${q}`),
      ),
    }));
    const text = fc.string({ unit: fc.constantFrom("a", "b", "1", " ", "\n"), maxLength: 8 });
    fc.assert(
      fc.property(node, text, (expression, subject) => {
        expect(compileExpression(expression)?.(subject)).toBe(new RegExp(expression, "u").test(subject));
      }),
      { seed: 31, numRuns: 2000 },
    );
  });

  test("any text is an expression or none, in bounded time", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."ab(|)[]{}*+?\\^$.,:1-QEPx<>is"), maxLength: 40 }), (source) => {
        const matches = compileExpression(source);
        expect([true, false, undefined]).toContain(matches?.("ab1"));
      }),
      { seed: 32, numRuns: 2000 },
    );
  });
});
