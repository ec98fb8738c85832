import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { base64Problem, decodeKey } from "./key-text.ts";
import { KeyringFile } from "./keyring-file.ts";
import { LogTee } from "./log.ts";

const key = (byte: number, length = 32): Uint8Array => new Uint8Array(length).fill(byte);
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

let folder = "";
let path = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "keyring-"));
  path = join(folder, "keys.json");
});
afterEach(() => rmSync(folder, { recursive: true }));

describe("the file", () => {
  test("[K1] holds the keys in order, for its owner alone, and leaves nothing beside it", () => {
    const file = new KeyringFile(path, new LogTee());
    writeFileSync(path, "[]", { mode: 0o644 });
    file.write([key(1), key(2, 16)]);
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual([text(key(1)), text(key(2, 16))]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(["keys.json"]);
  });

  test("[K2] is begun with the keys given, and counts more than they do afterwards", () => {
    expect(new KeyringFile(path, new LogTee()).open([key(1)])).toEqual([key(1)]);
    expect(new KeyringFile(path, new LogTee()).open([key(2)])).toEqual([key(1)]);
    expect(new KeyringFile(path, new LogTee()).open([])).toEqual([key(1)]);
  });

  test.each([
    ["no JSON", `["${text(key(9))}"`, "not JSON"],
    ["no list", `{"key":"${text(key(9))}"}`, "not a list"],
    ["no keys", "[]", "contains no keys"],
    ["a key that is too short", `["${text(key(9, 15))}"]`, "key 1 is not"],
    ["a key that is no base64", `["${text(key(1))}", "${text(key(9)).slice(1)}"]`, "key 2 is not"],
    ["a key that is no text", "[5]", "key 1 is not"],
    ["too many keys", JSON.stringify(Array.from({ length: 17 }, (_, i) => text(key(i)))), "at most 16"],
  ])("[K3] %s is refused without a word of its content", (_, content, problem) => {
    writeFileSync(path, content);
    const open = (): unknown => new KeyringFile(path, new LogTee()).open([]);
    expect(open).toThrow(problem);
    expect(open).not.toThrow(text(key(9)).slice(0, 8));
    expect(readFileSync(path, "utf8")).toBe(content);
  });

  test("[K3] no file and no key to begin with is refused", () => {
    expect(() => new KeyringFile(path, new LogTee()).open([])).toThrow("no such file");
    expect(existsSync(path)).toBe(false);
  });

  test("[K3] what goes wrong while writing is logged without keys", () => {
    const log = new LogTee();
    new KeyringFile(join(folder, "nowhere", "keys.json"), log).write([key(9)]);
    const [line] = log.recent();
    expect(line).toMatchObject({ level: "error" });
    expect(line?.text).not.toContain(text(key(9)).slice(0, 8));
  });
});

describe("base64 is counted as the reference counts it", () => {
  test.each([
    ["", undefined],
    ["AAAA", undefined],
    ["AAA=", undefined],
    ["AA==", undefined],
    ["AA\n==\n", undefined],
    ["%%%", 0],
    ["xyz", 0],
    ["AAAAx", 4],
    ["secret%%%", 6],
    ["A===", 1],
    ["AA=A", 2],
    ["AA=", 3],
    ["AA==A", 4],
    ["AAA=A", 4],
    ["AAAAAA=", 7],
    ["AAAA=", 4],
  ])("%j: %s", (given, at) => {
    expect(base64Problem(given)).toBe(at);
    expect(decodeKey(given) === undefined).toBe(at !== undefined);
  });
});
