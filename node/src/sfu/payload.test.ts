/** Descriptors of VP9 and H.264, and the first bytes of AV1. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { BitWriter } from "../../test/sfu/bit-writer.ts";
import { rtpPacket } from "../../test/sfu/srtp-client.ts";
import { PayloadInfo } from "./keyframe.ts";
import { ExtensionTable, RtpView } from "./rtp-view.ts";
import type { CodecName } from "./types.ts";

function read(codec: CodecName, payload: Uint8Array): { info: PayloadInfo; valid: boolean } {
  const packet = new Uint8Array(rtpPacket({ payloadType: 96, seq: 1, timestamp: 1, ssrc: 1, payload }));
  const view = new RtpView();
  view.parse(packet, 0, packet.length, new ExtensionTable());
  const info = new PayloadInfo();
  return { info, valid: info.read(codec, view) };
}

describe("VP9", () => {
  test("a layered picture tells its picture id, layers and switching points", () => {
    // I, P, L, B, E; 15-bit id; TID 2, U, SID 1, D; TL0PICIDX.
    const { info, valid } = read("VP9", Uint8Array.of(0xec, 0x92, 0x34, 0x53, 77, 1, 2, 3));

    expect(valid).toBe(true);
    expect(info).toMatchObject({ pictureIdAt: 1, pictureIdBytes: 2, pictureId: 0x1234, tl0PictureIndex: 77 });
    expect(info).toMatchObject({ isLayered: true, temporalId: 2, spatialId: 1, startsFrame: true, endsFrame: true });
    expect(info).toMatchObject({ switchesTemporal: true, switchesSpatial: false, startsKeyframe: false });
  });

  test("a keyframe with its scalability structure tells the sizes of all layers", () => {
    const structure = [0x38, 1, 64, 0, 180, 2, 128, 1, 104, 1, 0x04, 1];
    const { info, valid } = read("VP9", Uint8Array.of(0x2a, 0x00, 5, ...structure, 9, 9));

    expect(valid).toBe(true);
    expect(info).toMatchObject({ startsKeyframe: true, width: 640, height: 360 });
    expect([...info.spatialWidths.subarray(0, 3)]).toEqual([320, 640, 0]);
  });

  test("in flexible mode up to three references are passed over, a fourth is an error", () => {
    expect(read("VP9", Uint8Array.of(0x58, 3, 5, 2, 1)).valid).toBe(true);
    expect(read("VP9", Uint8Array.of(0x58, 3, 5, 7, 2, 1)).valid).toBe(false);
  });
});

describe("H.264", () => {
  const parameters = new BitWriter()
    .bits(0x67, 8)
    .bits(0x42c01f, 24)
    .golomb(0)
    .golomb(0)
    .golomb(2)
    .golomb(1)
    .bits(0, 1)
    .golomb(39)
    .golomb(22)
    .bits(1, 1)
    .bits(0, 3)
    .bytes();

  test.each([
    ["alone", parameters],
    ["in an aggregate", Buffer.concat([Buffer.of(0x78, 0, parameters.length), parameters, Buffer.of(0, 2, 0x68, 1)])],
  ])("sequence parameters %s begin a keyframe and tell its size", (_, payload) => {
    const { info, valid } = read("H264", payload);

    expect(valid).toBe(true);
    expect(info).toMatchObject({ startsKeyframe: true, width: 640, height: 368 });
  });

  test.each([
    ["a slice", Buffer.of(0x41, 1, 2)],
    ["a fragment of a keyframe's slice", Buffer.of(0x7c, 0x85, 1, 2)],
  ])("%s does not", (_, payload) => {
    expect(read("H264", payload)).toMatchObject({ valid: true, info: { startsKeyframe: false } });
  });

  test.each([
    ["a type that may not be sent", Buffer.of(0x1e, 1)],
    ["an aggregate whose size lies", Buffer.of(0x78, 0, 9, 0x67)],
  ])("%s is refused", (_, payload) => {
    expect(read("H264", payload).valid).toBe(false);
  });
});

test("the first packet of a coded AV1 sequence begins a keyframe", () => {
  expect(read("AV1", Uint8Array.of(0x18, 1)).info.startsKeyframe).toBe(true);
  expect(read("AV1", Uint8Array.of(0x10, 1)).info.startsKeyframe).toBe(false);
  // Z: it goes on from the packet before.
  expect(read("AV1", Uint8Array.of(0x98, 1)).info.startsKeyframe).toBe(false);
});

test.each(["VP8", "VP9", "H264", "AV1", "opus"] as const)("[L1] any bytes of %s are read or refused", (codec) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (payload) => {
      const { info } = read(codec, payload);
      expect(info.pictureIdAt + info.pictureIdBytes).toBeLessThanOrEqual(payload.length);
      expect(info.tl0PictureIndexAt).toBeLessThanOrEqual(payload.length);
      expect(info.spatialId).toBeLessThan(8);
    }),
    { seed: 12, numRuns: 1000 },
  );
});
