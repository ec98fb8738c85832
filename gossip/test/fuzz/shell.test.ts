// What the shell reads from others: RPC of clients, the snapshot and the keyring file. Any bytes give values or a reason,
// nothing throws, and a client never hears anything but whole values.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { base64Problem, decodeKey } from "../../io/key-text.ts";
import { KeyringFile } from "../../io/keyring-file.ts";
import { LogTee } from "../../io/log.ts";
import { readCoordinate, readQueryRecord, readSighting } from "../../io/rpc/answers.ts";
import { isMap } from "../../io/rpc/fields.ts";
import { readMember } from "../../io/rpc/messages.ts";
import { encodeValue, type RpcValue, type RpcWritable, ValueStream } from "../../io/rpc/value.ts";
import { formatEndpoint, parseSnapshot } from "../../io/snapshot-file.ts";
import { UsageError } from "../../src/types.ts";
import { Client } from "../rpc/fake-agent.ts";
import { allocatedBy } from "./allocation.ts";
import { concat, fuzzed, RPC_CORPUS } from "./inputs.ts";
import { announce, FUZZ_TIMEOUT_MS, runs } from "./settings.ts";

const FAILURES = ["bad_msgpack", "too_long", "too_deep"];
const frames = fuzzed(RPC_CORPUS, [0x81, 0x82, 0x83, 0x91, 0xde, 0xdf]);

beforeAll(() => announce("shell"));

describe("RPC values", () => {
  test(
    "any bytes are values, or one reason for which the stream ends, in memory bounded by them",
    () => {
      fc.assert(
        fc.property(frames, fc.integer({ min: 1, max: 700 }), (bytes, pieceBytes) => {
          const allocated = allocatedBy(() => {
            const stream = new ValueStream(64 * 1024);
            for (let at = 0; at < bytes.length; at += pieceBytes) {
              stream.push(bytes.subarray(at, at + pieceBytes));
              for (let step = stream.next(); step.kind !== "needMore"; step = stream.next()) {
                if (step.kind === "failed") {
                  expect(FAILURES).toContain(step.reason);
                  expect(stream.next()).toEqual(step);
                  return;
                }
                look(step.value);
              }
            }
          });
          expect(allocated).toBeLessThanOrEqual(16 * bytes.length + 8_192);
        }),
        runs(600),
      );
    },
    FUZZ_TIMEOUT_MS,
  );

  /** What a client makes of a value, whichever it expected. */
  function look(value: RpcValue): void {
    if (!isMap(value)) return;
    readQueryRecord(value);
    readCoordinate(value);
    readSighting(value);
    readMember(value);
  }

  const value: fc.Arbitrary<RpcWritable> = fc.letrec<{ value: RpcWritable }>((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      fc.constant(null),
      fc.boolean(),
      fc.integer(),
      fc.maxSafeInteger(),
      fc.string(),
      fc.uint8Array({ maxLength: 40 }),
      fc.array(tie("value"), { maxLength: 5 }),
      fc.dictionary(fc.string({ maxLength: 8 }), tie("value"), { maxKeys: 5 }),
    ),
  })).value;

  test("whatever is written reads as itself", () => {
    fc.assert(
      fc.property(value, (written) => {
        const stream = new ValueStream();
        stream.push(encodeValue(written));
        const step = stream.next();
        expect(step.kind === "value" && plain(step.value)).toEqual(plain(written as RpcValue));
      }),
      runs(300),
    );
  });

  function plain(it: RpcValue): unknown {
    if (it instanceof Uint8Array || it === null || typeof it !== "object") return it;
    if (Array.isArray(it)) return it.map(plain);
    const entries = it instanceof Map ? [...it] : Object.entries(it);
    return new Map(entries.map(([key, item]) => [key, plain(item as RpcValue)]));
  }
});

describe("RPC sessions", () => {
  const command = fc.constantFrom(
    ...[
      "handshake",
      "auth",
      "members",
      "members-filtered",
      "join",
      "leave",
      "force-leave",
      "event",
      "tags",
      "stream",
      "stop",
    ],
    ...[
      "monitor",
      "install-key",
      "use-key",
      "remove-key",
      "list-keys",
      "query",
      "respond",
      "stats",
      "get-coordinate",
      "nonsense",
    ],
  );
  const field = fc.constantFrom(
    ...[
      "Version",
      "AuthKey",
      "Existing",
      "Replay",
      "Node",
      "Prune",
      "Name",
      "Payload",
      "Coalesce",
      "Tags",
      "DeleteTags",
    ],
    ...[
      "Status",
      "Type",
      "Stop",
      "LogLevel",
      "Key",
      "FilterNodes",
      "FilterTags",
      "RequestAck",
      "Timeout",
      "RelayFactor",
      "ID",
    ],
  );
  const simple = fc.oneof(
    fc.integer(),
    fc.constantFrom<RpcWritable>("", "a", "user", "*", "(", "query:x", "member-join,user:deploy", null, true, 1, 0),
    fc.array(fc.string({ maxLength: 5 }), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom("role", "dc"), fc.string({ maxLength: 5 }), { maxKeys: 2 }),
    fc.uint8Array({ maxLength: 20 }),
  );
  const request = fc
    .tuple(command, fc.nat(20), fc.dictionary(field, simple, { maxKeys: 6 }))
    .map(([Command, Seq, body]) => concat(encodeValue({ Command, Seq }), encodeValue(body as RpcWritable)));
  const noise = fc.tuple(frames, fc.nat(9)).map(([bytes, rare]) => (rare === 0 ? bytes : new Uint8Array(0)));
  const conversation = fc.array(fc.tuple(request, noise), { maxLength: 12 });

  test(
    "any conversation is answered in whole values, or ended; nothing is thrown",
    async () => {
      await fc.assert(
        fc.asyncProperty(conversation, fc.boolean(), async (parts, hasKey) => {
          const client = new Client(hasKey ? "s3cret" : undefined);
          await client.shakeHands();
          for (const [bytes, disturbance] of parts) {
            client.session.receive(bytes);
            client.session.receive(disturbance);
          }
          for (const { end } of client.agent.queries) end();
          await new Promise((resolve) => setImmediate(resolve));
          for (const answer of client.received() as { Error?: unknown }[]) expect(typeof answer).toBe("object");
          client.session.end();
        }),
        runs(150),
      );
    },
    FUZZ_TIMEOUT_MS,
  );
});

describe("files", () => {
  const folder = mkdtempSync(join(tmpdir(), "gossip-fuzz-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const line = fc.oneof(
    fc.constantFrom(
      "leave",
      "alive: a 10.0.0.1:7946",
      "alive: a b [::1]:1",
      "not-alive: a",
      "clock: 7",
      "event-clock: -1",
    ),
    fc
      .tuple(fc.constantFrom("alive: ", "not-alive: ", "clock: ", "query-clock: ", "coordinate: ", "#"), fc.string())
      .map(([word, rest]) => word + rest),
    fc.string(),
  );

  test("a snapshot of any lines is read: addresses with a port, clocks that are whole numbers", () => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 30 }), (lines) => {
        const { alive, clocks } = parseSnapshot(lines.join("\n"));
        expect(alive.size).toBeLessThanOrEqual(lines.length);
        for (const endpoint of alive.values()) {
          expect(endpoint.port).toBeGreaterThanOrEqual(0);
          expect(endpoint.port).toBeLessThanOrEqual(65_535);
          expect(formatEndpoint(endpoint)).toMatch(/:\d+$/);
        }
        for (const clock of Object.values(clocks)) expect(Number.isSafeInteger(clock) && clock >= 0).toBe(true);
      }),
      runs(500),
    );
  });

  test("a key's text is base64 exactly when it is that of its bytes, line ends aside", () => {
    const text = fc.oneof(
      fc.string({ maxLength: 50 }),
      fc.base64String({ maxLength: 60 }),
      fc.uint8Array({ maxLength: 33 }).map((it) => Buffer.from(it).toString("base64")),
    );
    fc.assert(
      fc.property(text, (it) => {
        const key = decodeKey(it);
        expect(key !== undefined).toBe(base64Problem(it) === undefined);
        if (key !== undefined)
          expect(Buffer.from(key).toString("base64").length).toBe(it.replace(/[\r\n]/g, "").length);
      }),
      runs(500),
    );
  });

  test("a keyring file of any content gives keys, or the one error that says why not", () => {
    const path = join(folder, "keys.json");
    const key = fc.constantFrom(16, 24, 32, 15, 0).map((length) => Buffer.alloc(length, 7).toString("base64"));
    const content = fc.oneof(
      fc.json({ maxDepth: 2 }),
      fc.string(),
      fc.array(fc.oneof(key, fc.string()), { maxLength: 20 }).map((keys) => JSON.stringify(keys)),
    );
    fc.assert(
      fc.property(content, (text) => {
        writeFileSync(path, text);
        try {
          const keys = new KeyringFile(path, new LogTee(undefined)).open([]);
          expect(keys.length).toBeGreaterThan(0);
          expect(keys.every(({ length }) => [16, 24, 32].includes(length))).toBe(true);
        } catch (error) {
          if (!(error instanceof UsageError)) throw error;
          expect(error.code).toBe("bad_keyring");
        }
      }),
      runs(60),
    );
  });
});
