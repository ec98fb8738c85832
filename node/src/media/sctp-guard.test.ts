import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { SctpGuard } from "./sctp-guard.ts";

const chunk = (type: number, value: Buffer, flags = 0, length = value.length + 4): Buffer => {
  const padded = Buffer.alloc(4 + ((value.length + 3) & ~3));
  padded.writeUInt8(type, 0);
  padded.writeUInt8(flags, 1);
  padded.writeUInt16BE(length, 2);
  value.copy(padded, 4);
  return padded;
};
const packet = (...chunks: Buffer[]): Buffer => Buffer.concat([Buffer.alloc(12), ...chunks]);
const words = (...values: number[]): Buffer => {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value >>> 0, 4 * index);
  return bytes;
};
const init = (tsn: number): Buffer => packet(chunk(1, words(1, 2, 3, tsn)));
const WHOLE = 3;
const data = (tsn: number, { stream = 0, flags = WHOLE, bytes = 10 } = {}): Buffer =>
  packet(chunk(0, Buffer.concat([words(tsn, stream << 16, 51), Buffer.alloc(bytes)]), flags));

function started(tsn = 100): SctpGuard {
  const guard = new SctpGuard(2);
  expect(guard.judge(init(tsn))).toBe("pass");
  return guard;
}

test("[G28] what browsers send passes", () => {
  const guard = started();
  const parameter = words(0x0001_0008, 7);
  expect(guard.judge(packet(chunk(10, Buffer.alloc(24)), data(100).subarray(12)))).toBe("pass");
  expect(guard.judge(packet(chunk(4, parameter)))).toBe("pass");
  expect(guard.judge(packet(chunk(3, words(1, 1000, 1 << 16, (2 << 16) | 5))))).toBe("pass");
  expect(guard.judge(packet(chunk(192, words(101, 1 << 16))))).toBe("pass");
  expect(guard.judge(packet(chunk(130, words(0x000d_0012, 1, 2, 3, 0x0001_0000))))).toBe("pass");
  expect(guard.judge(packet(chunk(6, Buffer.alloc(0))))).toBe("pass");
});

test.each([
  ["no packet", Buffer.alloc(5), "sctp_malformed"],
  ["no chunk", packet(), "sctp_malformed"],
  ["a chunk of length 0", packet(chunk(0, words(1, 2, 3, 4), 0, 0)), "sctp_malformed"],
  ["a chunk that is longer than the packet", packet(chunk(0, words(1), 0, 400)), "sctp_malformed"],
  ["INIT beside another chunk", packet(chunk(1, words(1, 2, 3, 4)), chunk(6, words())), "sctp_malformed"],
  ["INIT with a parameter of length 0", packet(chunk(1, words(1, 2, 3, 100, 0x0005_0000))), "sctp_malformed"],
  ["HEARTBEAT with a parameter of length 0", packet(chunk(4, words(0x0001_0000))), "sctp_malformed"],
  ["a parameter that is longer than its chunk", packet(chunk(5, words(0x0001_0040))), "sctp_malformed"],
  ["SACK with gaps that it does not have", packet(chunk(3, words(1, 2, 3 << 16))), "sctp_malformed"],
  [
    "SACK with a gap that ends before it begins",
    packet(chunk(3, words(1, 2, 1 << 16, (9 << 16) | 5))),
    "sctp_malformed",
  ],
  ["SACK with gaps as wide as can be", packet(chunk(3, words(1, 2, 1 << 16, (1 << 16) | 0xffff))), "sctp_malformed"],
  ["DATA without data", data(100, { bytes: 0 }), "sctp_malformed"],
  ["DATA of a third stream", data(100, { stream: 2 }), "sctp_unknown_stream"],
  ["DATA far ahead", data(100 + 1_024), "sctp_window"],
  ["FORWARD TSN far ahead", packet(chunk(192, words(100 + 1_024))), "sctp_window"],
  ["FORWARD TSN of a third stream", packet(chunk(192, words(100, 9 << 16))), "sctp_unknown_stream"],
  ["a request for more streams", packet(chunk(130, words(0x0011_000c, 1, 0xffff_0000))), "sctp_unexpected"],
  ["INIT ACK", packet(chunk(2, words(1, 2, 3, 4))), "sctp_unexpected"],
  ["an unknown chunk", packet(chunk(99, words(1))), "sctp_unexpected"],
  ["another INIT", init(7_000), "sctp_unexpected"],
])("[G28] %s does not pass and changes nothing", (_what, bytes, reason) => {
  const guard = started();
  expect(guard.judge(bytes)).toBe(reason);
  expect(guard.judge(data(100))).toBe("pass");
});

test("[G28] nothing but INIT passes before INIT, and a repeated one does", () => {
  const guard = new SctpGuard(2);
  expect(guard.judge(data(5))).toBe("sctp_window");
  expect([guard.judge(init(0)), guard.judge(init(0)), guard.judge(data(0))]).toEqual(["pass", "pass", "pass"]);
  expect(guard.judge(init(0))).toBe("sctp_unexpected");
});

test("[G28] numbers are followed over their wrap, in any order and with repetitions", () => {
  const guard = started(0xffff_fffe);
  for (const tsn of [1, 0xffff_ffff, 0xffff_fffe, 0, 0, 1, 2]) {
    expect(guard.judge(data(tsn))).toBe("pass");
    guard.delivered(0);
  }
  expect(guard.judge(data(2 + 1_024))).toBe("pass");
  expect(guard.judge(data(3 + 1_024))).toBe("sctp_window");
});

test("[G28] a message without end is an overflow", () => {
  const guard = started();
  const verdicts = Array.from({ length: 60 }, (_, i) =>
    guard.judge(data(100 + i, { flags: i === 0 ? 2 : 0, bytes: 1_200 })),
  );
  expect(verdicts.slice(0, 54)).toEqual(Array.from({ length: 54 }, () => "pass"));
  expect(verdicts.at(-1)).toBe("overflow");
});

test("[G28] messages that all wait for one that never comes are an overflow, those that are delivered are not", () => {
  const fine = started();
  for (let i = 0; i < 5_000; i++) {
    expect(fine.judge(data(100 + i, { stream: i % 2 }))).toBe("pass");
    fine.delivered(i % 2);
  }
  const guard = started();
  let verdict = "pass";
  for (let i = 0; i < 5_000 && verdict === "pass"; i++) verdict = guard.judge(data(100 + i));
  expect(verdict).toBe("overflow");
});

test("[G28] what the sender gives up is not waited for", () => {
  const guard = started();
  for (let round = 0; round < 10; round++) {
    const first = 100 + 1_000 * round;
    for (let i = 1; i < 1_000; i++) expect(guard.judge(data(first + i, { stream: 1 }))).toBe("pass");
    expect(guard.judge(packet(chunk(192, words(first, 1 << 16))))).toBe("pass");
  }
});

test("[G28] any bytes are judged", () => {
  const any = fc.array(fc.oneof(fc.uint8Array({ maxLength: 80 }), fc.constant(data(100)), fc.constant(init(100))), {
    maxLength: 20,
  });
  fc.assert(
    fc.property(any, (packets) => {
      const guard = new SctpGuard(2);
      return packets.every((bytes) => /^(pass|overflow|sctp_\w+)$/.test(guard.judge(packet(Buffer.from(bytes)))));
    }),
    { seed: 51, numRuns: 300 },
  );
});
