import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ascii, rtpPacket } from "../../test/sfu/srtp-client.ts";
import {
  EXTENSION_AUDIO_LEVEL,
  EXTENSION_MID,
  EXTENSION_REPAIRED_RID,
  EXTENSION_RID,
  EXTENSION_TRANSPORT_SEQUENCE,
  ExtensionTable,
  RtpView,
} from "./rtp-view.ts";

const TABLE = new ExtensionTable()
  .set(1, EXTENSION_MID)
  .set(2, EXTENSION_RID)
  .set(3, EXTENSION_REPAIRED_RID)
  .set(5, EXTENSION_TRANSPORT_SEQUENCE)
  .set(6, EXTENSION_AUDIO_LEVEL);

function parsed(bytes: Uint8Array): RtpView {
  const view = new RtpView();
  expect(view.parse(bytes, 0, bytes.length, TABLE)).toBeUndefined();
  return view;
}

test("fields and extensions are read in place, at any offset", () => {
  const packet = rtpPacket({
    payloadType: 96,
    seq: 0xfffe,
    timestamp: 0xdeadbeef,
    ssrc: 0xfeedf00d,
    marker: true,
    extensions: {
      1: ascii("v1"),
      2: ascii("hi"),
      3: ascii("re"),
      5: Uint8Array.of(0x12, 0x34),
      6: Uint8Array.of(0x85),
      9: Uint8Array.of(1, 2, 3),
    },
    payload: Buffer.from("payload"),
  });
  const bytes = Buffer.concat([Buffer.alloc(33, 0xff), packet, Buffer.alloc(9, 0xff)]);
  const view = new RtpView();

  expect(view.parse(bytes, 33, packet.length, TABLE)).toBeUndefined();

  expect(view).toMatchObject({ payloadType: 96, seq: 0xfffe, timestamp: 0xdeadbeef, ssrc: 0xfeedf00d, marker: true });
  expect(view).toMatchObject({ transportSeq: 0x1234, audioLevel: 5, payloadLength: 7 });
  expect([view.mid(), view.rid(), view.repairedRid()]).toEqual(["v1", "hi", "re"]);
  expect(Buffer.from(bytes.subarray(view.payloadOffset, view.payloadOffset + 7)).toString()).toBe("payload");
});

test("the two-byte form reads the same, and contributing sources are stepped over", () => {
  const bytes = Buffer.from([
    ...[0x92, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3],
    ...[0, 0, 0, 4, 0, 0, 0, 5],
    ...[0x10, 0x00, 0, 3, 0, 1, 2, 0x61, 0x62, 5, 2, 0, 9, 7, 0, 0],
    ...[42],
  ]);

  const view = parsed(bytes);

  expect(view.mid()).toBe("ab");
  expect(view.transportSeq).toBe(9);
  expect(view.payloadLength).toBe(1);
});

test("after a move the texts are found where the packet lies now", () => {
  const packet = rtpPacket({
    payloadType: 96,
    seq: 1,
    timestamp: 1,
    ssrc: 1,
    extensions: { 1: ascii("m") },
    payload: Buffer.alloc(3),
  });
  const view = parsed(packet);
  const elsewhere = Buffer.concat([Buffer.alloc(100), packet]);

  view.moveTo(elsewhere, 100);

  expect(view.mid()).toBe("m");
  expect(view.payloadOffset).toBe(100 + packet.length - 3);
});

describe("padding", () => {
  const padded = (payloadBytes: number, paddingBytes: number) =>
    parsed(
      rtpPacket({
        payloadType: 96,
        seq: 1,
        timestamp: 1,
        ssrc: 1,
        payload: Buffer.alloc(payloadBytes, 7),
        paddingBytes,
      }),
    );

  test("is taken off the payload", () => {
    const view = padded(10, 5);
    expect(view.trimPadding()).toBe(true);
    expect(view.payloadLength).toBe(10);
  });

  test("may be all there is", () => {
    const view = padded(0, 200);
    expect(view.trimPadding()).toBe(true);
    expect(view.payloadLength).toBe(0);
  });

  test("[R9] that claims more than there is, or nothing, is refused", () => {
    const lie = rtpPacket({
      payloadType: 96,
      seq: 1,
      timestamp: 1,
      ssrc: 1,
      payload: Buffer.alloc(4),
      paddingBytes: 1,
    });
    lie[lie.length - 1] = 200;
    expect(parsed(lie).trimPadding()).toBe(false);
    lie[lie.length - 1] = 0;
    expect(parsed(lie).trimPadding()).toBe(false);
  });
});

test.each([
  ["too_short", Buffer.alloc(11, 0x80)],
  ["bad_version", Buffer.alloc(20, 0x40)],
  ["bad_header", Buffer.concat([Buffer.from([0x8f]), Buffer.alloc(20)])],
  ["bad_header", Buffer.concat([Buffer.from([0x90]), Buffer.alloc(12)])],
  ["bad_header", Buffer.from("9000000000000000000000bede0009000000", "hex")],
])("[R9] a packet that is %s is refused by name", (reason, bytes) => {
  expect(new RtpView().parse(bytes, 0, bytes.length, TABLE)).toBe(reason);
});

test("[R9] any bytes give a view within them or a reason", () => {
  const view = new RtpView();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      if (bytes.length > 0) bytes[0] = (bytes[0]! & 0x3f) | 0x80;
      const refused = view.parse(bytes, 0, bytes.length, TABLE);
      if (refused !== undefined) return;
      expect(view.headerLength + view.payloadLength).toBe(bytes.length);
      expect(view.midStart + view.midLength).toBeLessThanOrEqual(view.headerLength);
      view.trimPadding();
      expect(view.payloadLength).toBeGreaterThanOrEqual(0);
    }),
    { seed: 3, numRuns: 2000 },
  );
});
