import { describe, expect, test } from "@jest/globals";
import { commandId, nodeName } from "../types.ts";
import { encodeSerf } from "../wire/encode-serf.ts";
import type { SerfKeyResponse } from "../wire/messages.ts";
import { KeyTally } from "./key-tally.ts";

const ID = commandId(4);
const node = (number: number) => nodeName(`p${number}`);
const says = (change: Partial<SerfKeyResponse>): Uint8Array =>
  encodeSerf({ kind: "keyResponse", result: true, message: "", keys: [], primaryKey: "", ...change });

describe("[Q13] answers to a key query of ours", () => {
  test("are counted per key and per primary key", () => {
    const tally = new KeyTally(2);
    tally.take(node(1), says({ keys: ["K1", "K2"], primaryKey: "K1" }));
    expect(tally.isComplete).toBe(false);
    tally.take(node(2), says({ keys: ["K1"], primaryKey: "K1", message: "truncated" }));
    expect(tally.isComplete).toBe(true);
    expect(tally.result(ID)).toEqual({
      kind: "keyResult",
      id: ID,
      numNodes: 2,
      numResp: 2,
      numErr: 0,
      messages: new Map([[node(2), "truncated"]]),
      keys: new Map([
        ["K1", 2],
        ["K2", 1],
      ]),
      primaryKeys: new Map([["K1", 2]]),
    });
  });

  test("that refuse or cannot be read are failures, named by member", () => {
    const tally = new KeyTally(3);
    tally.take(node(1), says({ result: false, message: "no" }));
    tally.take(node(2), Uint8Array.of(8, 0xc1));
    tally.take(node(3), encodeSerf({ kind: "conflictResponse", member: null }));
    expect(tally.result(ID)).toMatchObject({ numResp: 3, numErr: 3, error: "3/3 nodes reported failure" });
    expect([...tally.result(ID).messages.values()]).toEqual([
      "no",
      "Failed to decode key query response",
      "Invalid key query response type",
    ]);
  });

  test("that are missing are told from failures", () => {
    const tally = new KeyTally(3);
    tally.take(node(1), says({}));
    expect(tally.result(ID)).toMatchObject({ numErr: 0, error: "1/3 nodes reported success" });
  });

  test("name a bounded number of keys", () => {
    const tally = new KeyTally(100);
    for (let i = 0; i < 100; i += 1) {
      tally.take(node(i), says({ keys: Array.from({ length: 20 }, (_, k) => `${i}-${k}`) }));
    }
    expect(tally.result(ID).keys.size).toBe(1024);
  });
});
