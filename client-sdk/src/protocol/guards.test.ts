import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { parseServerMessage } from "./guards.ts";

const parse = (value: unknown): unknown => {
  const parsed = parseServerMessage(JSON.stringify(value));
  return parsed.ok ? parsed.message.type : parsed.reason;
};

test("any text is a message or one of our reasons, never an exception", () => {
  const reasons = ["too_long", "not_json", "not_an_object", "unknown_type", "bad_shape"];
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      const parsed = parseServerMessage(text);
      return parsed.ok || reasons.includes(parsed.reason);
    }),
    { seed: 11, numRuns: 500 },
  );
});

test("any fields under a known type are a message or bad_shape", () => {
  const type = fc.constantFrom("welcome", "joined", "slots", "speakers", "message", "closing", "constructor");
  fc.assert(
    fc.property(type, fc.object(), (name, fields) => {
      const result = parse({ ...fields, type: name, seq: 1 });
      return result === name || result === "bad_shape" || (name === "constructor" && result === "unknown_type");
    }),
    { seed: 12, numRuns: 300 },
  );
});

test.each([
  ["not_json", "{"],
  ["not_an_object", "[1]"],
  ["not_an_object", "null"],
  ["unknown_type", '{"type":"toString","seq":1}'],
  ["unknown_type", '{"seq":1}'],
  ["too_long", `"${"a".repeat(300_000)}"`],
])("%s is told of %.20s", (reason, text) => {
  expect(parseServerMessage(text)).toEqual({ ok: false, reason });
});

test("a message without a number, or with a wrong field, has a bad shape", () => {
  expect(parse({ type: "ok", replyTo: "c1" })).toBe("bad_shape");
  expect(parse({ type: "ok", seq: 1, replyTo: 5 })).toBe("bad_shape");
  expect(parse({ type: "slots", seq: 1, slots: [{ mid: "0", kind: "smell" }] })).toBe("bad_shape");
  expect(parse({ type: "closing", seq: 1, reason: "bored" })).toBe("bad_shape");
});

test("unknown fields of a newer node are let through", () => {
  expect(parse({ type: "ok", seq: 1, replyTo: "c1", news: true })).toBe("ok");
  expect(parse({ type: "slots", seq: 2, slots: [{ mid: "0", kind: "audio", spatial: 3 }] })).toBe("slots");
});
