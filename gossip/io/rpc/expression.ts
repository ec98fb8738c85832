// Expressions of operators in filters. The reference uses RE2, whose time is linear; JavaScript's can run for years. So
// what can blow up is refused: repeated groups that repeat or branch inside, look-around, back-references, and more than
// three open-ended repetitions in one expression (cubic in inputs of at most 512 characters).

export class ExpressionError extends Error {
  constructor(problem: string, options?: ErrorOptions) {
    super(`invalid expression: ${problem}`, options);
    this.name = "ExpressionError";
  }
}

const MAX_EXPRESSION = 256;
const MAX_INPUT = 512;
const MAX_OPEN_REPETITIONS = 3;

/** A test for the whole text (`^(?:expression)$`). Throws ExpressionError. */
export function compileAnchored(expression: string): (text: string) => boolean {
  if (expression.length > MAX_EXPRESSION) throw new ExpressionError("too long");
  const { source, flags } = fromRe2(expression);
  refuseExplosive(source);
  let compiled: RegExp;
  try {
    compiled = new RegExp(`^(?:${source})$`, flags);
  } catch (error) {
    throw new ExpressionError("bad syntax", { cause: error });
  }
  return (text) => text.length <= MAX_INPUT && compiled.test(text);
}

/** RE2 has flags in front and its own word for named groups. */
function fromRe2(expression: string): { readonly source: string; readonly flags: string } {
  const flags = /^\(\?([ims]+)\)/.exec(expression);
  const source = flags === null ? expression : expression.slice(flags[0].length);
  return { source: source.replaceAll("(?P<", "(?<"), flags: `u${[...new Set(flags?.[1] ?? "")].join("")}` };
}

function refuseExplosive(source: string): void {
  // Escapes and classes cannot nest; what is left of them is one letter.
  const skeleton = source
    .replaceAll(/\\./gu, "x")
    .replaceAll(/\[[^\]]*\]/gu, "x")
    .replaceAll("R", "x");
  if (/\(\?(?:[=!]|<[=!])/u.test(skeleton) || /\\[1-9k]/u.test(source)) {
    throw new ExpressionError("look-around and back-references are not supported");
  }
  if ((skeleton.match(/[*+]|\{\d+,\}/gu) ?? []).length > MAX_OPEN_REPETITIONS) {
    throw new ExpressionError("too many repetitions");
  }
  if (/\{\d{4,}|,\d{4,}\}/u.test(skeleton)) throw new ExpressionError("repetition too long");
  refuseRepeatedGroups(skeleton);
}

/** `(a+)+` and `(a|a)*` take exponential time. Groups are folded from the inside out; a risky one becomes an R. */
function refuseRepeatedGroups(skeleton: string): void {
  const innermost = /\(([^()]*)\)([*+{]?)/u;
  let rest = skeleton;
  for (let group = innermost.exec(rest); group !== null; group = innermost.exec(rest)) {
    const [whole, inner, repetition] = group as unknown as [string, string, string];
    const isRisky = /[*+{|R]/u.test(inner);
    if (isRisky && repetition !== "") {
      throw new ExpressionError("a repeated group may not repeat or branch inside");
    }
    rest = rest.replace(whole, (isRisky || repetition !== "" ? "R" : "x") + repetition);
  }
}
