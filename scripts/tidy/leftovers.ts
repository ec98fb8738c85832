/** What must not be left in a tree that strangers read. Patterns are spelled in halves so that they do not find themselves. */
import { isTest, type SourceFile } from "./files.ts";

interface Leftover {
  readonly pattern: RegExp;
  readonly what: string;
  readonly where: "everywhere" | "tests" | "sources";
}

const LEFTOVERS: readonly Leftover[] = [
  {
    pattern: new RegExp(`\\b(?:${["TO" + "DO", "FIX" + "ME", "X" + "XX"].join("|")})\\b`),
    what: "a note of unfinished work",
    where: "everywhere",
  },
  {
    pattern: /\b(?:test|it|describe)\.(?:only|skip|todo)\b|\bx(?:it|describe)\(/,
    what: "a skipped or focused test",
    where: "tests",
  },
  { pattern: /catch\s*(?:\([^)]*\))?\s*\{\s*\}/, what: "a swallowed error", where: "sources" },
  { pattern: /\bMath\.random\(\)/, what: "unseeded chance", where: "tests" },
  { pattern: new RegExp(`@ts-${"ignore"}|@ts-${"nocheck"}`), what: "a silenced compiler", where: "everywhere" },
];

export function leftovers(files: readonly SourceFile[]): readonly string[] {
  const found: string[] = [];
  for (const file of files)
    for (const { pattern, what, where } of LEFTOVERS) {
      if (where !== "everywhere" && (where === "tests") !== isTest(file.path)) continue;
      const match = pattern.exec(file.text);
      if (match !== null) found.push(`${file.path}: ${what} (${match[0].slice(0, 40)})`);
    }
  return found;
}

/** Longest a file may be, in lines; tests included, so that a reader can hold one in mind. */
export const MAX_LINES = 400;

export function oversized(files: readonly SourceFile[]): readonly string[] {
  return files
    .map((file) => ({ path: file.path, lines: file.text.split("\n").length - 1 }))
    .filter(({ lines }) => lines > MAX_LINES)
    .map(({ path, lines }) => `${path} has ${lines} lines`);
}
