import { isDriverError } from "../errors.ts";

/** Did an insert fail because a unique key is taken? Which one is not asked: compatible servers do not all say. */
export function isDuplicate(error: unknown): boolean {
  return isDriverError(error) && error.code === 11_000;
}
