// What is accepted and what is refused, field by field; each was tried on the stock agent where it could be.

import { describe, expect, test } from "@jest/globals";
import { decodeMessage } from "./decode-message.ts";
import { MessageType } from "./message-type.ts";
import { Writer } from "./writer.ts";

const VSN = Uint8Array.of(1, 5, 2, 2, 5, 5);

function message(type: number, write: (out: Writer) => void): Uint8Array {
  const out = new Writer();
  out.byte(type);
  write(out);
  return out.take();
}

type Value = (out: Writer) => void;
const text =
  (value: string): Value =>
  (out) =>
    out.text(value);
const int =
  (value: number): Value =>
  (out) =>
    out.int(value);
const blob =
  (value: Uint8Array): Value =>
  (out) =>
    out.blob(value);
const raw =
  (...bytes: number[]): Value =>
  (out) =>
    out.bytes(Uint8Array.from(bytes));

function struct(fields: Readonly<Record<string, Value>>): Value {
  return (out) => {
    out.map(Object.keys(fields).length);
    for (const [key, write] of Object.entries(fields)) {
      out.text(key);
      write(out);
    }
  };
}

const ALIVE = {
  Node: text("a"),
  Addr: blob(Uint8Array.of(127, 0, 0, 1)),
  Port: int(7946),
  Incarnation: int(3),
  Meta: blob(Uint8Array.of(0xff, 0x80)),
  Vsn: blob(VSN),
};
const alive = (changes: Readonly<Record<string, Value>>): Uint8Array =>
  message(MessageType.alive, struct({ ...ALIVE, ...changes }));
const ping = (fields: Readonly<Record<string, Value>>): Uint8Array => message(MessageType.ping, struct(fields));

describe("accepted", () => {
  test("[W3] keys in any order, with unknown ones of any kind between them", () => {
    const nested = raw(0x82, 0xa1, 0x78, 0x93, 1, 0xc0, 0x81, 1, 2, 0xa1, 0x79, 0xcb, 0, 0, 0, 0, 0, 0, 0, 0);
    const decoded = decodeMessage(
      ping({ Zork: nested, SeqNo: int(7), Future: raw(0xc7, 2, 1, 9, 9), Node: text("b") }),
    );
    expect(decoded).toEqual({ ok: true, value: { kind: "ping", seqNo: 7, node: "b" } });
  });

  test.each([
    ["positive fixint", raw(5)],
    ["uint8", raw(0xcc, 5)],
    ["uint16", raw(0xcd, 0, 5)],
    ["uint32", raw(0xce, 0, 0, 0, 5)],
    ["uint64", raw(0xcf, 0, 0, 0, 0, 0, 0, 0, 5)],
    ["int8", raw(0xd0, 5)],
    ["int16", raw(0xd1, 0, 5)],
    ["int32", raw(0xd2, 0, 0, 0, 5)],
    ["int64", raw(0xd3, 0, 0, 0, 0, 0, 0, 0, 5)],
  ])("[W3] an integer as %s", (_, value) => {
    expect(decodeMessage(ping({ SeqNo: value }))).toMatchObject({ ok: true, value: { seqNo: 5 } });
  });

  test("[W3] null for every field is zero, and so is a missing field", () => {
    const nil = raw(0xc0);
    const zero = { ok: true, value: { kind: "ping", seqNo: 0, node: "" } };
    expect(decodeMessage(ping({ SeqNo: nil, Node: nil, SourceAddr: nil, SourcePort: nil, SourceNode: nil }))).toEqual(
      zero,
    );
    expect(decodeMessage(ping({}))).toEqual(zero);
  });

  test("[W3] a struct as a list in declaration order", () => {
    const listed = message(MessageType.ping, (out) => {
      out.list(3);
      out.int(9);
      out.text("a");
      out.blob(Uint8Array.of(1, 2, 3, 4));
    });
    expect(decodeMessage(listed)).toEqual({ ok: true, value: { kind: "ping", seqNo: 9, node: "a" } });
  });

  test("[W3] bytes as bin or as a list of small integers", () => {
    const bin = raw(0xc4, 4, 1, 2, 3, 4);
    const list = raw(0x94, 1, 2, 3, 0xcc, 4);
    const source = { SourcePort: int(1), SeqNo: int(1) };
    for (const addr of [bin, list]) {
      expect(decodeMessage(ping({ ...source, SourceAddr: addr }))).toMatchObject({
        ok: true,
        value: { source: { addr: Uint8Array.of(1, 2, 3, 4), port: 1 } },
      });
    }
  });

  test("[W3] what follows the map is ignored", () => {
    expect(decodeMessage(Uint8Array.of(...ping({ SeqNo: int(1) }), 0xc1, 0xff))).toMatchObject({ ok: true });
  });

  test("[W3] a source without port or address is none: the answer goes where the packet came from", () => {
    const decoded = decodeMessage(ping({ SeqNo: int(1), SourceAddr: blob(Uint8Array.of(1, 2, 3, 4)) }));
    expect(decoded).toEqual({ ok: true, value: { kind: "ping", seqNo: 1, node: "" } });
  });
});

describe("refused", () => {
  test.each([
    ["a negative integer", ping({ SeqNo: raw(0xff) }), "bad_field"],
    ["an integer beyond 32 bits", ping({ SeqNo: raw(0xcf, 0, 0, 0, 1, 0, 0, 0, 0) }), "bad_field"],
    ["a float for an integer", ping({ SeqNo: raw(0xca, 0, 0, 0, 0) }), "bad_field"],
    ["a text for an integer", ping({ SeqNo: text("1") }), "bad_field"],
    ["a port beyond 16 bits", ping({ SourcePort: int(65_536) }), "bad_field"],
    ["bin for a text", ping({ Node: raw(0xc4, 1, 0x61) }), "bad_field"],
    ["text that is no UTF-8", ping({ Node: raw(0xa2, 0xc3, 0x28) }), "bad_field"],
    ["a number for a truth", message(1, struct({ Nack: int(1) })), "bad_field"],
    ["an indirect ping without a target", message(1, struct({ SeqNo: int(1) })), "bad_address"],
    ["a list of larger integers for bytes", ping({ SourceAddr: raw(0x91, 0xcd, 1, 0) }), "bad_field"],
    ["a body that is no struct", Uint8Array.of(0, 0x05), "bad_msgpack"],
    ["the byte that no value begins with", ping({ Zork: raw(0xc1) }), "bad_msgpack"],
    ["a body that breaks off", ping({ SeqNo: int(1), Node: text("abc") }).slice(0, -2), "truncated"],
    ["a key that is a number", Uint8Array.of(0, 0x81, 5, 5), "bad_field"],
    ["nothing", new Uint8Array(0), "empty"],
    ["a type that nobody has", Uint8Array.of(14), "unknown_type"],
    ["a push/pull in a packet", Uint8Array.of(6, 0x80), "unknown_type"],
  ])("[W3] %s", (_, bytes, reason) => {
    expect(decodeMessage(bytes)).toEqual({ ok: false, reason });
  });

  test.each([1, 2, 3, 4, 5, 7])("[W5] a version vector of %d bytes", (length) => {
    const decoded = decodeMessage(alive({ Vsn: blob(new Uint8Array(length)) }));
    expect(decoded).toEqual({ ok: false, reason: "bad_version_vector" });
  });

  test("[W5] six bytes or none are taken as they are", () => {
    expect(decodeMessage(alive({}))).toMatchObject({ ok: true, value: { vsn: VSN } });
    expect(decodeMessage(alive({ Vsn: raw(0xc0) }))).toMatchObject({ ok: true, value: { vsn: new Uint8Array(0) } });
  });

  test.each([
    ["an empty name", { Node: text("") }, "bad_name"],
    ["a name of 129 units", { Node: text("n".repeat(129)) }, "bad_name"],
    ["no address", { Addr: raw(0xc0) }, "bad_address"],
    ["an address of five bytes", { Addr: blob(new Uint8Array(5)) }, "bad_address"],
    ["513 bytes of meta", { Meta: blob(new Uint8Array(513)) }, "meta_too_long"],
  ])("[W6] a member with %s", (_, changes, reason) => {
    expect(decodeMessage(alive(changes as Readonly<Record<string, Value>>))).toEqual({ ok: false, reason });
  });

  test("[W6] 128 units, 16 bytes of address and 512 of meta are allowed", () => {
    const changes = { Node: text("n".repeat(128)), Addr: blob(new Uint8Array(16)), Meta: blob(new Uint8Array(512)) };
    expect(decodeMessage(alive(changes))).toMatchObject({ ok: true });
  });

  test("[W6] an accusation without the accused", () => {
    expect(decodeMessage(message(3, struct({ From: text("a") })))).toEqual({ ok: false, reason: "bad_name" });
  });
});
