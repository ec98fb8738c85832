/** A token key of the node's own, for nodes that nobody but this machine reaches: all nodes of one data directory share it. */
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const KEY_BYTES = 32;

/** Reads the key, or makes it; of several nodes that start at once exactly one makes it. */
export function tokenKeyOf(dataDir: string): Uint8Array {
  mkdirSync(dataDir, { recursive: true });
  const path = join(dataDir, "token.key");
  try {
    // wx: fails when the file is there; only its owner may read it.
    writeFileSync(path, `${randomBytes(KEY_BYTES).toString("base64")}\n`, { flag: "wx", mode: 0o600 });
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
  const key = new Uint8Array(Buffer.from(readFileSync(path, "utf8").trim(), "base64"));
  if (key.length < KEY_BYTES) throw new RangeError(`${path} does not hold base64 of ${KEY_BYTES} bytes`);
  return key;
}
