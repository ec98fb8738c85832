// Expressions of strangers in the filters of queries. JavaScript's can run for years and have another syntax, so these run
// as RE2's do: all ways through the expression at once, in time bounded by its length times that of the text.
// Thompson 1968; https://swtch.com/~rsc/regexp/regexp2.html

import { assertNever } from "../types.ts";
import { type CodeSet, isWord } from "./expression-classes.ts";
import { type ExpressionNode, type Place, parseExpression } from "./expression-syntax.ts";

/** Steps of one expression; with texts of at most 512 a match takes some 2 million small steps at worst. */
const MAX_STEPS = 4096;
const MAX_EXPRESSION_UNITS = 1024;
/** No tag is longer. */
const MAX_TEXT_UNITS = 512;

type Step =
  | { readonly kind: "set"; readonly has: CodeSet }
  | { readonly kind: "place"; readonly place: Place }
  /** Goes on at both. */
  | { readonly kind: "fork"; first: number; second: number }
  | { readonly kind: "end" };

/** Whether the expression is found anywhere in a text. Undefined when it is none, or larger than we care to run. */
export function compileExpression(expression: string): ((text: string) => boolean) | undefined {
  if (expression.length > MAX_EXPRESSION_UNITS) return undefined;
  const tree = parseExpression(expression);
  if (tree === undefined) return undefined;
  const steps: Step[] = [];
  if (!emit(tree, steps)) return undefined;
  steps.push({ kind: "end" });
  return (text) => text.length <= MAX_TEXT_UNITS && run(steps, text);
}

/** False when it becomes too long. */
function emit(node: ExpressionNode, steps: Step[]): boolean {
  if (steps.length > MAX_STEPS) return false;
  switch (node.kind) {
    case "set":
    case "place":
      steps.push(node);
      return true;
    case "sequence":
      return node.parts.every((part) => emit(part, steps));
    case "choice":
      return emitChoice(node.parts, steps);
    case "repeat":
      return emitRepeat(node, steps);
    default:
      return assertNever(node);
  }
}

/** A fork before each part but the last, and a jump, which is a fork with one way, after it. */
function emitChoice(parts: readonly ExpressionNode[], steps: Step[]): boolean {
  const jumps: { first: number; second: number }[] = [];
  for (const [i, part] of parts.entries()) {
    if (i === parts.length - 1) {
      if (!emit(part, steps)) return false;
      break;
    }
    const fork = pushFork(steps);
    if (!emit(part, steps)) return false;
    jumps.push(pushFork(steps));
    fork.second = steps.length;
  }
  for (const jump of jumps) {
    jump.first = steps.length;
    jump.second = steps.length;
  }
  return true;
}

function emitRepeat(node: Extract<ExpressionNode, { readonly kind: "repeat" }>, steps: Step[]): boolean {
  const { part, min, max } = node;
  for (let i = 0; i < min; i += 1) if (!emit(part, steps)) return false;
  if (max === undefined) {
    const start = steps.length;
    const fork = pushFork(steps);
    if (!emit(part, steps)) return false;
    const back = pushFork(steps);
    back.first = start;
    back.second = start;
    fork.second = steps.length;
    return true;
  }
  const forks: { second: number }[] = [];
  for (let i = min; i < max; i += 1) {
    forks.push(pushFork(steps));
    if (!emit(part, steps)) return false;
  }
  for (const fork of forks) fork.second = steps.length;
  return true;
}

/** A fork whose first way is the step after it. */
function pushFork(steps: Step[]): { first: number; second: number } {
  const fork = { kind: "fork" as const, first: steps.length + 1, second: steps.length + 1 };
  steps.push(fork);
  return fork;
}

function run(steps: readonly Step[], text: string): boolean {
  const codes = Array.from(text, (char) => char.codePointAt(0) as number);
  const seenAt = new Int32Array(steps.length).fill(-1);
  let now: number[] = [];
  for (let at = 0; at <= codes.length; at += 1) {
    // A match may begin anywhere, so a new way through begins at every place.
    const reached = follow(steps, [...now, 0], { codes, at, seenAt });
    if (reached === "end") return true;
    const code = codes[at];
    now = [];
    if (code === undefined) return false;
    for (const index of reached) {
      const step = steps[index] as Step;
      if (step.kind === "set" && step.has(code)) now.push(index + 1);
    }
  }
  return false;
}

interface Where {
  readonly codes: readonly number[];
  readonly at: number;
  /** The place at which a step was last reached: each is followed once per place. */
  readonly seenAt: Int32Array;
}

/** The steps that wait for a character, reached without one. */
function follow(steps: readonly Step[], from: number[], where: Where): readonly number[] | "end" {
  const reached: number[] = [];
  for (let index = from.pop(); index !== undefined; index = from.pop()) {
    if (where.seenAt[index] === where.at) continue;
    where.seenAt[index] = where.at;
    const step = steps[index] as Step;
    if (step.kind === "end") return "end";
    if (step.kind === "set") reached.push(index);
    else if (step.kind === "fork") from.push(step.first, step.second);
    else if (isAt(step.place, where)) from.push(index + 1);
  }
  return reached;
}

const NEWLINE = 10;

function isAt(place: Place, { codes, at }: Where): boolean {
  const before = codes[at - 1];
  const after = codes[at];
  const isEdge = (before !== undefined && isWord(before)) !== (after !== undefined && isWord(after));
  switch (place) {
    case "textStart":
      return before === undefined;
    case "textEnd":
      return after === undefined;
    case "lineStart":
      return before === undefined || before === NEWLINE;
    case "lineEnd":
      return after === undefined || after === NEWLINE;
    case "wordEdge":
      return isEdge;
    case "noWordEdge":
      return !isEdge;
    default:
      return assertNever(place);
  }
}
