import { isDriverError } from "../errors.ts";

/** What FerretDB on SQLite says of an update (not of an insert) that would take a unique key twice. */
const UNIQUE_FAILED = /UNIQUE constraint failed/;

/** Did a write fail because a unique key is taken? Which one is not asked: compatible servers do not all say. */
export function isDuplicate(error: unknown): boolean {
  return isDriverError(error) && (error.code === 11_000 || UNIQUE_FAILED.test(error.message));
}
