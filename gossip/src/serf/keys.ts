// Changing the keys of a cluster while it runs: each member answers what became of the change with it. Spec section 6.11.

import type { KeyQuestion } from "../core.ts";
import { UsageError } from "../types.ts";
import { decodeSerf } from "../wire/decode-serf.ts";
import { encodeSerf } from "../wire/encode-serf.ts";
import type { Keyring } from "../wire/keyring.ts";
import type { SerfKeyResponse } from "../wire/messages.ts";

const QUERY_NAMES = {
  install: "_serf_install-key",
  use: "_serf_use-key",
  remove: "_serf_remove-key",
  list: "_serf_list-keys",
} as const;
const KEY_QUERIES: ReadonlySet<string> = new Set(Object.values(QUERY_NAMES));
const NO_KEY = new Uint8Array(0);

export const isKeyQuery = (name: string): boolean => KEY_QUERIES.has(name);

/** The query that asks everybody for it. Throws UsageError "key_required". */
export function keyQuestion({ command, key }: KeyQuestion): { readonly name: string; readonly payload: Uint8Array } {
  if (command !== "list" && key === undefined) throw new UsageError("key_required", `${command} needs a key`);
  const asked = command === "list" ? NO_KEY : (key ?? NO_KEY);
  return { name: QUERY_NAMES[command], payload: encodeSerf({ kind: "keyRequest", key: asked }) };
}

/** Carries the query out. The texts are the reference's, because operators see them. */
export function answerKeyQuery(name: string, payload: Uint8Array, keyring: Keyring | undefined): SerfKeyResponse {
  if (name === QUERY_NAMES.list) return listKeys(keyring);
  if (keyring === undefined) return refused("No keyring to modify (encryption not enabled)");
  const request = decodeSerf(payload);
  if (!request.ok || request.value.kind !== "keyRequest") return refused("the key request cannot be read");
  const problem = change(name, request.value.key, keyring);
  return problem === undefined ? DONE : refused(problem);
}

/**
 * A list that is too long for an answer names its first keys only, as the reference does. `fits` decides; the list ends
 * empty when nothing does.
 */
export function shortened(response: SerfKeyResponse, fits: (response: SerfKeyResponse) => boolean): SerfKeyResponse {
  const total = response.keys.length;
  let short = response;
  for (let count = total - 1; count >= 0 && !fits(short); count -= 1) {
    const message = `truncated key list response, showing first ${count} of ${total} keys`;
    short = { ...response, message, keys: response.keys.slice(0, count) };
  }
  return short;
}

const NO_ANSWER = { kind: "keyResponse", result: false, message: "", keys: [], primaryKey: "" } as const;
const DONE: SerfKeyResponse = { ...NO_ANSWER, result: true };
const refused = (message: string): SerfKeyResponse => ({ ...NO_ANSWER, message });

function listKeys(keyring: Keyring | undefined): SerfKeyResponse {
  if (keyring === undefined) return refused("Keyring is empty (encryption not enabled)");
  const keys = keyring.keys().map(base64);
  return { ...DONE, keys, primaryKey: keys[0] ?? "" };
}

function change(name: string, key: Uint8Array, keyring: Keyring): string | undefined {
  if (name === QUERY_NAMES.install) return keyring.add(key);
  if (name === QUERY_NAMES.use) return keyring.use(key);
  return keyring.remove(key);
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** RFC 4648 section 4. */
function base64(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 3) {
    const [a = 0, b = 0, c = 0] = bytes.subarray(i, i + 3);
    const bits = (a << 16) | (b << 8) | c;
    const letters = [18, 12, 6, 0].map((shift) => ALPHABET[(bits >> shift) & 63]).join("");
    text += letters.slice(0, bytes.length - i + 1).padEnd(4, "=");
  }
  return text;
}
