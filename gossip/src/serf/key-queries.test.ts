import { describe, expect, test } from "@jest/globals";
import { Harness, peer } from "../../test/harness.ts";
import type { KeyQuestion } from "../core.ts";
import type { GossipEvent } from "../sink.ts";
import { type Aead, nodeName, UsageError } from "../types.ts";
import { encodeSerf } from "../wire/encode-serf.ts";
import type { SerfKeyResponse, SerfQuery } from "../wire/messages.ts";

/** Seals by leaving everything as it is between a nonce and a tag that name the key. */
const aead: Aead = {
  seal: (key, plain) => Uint8Array.of(...new Uint8Array(12), ...plain, ...new Uint8Array(16).fill(key[0] ?? 0)),
  open: (key, block) => (block.at(-1) === key[0] ? block.slice(12, -16) : undefined),
};
const key = (fill: number, length = 16): Uint8Array => new Uint8Array(length).fill(fill);
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
const encrypted = (...keys: readonly Uint8Array[]): Harness => new Harness({ keys }, 7, aead);

type Result = Extract<GossipEvent, { kind: "keyResult" }>;
const results = (h: Harness): Result[] => h.events.flatMap((event) => (event.kind === "keyResult" ? [event] : []));
const keyrings = (h: Harness): Uint8Array[][] =>
  h.events.flatMap((event) => (event.kind === "keyringChanged" ? [[...event.keys]] : []));
const ask = (h: Harness, question: KeyQuestion) => h.core.keyQuery(question, h.nowMs);
const told = (h: Harness): SerfQuery | undefined =>
  h.told().find((message): message is SerfQuery => message.kind === "query");

function answer(h: Harness, number: number, query: SerfQuery, change: Partial<SerfKeyResponse> = {}): void {
  const response = { kind: "keyResponse", result: true, message: "", keys: [], primaryKey: "", ...change } as const;
  const { lamportTime, id } = query;
  const from = nodeName(`p${number}`);
  const payload = encodeSerf(response);
  h.feedSerf({ kind: "queryResponse", lamportTime, id, from, flags: 0, payload }, peer(number));
}

const codeOf = (call: () => void): string | undefined => {
  try {
    call();
  } catch (error) {
    if (error instanceof UsageError) return error.code;
    throw error;
  }
  return undefined;
};

describe("[Q13] a key query of ours", () => {
  test("is carried out on ourselves and on the others, and ends when all have answered", () => {
    const h = encrypted(key(1));
    h.meet(2, 3);
    const id = ask(h, { command: "install", key: key(2) });
    expect(keyrings(h)).toEqual([[key(1), key(2)]]);
    const query = told(h);
    expect(query).toMatchObject({
      name: "_serf_install-key",
      payload: encodeSerf({ kind: "keyRequest", key: key(2) }),
    });
    answer(h, 2, query!);
    expect(results(h)).toEqual([]);
    answer(h, 3, query!, { result: false, message: "disk full" });
    expect(results(h)).toEqual([
      {
        kind: "keyResult",
        id,
        numNodes: 3,
        numResp: 3,
        numErr: 1,
        messages: new Map([[nodeName("p3"), "disk full"]]),
        keys: new Map(),
        primaryKeys: new Map(),
        error: "1/3 nodes reported failure",
      },
    ]);
    h.advance(10_000);
    expect(results(h)).toHaveLength(1);
  });

  test("reports who answered when its time is over", () => {
    const h = encrypted(key(1));
    h.meet(2);
    ask(h, { command: "list", timeoutMs: 500 });
    h.advance(499);
    expect(results(h)).toEqual([]);
    h.advance(1);
    expect(results(h)).toMatchObject([
      { numNodes: 2, numResp: 1, numErr: 0, error: "1/2 nodes reported success", keys: new Map([[text(key(1)), 1]]) },
    ]);
  });

  test("alone rotates the keyring, and each change of it is told once", () => {
    const h = encrypted(key(1));
    const commands: KeyQuestion[] = [
      { command: "install", key: key(2, 32) },
      { command: "install", key: key(2, 32) },
      { command: "use", key: key(2, 32) },
      { command: "use", key: key(2, 32) },
      { command: "remove", key: key(1) },
      { command: "remove", key: key(1) },
    ];
    for (const command of commands) ask(h, command);
    expect(results(h).map(({ error }) => error)).toEqual(commands.map(() => undefined));
    expect(keyrings(h)).toEqual([[key(1), key(2, 32)], [key(2, 32), key(1)], [key(2, 32)]]);
    ask(h, { command: "list" });
    const listed = new Map([[text(key(2, 32)), 1]]);
    expect(results(h).at(-1)).toMatchObject({ keys: listed, primaryKeys: listed });
  });

  test.each([
    [{ command: "remove", key: key(1) }, "Removing the primary key is not allowed"],
    [{ command: "use", key: key(9) }, "Requested key is not in the keyring"],
    [{ command: "install", key: key(2, 17) }, "key size must be 16, 24 or 32 bytes"],
  ] as const)("that members refuse says why and changes nothing: %#", (question, message) => {
    const h = encrypted(key(1));
    ask(h, question);
    expect(results(h)).toMatchObject([{ numErr: 1, error: "1/1 nodes reported failure" }]);
    expect([...(results(h)[0]?.messages ?? [])]).toEqual([["self", message]]);
    expect(keyrings(h)).toEqual([]);
  });

  test("without encryption never tells a key to anybody", () => {
    const h = new Harness();
    h.meet(2);
    h.told();
    h.clear();
    ask(h, { command: "install", key: key(2) });
    const refusal = "No keyring to modify (encryption not enabled)";
    expect(results(h)).toMatchObject([{ numNodes: 2, numResp: 1, numErr: 1, error: "1/2 nodes reported failure" }]);
    expect(results(h)[0]?.messages).toEqual(new Map([[nodeName("self"), refusal]]));
    expect(told(h)).toBeUndefined();
  });

  test("used wrongly is refused and changes nothing", () => {
    const h = encrypted(key(1));
    expect(codeOf(() => ask(h, { command: "use" }))).toBe("key_required");
    expect(codeOf(() => ask(h, { command: "install", key: key(1, 2000) }))).toBe("query_too_large");
    expect(codeOf(() => ask(h, { command: "list", relayFactor: 256 }))).toBe("bad_relay_factor");
    expect(codeOf(() => ask(h, { command: "list", timeoutMs: 0 }))).toBe("bad_timeout");
    expect(h.core.stats()["queries_asked"]).toBe(0);
    h.core.leave(h.nowMs);
    expect(codeOf(() => ask(h, { command: "list" }))).toBe("not_alive");
    expect(results(h)).toEqual([]);
  });

  test("that is cancelled tells nothing more", () => {
    const h = encrypted(key(1));
    h.meet(2);
    h.core.cancelQuery(ask(h, { command: "list" }));
    h.advance(10_000);
    expect(results(h)).toEqual([]);
  });
});
