// The keys across restarts, in Serf's own format: a JSON array of base64, the primary first. Keys never leave this file for
// a log or an error.

import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { UsageError } from "../src/types.ts";
import { messageOf } from "./errors.ts";
import { decodeKey } from "./key-text.ts";
import type { Logger } from "./log.ts";

/** A ring of the core has 16 keys at most; beyond this it is no keyring file. */
const MAX_FILE_KEYS = 16;

export class KeyringFile {
  readonly #path: string;
  readonly #log: Logger;

  constructor(path: string, log: Logger) {
    this.#path = path;
    this.#log = log;
  }

  /**
   * The keys of the file, or those given, which are written to it, when there is none yet. Throws UsageError "bad_keyring"
   * when it is not readable, is no keyring, or there is no key at all.
   */
  open(given: readonly Uint8Array[]): readonly Uint8Array[] {
    if (existsSync(this.#path)) return this.#read();
    if (given.length === 0) throw this.#refuse("no such file, and no key to begin it with");
    this.write(given);
    return given;
  }

  /** Writes beside the file and puts it in its place. What goes wrong is logged: the keys in use are the truth. */
  write(keys: readonly Uint8Array[]): void {
    const text = `${JSON.stringify(
      keys.map((key) => Buffer.from(key).toString("base64")),
      null,
      2,
    )}\n`;
    const draft = `${this.#path}.new`;
    try {
      writeFileSync(draft, text, { mode: 0o600, flush: true });
      renameSync(draft, this.#path);
      const folder = openSync(dirname(this.#path), "r");
      fsyncSync(folder);
      closeSync(folder);
      this.#log.info({ path: this.#path, keyCount: keys.length }, "keyring file written");
    } catch (error) {
      this.#log.error({ path: this.#path, error }, "keyring file could not be written");
    }
  }

  #read(): readonly Uint8Array[] {
    let texts: unknown;
    try {
      texts = JSON.parse(readFileSync(this.#path, "utf8"));
    } catch (error) {
      // The parser's words would quote the file.
      throw this.#refuse(error instanceof SyntaxError ? "not JSON" : messageOf(error));
    }
    if (!Array.isArray(texts) || texts.length > MAX_FILE_KEYS) throw this.#refuse("not a list of at most 16 keys");
    if (texts.length === 0) throw this.#refuse("it contains no keys");
    return texts.map((text: unknown, i) => {
      const key = typeof text === "string" ? decodeKey(text) : undefined;
      if (key === undefined || ![16, 24, 32].includes(key.length)) {
        throw this.#refuse(`key ${i + 1} is not 16, 24 or 32 bytes in base64`);
      }
      return key;
    });
  }

  #refuse(problem: string): UsageError {
    return new UsageError("bad_keyring", `keyring file ${this.#path}: ${problem}`);
  }
}
