// Durations as Go writes them: "15s", "700ms", "1m30s".

import { FlagError } from "./flags.ts";

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const WHOLE = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/;
const PART = /(\d+(?:\.\d+)?)(ms|s|m|h)/g;

/** Milliseconds. Throws FlagError. */
export function parseDuration(text: string): number {
  if (!WHOLE.test(text)) throw new FlagError(`not a duration such as 15s or 700ms: ${text}`);
  return [...text.matchAll(PART)].reduce(
    (sum, [, amount, unit]) => sum + Number(amount) * (UNIT_MS[unit ?? ""] ?? 0),
    0,
  );
}
