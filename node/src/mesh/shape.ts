/** Shape checks for what other nodes send: each answers whether the value is what it should be, and never throws. */

export type Fields = Readonly<Record<string, unknown>>;

/** A plain object, as a message body decodes to. */
export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Text of 1 to `max` UTF-16 units. */
export function isText(value: unknown, max: number): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= max;
}

/** Text that may be empty. */
export function isTextOrEmpty(value: unknown, max: number): value is string {
  return typeof value === "string" && value.length <= max;
}

export function isCount(value: unknown, max: number = Number.MAX_SAFE_INTEGER): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value <= max;
}

export function isOneOf<const T extends string>(value: unknown, choices: readonly T[]): value is T {
  return typeof value === "string" && (choices as readonly string[]).includes(value);
}

/** An array of at most `max` items that all pass. */
export function isListOf<T>(value: unknown, max: number, passes: (item: unknown) => item is T): value is readonly T[] {
  return Array.isArray(value) && value.length <= max && value.every(passes);
}
