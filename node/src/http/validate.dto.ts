/** The one place that runs class-validator: a stranger's value in, an instance of a request class or the faults out. */
import "reflect-metadata";
import { type ClassConstructor, plainToInstance } from "class-transformer";
import { type ValidationError, validateSync } from "class-validator";
import { isSurelyRight, rulesOf } from "./rules.dto.ts";

export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly errors: readonly { readonly path: string; readonly message: string }[] };

/** Faults told to a client; the rest of a very wrong request adds nothing. */
const MAX_ERRORS = 20;
/** No request is as deep. */
const MAX_DEPTH = 16;

/** Unknown properties are faults. Never throws; the input is not changed. */
export function parseDto<T extends object>(dto: ClassConstructor<T>, input: unknown): Parsed<T> {
  if (typeof input !== "object" || input === null || Array.isArray(input))
    return { ok: false, errors: [{ path: "", message: "must be an object" }] };
  if (!isPlain(input)) return { ok: false, errors: [{ path: "", message: "must be plain and not deep" }] };
  const rules = rulesOf(dto);
  // class-validator refuses whatever it knows nothing of, an empty object included.
  if (rules.isEmpty) return withoutFields(dto, input);
  const value = plainToInstance(dto, input);
  if (isSurelyRight(rules, value)) return { ok: true, value };
  const faults = validateSync(value, {
    whitelist: true,
    forbidNonWhitelisted: true,
    forbidUnknownValues: true,
    stopAtFirstError: true,
    validationError: { target: false, value: false },
  });
  const errors = faults.flatMap((fault) => describe(fault, ""));
  return errors.length === 0 ? { ok: true, value } : { ok: false, errors: errors.slice(0, MAX_ERRORS) };
}

/**
 * class-transformer calls what it finds as `constructor` of a value, and goes down without an end: neither is for strangers
 * to choose.
 */
function isPlain(input: object): boolean {
  let level: readonly object[] = [input];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth === MAX_DEPTH || level.some((value) => Object.hasOwn(value, "constructor"))) return false;
    level = level.flatMap((value) =>
      Object.values(value).filter((field) => typeof field === "object" && field !== null),
    );
  }
  return true;
}

function withoutFields<T extends object>(dto: ClassConstructor<T>, input: object): Parsed<T> {
  const errors = Object.keys(input).map((path) => ({
    path: path.slice(0, 200),
    message: "this property should not exist",
  }));
  return errors.length === 0 ? { ok: true, value: new dto() } : { ok: false, errors: errors.slice(0, MAX_ERRORS) };
}

function describe(fault: ValidationError, parent: string): { path: string; message: string }[] {
  const path = parent === "" ? fault.property : `${parent}.${fault.property}`;
  const own = Object.values(fault.constraints ?? {}).map((message) => ({
    path: path.slice(0, 200),
    message: message.slice(0, 300),
  }));
  return [...own, ...(fault.children ?? []).flatMap((child) => describe(child, path))];
}
