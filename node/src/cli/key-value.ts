// "key=value" flags.

import { FlagError } from "./flags.ts";

/** Later ones win. Throws FlagError, naming what it is, for text without a key or an equals sign. */
export function parsePairs(texts: readonly string[], what: string): Record<string, string> {
  const entries = texts.map((text): [string, string] => {
    const at = text.indexOf("=");
    if (at < 1) throw new FlagError(`${what}: ${text}`);
    return [text.slice(0, at), text.slice(at + 1)];
  });
  return Object.fromEntries(entries);
}
