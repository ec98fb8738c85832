/** SPEC.md rules have stable ids; every rule has a test that names it, and no test names an unknown rule. */
import { isTest, type SourceFile } from "./files.ts";

const DEFINED = /(?:^|\n)\s*(?:[-*|]\s*|#+\s*)?(?:\*\*)?\[?([A-Z]\d{1,3})\]?(?:\*\*)?[\s.:|]/g;
const TITLE = /\b(?:test|it|describe|test\.each\([\s\S]{0,2000}?\)|scenario)\(\s*[`"']([^`"']*)/g;
const NAMED = /\[((?:[A-Z]\d{1,3})(?:\s*,\s*[A-Z]\d{1,3})*)\]/g;

export interface RuleCoverage {
  readonly untested: readonly string[];
  readonly unknown: readonly string[];
  readonly ruleCount: number;
}

function namedIn(text: string): readonly string[] {
  return [...text.matchAll(NAMED)].flatMap((m) => (m[1] ?? "").split(/\s*,\s*/));
}

/** A rule belongs to the top folder of its SPEC.md, so gossip's and a node's letters may overlap. */
export function ruleCoverage(specs: readonly SourceFile[], files: readonly SourceFile[]): RuleCoverage {
  const top = (path: string): string => path.split("/")[0] ?? "";
  const rules = new Map<string, string>();
  for (const spec of specs)
    for (const match of spec.text.matchAll(DEFINED)) rules.set(`${top(spec.path)} ${match[1]}`, spec.path);
  const tested = new Set<string>();
  const unknown: string[] = [];
  for (const file of files.filter((f) => isTest(f.path)))
    for (const title of file.text.matchAll(TITLE))
      for (const id of namedIn(title[1] ?? "")) {
        const key = `${top(file.path)} ${id}`;
        if (rules.has(key)) tested.add(key);
        else unknown.push(`${file.path} names [${id}], which no SPEC.md of ${top(file.path)}/ defines`);
      }
  const untested = [...rules]
    .filter(([key]) => !tested.has(key))
    .map(([key, path]) => `${path}: rule ${key.split(" ")[1]} has no test`);
  return { untested, unknown, ruleCount: rules.size };
}
