/** Shapes that many requests share. */

export const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;
/** Something to see, and nothing that cannot be: names and titles. */
export const READABLE = /^(?=[\s\S]*\S)[^\p{Cc}\p{Cs}]*$/u;
/** The same with lines: texts. */
export const READABLE_LINES = /^(?=[\s\S]*\S)(?:[^\p{Cc}\p{Cs}]|[\n\t])*$/u;

/** Query strings hold text; what is not digits stays as it is and is refused. */
export function toNumber(value: unknown): unknown {
  return typeof value === "string" && /^\d{1,9}$/.test(value) ? Number(value) : value;
}
