// Expressions of operators in filters: the core's, whose time is bounded, for whole values.

import { compileExpression } from "../../src/serf/expression.ts";

export class ExpressionError extends Error {
  constructor(problem: string) {
    super(`invalid expression: ${problem}`);
    this.name = "ExpressionError";
  }
}

/** A test for the whole text (`^(?:expression)$`). Throws ExpressionError. */
export function compileAnchored(expression: string): (text: string) => boolean {
  // By itself first: a bracket too many must not close the group around it.
  const isSound = compileExpression(expression) !== undefined;
  const test = isSound ? compileExpression(`^(?:${expression})$`) : undefined;
  if (test === undefined) throw new ExpressionError("bad syntax, or too long");
  return test;
}
