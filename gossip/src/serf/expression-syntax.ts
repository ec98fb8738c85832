// The syntax of RE2 expressions, as far as filters use it: read into a tree. What RE2 refuses is refused, and so are
// Unicode classes (\pL), which no filter of ours needs. https://github.com/google/re2/wiki/Syntax

import { type CodeSet, isDigit, isSpace, isWord, POSIX_CLASSES } from "./expression-classes.ts";

export type ExpressionNode =
  | { readonly kind: "set"; readonly has: CodeSet }
  | { readonly kind: "place"; readonly place: Place }
  | { readonly kind: "sequence"; readonly parts: readonly ExpressionNode[] }
  | { readonly kind: "choice"; readonly parts: readonly ExpressionNode[] }
  /** `max` undefined: without end. */
  | { readonly kind: "repeat"; readonly part: ExpressionNode; readonly min: number; readonly max: number | undefined };

export type Place = "textStart" | "textEnd" | "lineStart" | "lineEnd" | "wordEdge" | "noWordEdge";

/** Groups inside each other. RE2 itself allows 1000; the tree is walked by recursion. */
const MAX_DEPTH = 64;
/** As RE2. */
const MAX_REPEAT = 1000;

interface Flags {
  readonly ignoreCase: boolean;
  readonly dotAll: boolean;
  readonly multiline: boolean;
}

class BadSyntax extends Error {}

/** Undefined when the expression is not one. */
export function parseExpression(expression: string): ExpressionNode | undefined {
  try {
    return new Parser(expression).whole();
  } catch (error) {
    if (error instanceof BadSyntax) return undefined;
    throw error;
  }
}

const EMPTY: ExpressionNode = { kind: "sequence", parts: [] };
const ESCAPED_CODES: Readonly<Record<string, number>> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 };
const ESCAPED_SETS: Readonly<Record<string, CodeSet>> = {
  d: isDigit,
  D: (code) => !isDigit(code),
  s: isSpace,
  S: (code) => !isSpace(code),
  w: isWord,
  W: (code) => !isWord(code),
};
const ESCAPED_PLACES: Readonly<Record<string, Place>> = {
  A: "textStart",
  z: "textEnd",
  b: "wordEdge",
  B: "noWordEdge",
};
const NEWLINE = 10;

class Parser {
  readonly #chars: readonly string[];
  #at = 0;
  #depth = 0;
  #flags: Flags = { ignoreCase: false, dotAll: false, multiline: false };

  constructor(expression: string) {
    this.#chars = Array.from(expression);
  }

  whole(): ExpressionNode {
    const node = this.#choice();
    if (this.#at < this.#chars.length) throw new BadSyntax("unexpected )");
    return node;
  }

  #choice(): ExpressionNode {
    const parts = [this.#sequence()];
    while (this.#take("|")) parts.push(this.#sequence());
    return parts.length === 1 ? (parts[0] as ExpressionNode) : { kind: "choice", parts };
  }

  #sequence(): ExpressionNode {
    const parts: ExpressionNode[] = [];
    for (let next = this.#peek(); next !== undefined && next !== "|" && next !== ")"; next = this.#peek()) {
      if (!this.#takeWord("\\Q")) {
        parts.push(this.#repeated(this.#atom()));
        continue;
      }
      const quoted = this.#quoted();
      const last = quoted.pop();
      parts.push(...quoted);
      if (last !== undefined) parts.push(this.#repeated(last));
    }
    return { kind: "sequence", parts };
  }

  #repeated(part: ExpressionNode): ExpressionNode {
    const bounds = this.#repetition();
    if (bounds === undefined) return part;
    // Lazy or greedy makes no difference to whether there is a match.
    this.#take("?");
    if (this.#repetition() !== undefined) throw new BadSyntax("nested repetition");
    return { kind: "repeat", part, ...bounds };
  }

  #repetition(): { readonly min: number; readonly max: number | undefined } | undefined {
    if (this.#take("*")) return { min: 0, max: undefined };
    if (this.#take("+")) return { min: 1, max: undefined };
    if (this.#take("?")) return { min: 0, max: 1 };
    const text = this.#chars.slice(this.#at, this.#at + 12).join("");
    const counted = /^\{(\d{1,4})(,?)(\d{0,4})\}/.exec(text);
    if (counted === null) return undefined;
    const [whole, low = "", comma, high = ""] = counted;
    if (comma === "" && high !== "") return undefined;
    const min = Number(low);
    const max = comma === "" ? min : high === "" ? undefined : Number(high);
    if (min > MAX_REPEAT || (max !== undefined && (max > MAX_REPEAT || max < min))) throw new BadSyntax("bad count");
    this.#at += whole.length;
    return { min, max };
  }

  #atom(): ExpressionNode {
    const char = this.#next();
    switch (char) {
      case "(":
        return this.#group();
      case "[":
        return this.#set(this.#class());
      case ".":
        return { kind: "set", has: this.#flags.dotAll ? () => true : (code) => code !== NEWLINE };
      case "^":
        return { kind: "place", place: this.#flags.multiline ? "lineStart" : "textStart" };
      case "$":
        return { kind: "place", place: this.#flags.multiline ? "lineEnd" : "textEnd" };
      case "\\":
        return this.#escape();
      case "*":
      case "+":
      case "?":
        throw new BadSyntax("nothing to repeat");
      default:
        return this.#literal(char.codePointAt(0) as number);
    }
  }

  #group(): ExpressionNode {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw new BadSyntax("too deep");
    const outer = this.#flags;
    if (this.#take("?")) {
      const isFlagsOnly = this.#groupHead();
      if (isFlagsOnly) {
        this.#depth -= 1;
        return EMPTY;
      }
    }
    const node = this.#choice();
    if (!this.#take(")")) throw new BadSyntax("missing )");
    this.#flags = outer;
    this.#depth -= 1;
    return node;
  }

  /** After `(?`: a name, or flags. True when the group ends with its flags, which then hold for what follows. */
  #groupHead(): boolean {
    const text = this.#chars.slice(this.#at, this.#at + 100).join("");
    const name = /^P?<\w+>/.exec(text);
    if (name !== null) {
      this.#at += name[0].length;
      return false;
    }
    const head = /^([imsU]*)(?:-([imsU]+))?([:)])/.exec(text);
    if (head === null || head[0] === ")") throw new BadSyntax("unknown group");
    const [whole, on = "", off = "", end] = head;
    this.#at += whole.length;
    const value = (flag: string, before: boolean): boolean => !off.includes(flag) && (on.includes(flag) || before);
    const { ignoreCase, dotAll, multiline } = this.#flags;
    this.#flags = {
      ignoreCase: value("i", ignoreCase),
      dotAll: value("s", dotAll),
      multiline: value("m", multiline),
    };
    return end === ")";
  }

  #escape(): ExpressionNode {
    const char = this.#next();
    const place = ESCAPED_PLACES[char];
    if (place !== undefined) return { kind: "place", place };
    const set = ESCAPED_SETS[char];
    return set === undefined ? this.#literal(this.#escapedCode(char)) : { kind: "set", has: set };
  }

  #escapedCode(char: string): number {
    const code = ESCAPED_CODES[char];
    if (code !== undefined) return code;
    if (char === "x") return this.#hexCode();
    const plain = char.codePointAt(0) as number;
    if (plain >= 128 || isWord(plain)) throw new BadSyntax("unknown escape");
    return plain;
  }

  #hexCode(): number {
    const text = this.#chars.slice(this.#at, this.#at + 10).join("");
    const hex = /^(?:\{([0-9a-fA-F]{1,6})\}|([0-9a-fA-F]{2}))/.exec(text);
    if (hex === null) throw new BadSyntax("bad hex");
    this.#at += hex[0].length;
    const code = Number.parseInt(hex[1] ?? hex[2] ?? "", 16);
    if (code > 0x10ffff) throw new BadSyntax("bad hex");
    return code;
  }

  #quoted(): ExpressionNode[] {
    const parts: ExpressionNode[] = [];
    while (this.#at < this.#chars.length && !this.#takeWord("\\E")) {
      parts.push(this.#literal(this.#next().codePointAt(0) as number));
    }
    return parts;
  }

  #class(): CodeSet {
    const isNegated = this.#take("^");
    const sets: CodeSet[] = [];
    for (let isFirst = true; isFirst || !this.#take("]"); isFirst = false) sets.push(this.#classItem());
    // Before negation, or [^a] would exclude A only half.
    const any = this.#folded((code) => sets.some((has) => has(code)));
    return isNegated ? (code) => !any(code) : any;
  }

  #classItem(): CodeSet {
    const posix = /^\[:(\^?)([a-z]+):\]/.exec(this.#chars.slice(this.#at, this.#at + 12).join(""));
    if (posix !== null) {
      const named = POSIX_CLASSES[posix[2] ?? ""];
      if (named === undefined) throw new BadSyntax("unknown class");
      this.#at += posix[0].length;
      return posix[1] === "^" ? (code) => !named(code) : named;
    }
    const first = this.#classCode();
    if (typeof first === "function") return first;
    const isRange = this.#peek() === "-" && this.#chars[this.#at + 1] !== "]";
    if (!isRange) return (code) => code === first;
    this.#at += 1;
    const last = this.#classCode();
    if (typeof last === "function" || last < first) throw new BadSyntax("bad range");
    return (code) => code >= first && code <= last;
  }

  #classCode(): number | CodeSet {
    const char = this.#next();
    if (char !== "\\") return char.codePointAt(0) as number;
    const escaped = this.#next();
    return ESCAPED_SETS[escaped] ?? this.#escapedCode(escaped);
  }

  #literal(code: number): ExpressionNode {
    return this.#set(this.#folded((other) => other === code));
  }

  #set(has: CodeSet): ExpressionNode {
    return { kind: "set", has };
  }

  #folded(has: CodeSet): CodeSet {
    if (!this.#flags.ignoreCase) return has;
    return (code) => {
      const char = String.fromCodePoint(code);
      return (
        has(code) ||
        has(char.toLowerCase().codePointAt(0) as number) ||
        has(char.toUpperCase().codePointAt(0) as number)
      );
    };
  }

  #peek(): string | undefined {
    return this.#chars[this.#at];
  }

  #next(): string {
    const char = this.#chars[this.#at];
    if (char === undefined) throw new BadSyntax("ends too early");
    this.#at += 1;
    return char;
  }

  #take(char: string): boolean {
    if (this.#chars[this.#at] !== char) return false;
    this.#at += 1;
    return true;
  }

  #takeWord(word: "\\Q" | "\\E"): boolean {
    if (this.#chars[this.#at] !== word[0] || this.#chars[this.#at + 1] !== word[1]) return false;
    this.#at += 2;
    return true;
  }
}
