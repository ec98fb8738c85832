// What both stores demand of their arguments, checked once in front of every adapter. A breach is the caller's bug.

import { StoreUsageError } from "./errors.ts";

/** ASCII, so that every store orders ids alike, and none of them can mean something in a key, a pattern or a query. */
const ID = /^[A-Za-z0-9._:@/+=-]{1,128}$/;

export function requireId(value: unknown, name: string): void {
  if (typeof value !== "string" || !ID.test(value)) throw bad(`${name} is not an id`);
}

export function requireOptionalId(value: unknown, name: string): void {
  if (value !== undefined) requireId(value, name);
}

export function requireText(
  value: unknown,
  name: string,
  bounds: { readonly min: number; readonly max: number },
): void {
  if (typeof value !== "string") throw bad(`${name} is not a string`);
  if (value.length < bounds.min || value.length > bounds.max) {
    throw bad(`${name} has ${value.length} UTF-16 units, not ${bounds.min} to ${bounds.max}`);
  }
}

export function requireInteger(
  value: unknown,
  name: string,
  bounds: { readonly min: number; readonly max: number },
): void {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < bounds.min || value > bounds.max) {
    throw bad(`${name} is not an integer from ${bounds.min} to ${bounds.max}`);
  }
}

export function requireOneOf(value: unknown, name: string, allowed: readonly string[]): void {
  if (typeof value !== "string" || !allowed.includes(value)) throw bad(`${name} is not one of ${allowed.join(", ")}`);
}

export function bad(message: string): StoreUsageError {
  return new StoreUsageError("bad_argument", message);
}

/** Unix milliseconds fit; so do epochs and generations. */
export const ANY_COUNT = { min: 0, max: Number.MAX_SAFE_INTEGER } as const;
export const POSITIVE = { min: 1, max: Number.MAX_SAFE_INTEGER } as const;

/**
 * Text that every store gives back as it was: lone surrogates (no UTF-8 exists for them) and U+0000 (SQLite's string
 * functions end there) become U+FFFD.
 */
export function storableText(text: string): string {
  return text.replace(/\p{Surrogate}|\0/gu, "\ufffd");
}
