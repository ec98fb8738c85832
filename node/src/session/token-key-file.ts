/** A token key of the node's own, for nodes that nobody but this machine reaches: all nodes of one data directory share it. */
import { randomBytes } from "node:crypto";
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const KEY_BYTES = 32;

/** Reads the key, or makes it; of several nodes that start at once exactly one makes it. */
export function tokenKeyOf(dataDir: string): Uint8Array {
  mkdirSync(dataDir, { recursive: true });
  const path = join(dataDir, "token.key");
  const own = join(dataDir, `token.key.${randomBytes(6).toString("hex")}`);
  if (!existsSync(path)) {
    // Only its owner may read it. Written whole first, then given its name: nobody reads half a key.
    writeFileSync(own, `${randomBytes(KEY_BYTES).toString("base64")}\n`, { flag: "wx", mode: 0o600 });
    try {
      linkSync(own, path);
    } catch (error) {
      if ((error as { readonly code?: unknown }).code !== "EEXIST") throw error;
    } finally {
      rmSync(own);
    }
  }
  const key = new Uint8Array(Buffer.from(readFileSync(path, "utf8").trim(), "base64"));
  if (key.length < KEY_BYTES) throw new RangeError(`${path} does not hold base64 of ${KEY_BYTES} bytes`);
  return key;
}
