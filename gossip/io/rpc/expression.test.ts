import { describe, expect, test } from "@jest/globals";
import { compileAnchored, ExpressionError } from "./expression.ts";

describe("matching", () => {
  test.each([
    ["web", "web", true],
    ["web", "web1", false],
    ["web.*", "web1", true],
    ["failed|left", "left", true],
    ["failed|left", "xleft", false],
    ["(?i)WEB", "web", true],
    ["(?P<n>a)b", "ab", true],
    ["[a-z]{2,4}-\\d+", "eu-17", true],
    ["a.c", "a\u{1f600}c", true],
    ["", "", true],
  ])("%s against %s", (expression, text, matches) => {
    expect(compileAnchored(expression)(text)).toBe(matches);
  });

  test("a text longer than any value can be does not match", () => {
    expect(compileAnchored(".*")("x".repeat(513))).toBe(false);
  });
});

describe("refused", () => {
  test.each(["(?=a)b", "(?<!a)b", "(a)\\1", "(", "[", "a)|(b", "*", "x".repeat(1100), "((a{500}){500}){500}"])(
    "%s is an error that says so",
    (expression) => {
      expect(() => compileAnchored(expression)).toThrow(ExpressionError);
    },
  );
});

describe("allowed, because time is bounded by the lengths", () => {
  test.each(["(a+)+", "(a|aa)*b?", "((a){2,})*", "a*a*a*a*a*"])("%s", (expression) => {
    expect(compileAnchored(expression)("a".repeat(500))).toBe(true);
    expect(compileAnchored(expression)(`${"a".repeat(500)}!`)).toBe(false);
  });

  test("what only looks like a repetition is none", () => {
    expect(compileAnchored("a\\+\\*\\+\\*b")("a+*+*b")).toBe(true);
    expect(compileAnchored("[+*|]+x")("+|*x")).toBe(true);
    expect(compileAnchored("(web|db)-\\d+")("db-3")).toBe(true);
  });
});
