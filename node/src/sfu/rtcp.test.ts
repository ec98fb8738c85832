import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { ntpToMs, RtcpCursor } from "./rtcp.ts";
import { RtcpWriter } from "./rtcp-writer.ts";

function packets(bytes: Uint8Array): { type: number; count: number; length: number }[] {
  const cursor = new RtcpCursor();
  expect(cursor.open(bytes)).toBe(true);
  const found = [];
  while (cursor.next()) found.push({ type: cursor.type, count: cursor.count, length: cursor.length });
  return found;
}

test("what the writer builds, the cursor reads", () => {
  const writer = new RtcpWriter();
  writer.receiverReport(1, [
    { ssrc: 2, fractionLost: 3, cumulativeLost: -4, highestExtSeq: 0x12345, jitter: 6, lastSr: 7, delaySinceLastSr: 8 },
  ]);
  writer.senderReport({ ssrc: 9, ntpMs: 3_900_000_000_123.5, rtpTimestamp: 11, packets: 12, octets: 13 });
  writer.canonicalName(1, "hearsay");
  writer.pictureLoss(1, 2);
  writer.nack(1, 2, [100, 101, 116, 117, 65_535, 65_536]);

  expect(packets(writer.bytes())).toEqual([
    { type: 201, count: 1, length: 32 },
    { type: 200, count: 0, length: 28 },
    { type: 202, count: 1, length: 20 },
    { type: 206, count: 1, length: 12 },
    { type: 205, count: 1, length: 24 },
  ]);
  const bytes = Buffer.from(writer.bytes());
  expect(bytes.subarray(8, 32).toString("hex")).toBe("0000000203fffffc0001234500000006" + "0000000700000008");
  expect(ntpToMs(bytes.readUInt32BE(40), bytes.readUInt32BE(44))).toBeCloseTo(3_900_000_000_123.5, 2);
  // 100 with 101 and 116 in the mask; 117 alone; 65,535 with the wrapped 0.
  expect(bytes.subarray(-12).toString("hex")).toBe("0064800100750000ffff0001");
});

test("padding of the last packet is not its content", () => {
  const bytes = Buffer.from("a1ce0003000000010000000200000004", "hex");
  expect(packets(bytes)).toEqual([{ type: 206, count: 1, length: 12 }]);
});

test.each([
  ["", "no bytes"],
  ["81c8", "a header that breaks off"],
  ["01c90001000000010000", "version 0"],
  ["81c9000900000001", "a length beyond the end"],
])("[R9] %s (%s) is no compound packet", (hex) => {
  expect(new RtcpCursor().open(Buffer.from(hex, "hex"))).toBe(false);
});

test("[R9] any bytes are walked within their bounds, or refused", () => {
  const cursor = new RtcpCursor();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      for (let at = 0; at + 4 <= bytes.length; at += 8) {
        bytes[at] = (bytes[at]! & 0x3f) | 0x80;
        bytes[at + 2] = 0;
        bytes[at + 3] = 1;
      }
      if (!cursor.open(bytes)) return;
      while (cursor.next()) {
        expect(cursor.end).toBeLessThanOrEqual(bytes.length);
        expect(cursor.length).toBeGreaterThanOrEqual(4);
      }
    }),
    { seed: 23, numRuns: 1000 },
  );
});
