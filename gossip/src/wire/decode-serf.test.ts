import { describe, expect, test } from "@jest/globals";
import { lamportTime, nodeName } from "../types.ts";
import { decodeSerf } from "./decode-serf.ts";
import { encodeSerf } from "./encode-serf.ts";
import { SerfType } from "./message-type.ts";
import type { SerfQuery } from "./messages.ts";
import { Writer } from "./writer.ts";

function payload(type: number, write: (out: Writer) => void): Uint8Array {
  const out = new Writer();
  out.byte(type);
  write(out);
  return out.take();
}

const query: SerfQuery = {
  kind: "query",
  lamportTime: lamportTime(1),
  id: 7,
  addr: Uint8Array.of(1, 2, 3, 4),
  port: 7946,
  sourceNode: nodeName("a"),
  filters: [],
  flags: 0,
  relayFactor: 0,
  timeoutNs: 3_200_000_000,
  name: "q",
  payload: new Uint8Array(0),
};

/** A query with one filter of these bytes. */
function filtered(filter: Uint8Array): Uint8Array {
  return payload(SerfType.query, (out) => {
    out.map(2);
    out.text("Filters");
    out.list(1);
    out.blob(filter);
    out.text("Name");
    out.text("q");
  });
}

describe("filters of queries", () => {
  test.each([
    ["empty", []],
    ["of an unknown type", [2, 0x90]],
    ["of names and broken", [0, 0x92, 0xa1, 0x61]],
    ["of a tag and broken", [1, 0x82, 0xa3, 0x54]],
    ["of a tag and no struct", [1, 5]],
  ])("[W16] one that is %s matches nobody, and the query stays good", (_, bytes) => {
    expect(decodeSerf(filtered(Uint8Array.from(bytes)))).toMatchObject({
      ok: true,
      value: { kind: "query", name: "q", filters: [{ kind: "unknown" }] },
    });
  });

  test("[W16] what we write is never empty, not even what we did not understand", () => {
    const bytes = encodeSerf({ ...query, filters: [{ kind: "unknown" }] });
    expect(Buffer.from(bytes).includes(Buffer.from("46696c7465727391a1ff", "hex"))).toBe(true);
  });

  test("[W16] more filters than fit into a query are refused", () => {
    const bytes = payload(SerfType.query, (out) => {
      out.map(1);
      out.text("Filters");
      out.list(65);
      for (let i = 0; i < 65; i += 1) out.blob(Uint8Array.of(0, 0x90));
    });
    expect(decodeSerf(bytes)).toEqual({ ok: false, reason: "too_many" });
  });
});

describe("numbers of 64 bits", () => {
  test.each([
    ["2^53 - 1", [0xcf, 0, 0x1f, 255, 255, 255, 255, 255, 255], true],
    ["2^53", [0xcf, 0, 0x20, 0, 0, 0, 0, 0, 0], false],
    ["2^64 - 1", [0xcf, 255, 255, 255, 255, 255, 255, 255, 255], false],
  ])("[W17] a Lamport time of %s", (_, time, isTaken) => {
    const bytes = payload(SerfType.join, (out) => {
      out.map(2);
      out.text("LTime");
      out.bytes(Uint8Array.from(time));
      out.text("Node");
      out.text("a");
    });
    expect(decodeSerf(bytes).ok).toBe(isTaken);
  });

  test("[W17] nanoseconds of a timeout go beyond 32 bits", () => {
    expect(decodeSerf(encodeSerf({ ...query, timeoutNs: 60e9 }))).toMatchObject({ value: { timeoutNs: 60e9 } });
  });
});

describe("other payloads", () => {
  test.each([
    ["nothing", [], "empty"],
    ["a type that nobody has", [10, 0x80], "unknown_type"],
    ["an intent about nobody", [1, 0x80], "bad_name"],
    ["a relay to nowhere", [9, 0x80], "bad_address"],
    ["a status beyond the last", [6, 0x81, 0xa6, 0x53, 0x74, 0x61, 0x74, 0x75, 0x73, 5], "bad_field"],
    ["a name that is no UTF-8", [1, 0x81, 0xa4, 0x4e, 0x6f, 0x64, 0x65, 0xa1, 0xff], "bad_field"],
  ])("[W1] %s is refused", (_, bytes, reason) => {
    expect(decodeSerf(Uint8Array.from(bytes))).toEqual({ ok: false, reason });
  });

  test("[W1] an event ring of more slots than could be is refused", () => {
    const bytes = payload(SerfType.pushPull, (out) => {
      out.map(1);
      out.text("Events");
      out.list(4097);
      for (let i = 0; i < 4097; i += 1) out.nil();
    });
    expect(decodeSerf(bytes)).toEqual({ ok: false, reason: "too_many" });
  });

  test("[W3] structs as lists are read in their declaration order", () => {
    const bytes = payload(SerfType.leave, (out) => {
      out.list(3);
      out.int(5);
      out.text("a");
      out.bool(true);
    });
    expect(decodeSerf(bytes)).toEqual({ ok: true, value: { kind: "leave", lamportTime: 5, node: "a", prune: true } });
  });

  test("[W2] an unknown member is null behind its type, as the agent writes it", () => {
    expect(encodeSerf({ kind: "conflictResponse", member: null })).toEqual(Uint8Array.of(6, 0xc0));
  });
});
