import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { rtpPacket, vp8Payload } from "../../test/sfu/srtp-client.ts";
import { PayloadInfo } from "./keyframe.ts";
import { ExtensionTable, RtpView } from "./rtp-view.ts";
import type { CodecName } from "./types.ts";

function read(payload: Uint8Array, codec: CodecName = "VP8"): { info: PayloadInfo; valid: boolean } {
  const packet = new Uint8Array(rtpPacket({ payloadType: 96, seq: 1, timestamp: 1, ssrc: 1, payload }));
  const view = new RtpView();
  view.parse(packet, 0, packet.length, new ExtensionTable());
  const info = new PayloadInfo();
  return { info, valid: info.read(codec, view) };
}

describe("VP8", () => {
  test("a keyframe tells its size and where its running numbers stand", () => {
    const payload = vp8Payload({
      keyframe: true,
      pictureId: 0x1234,
      tl0: 9,
      width: 1280,
      height: 720,
      body: Buffer.alloc(5),
    });

    const { info, valid } = read(payload);

    expect(valid).toBe(true);
    expect(info).toMatchObject({ startsKeyframe: true, width: 1280, height: 720 });
    expect(info).toMatchObject({
      pictureIdAt: 2,
      pictureIdBytes: 2,
      pictureId: 0x1234,
      tl0PictureIndexAt: 4,
      tl0PictureIndex: 9,
    });
  });

  test.each([
    ["a delta frame", vp8Payload({ keyframe: false, pictureId: 1, tl0: 1, body: Buffer.alloc(5) })],
    [
      "a later packet of a keyframe",
      vp8Payload({ keyframe: true, start: false, pictureId: 1, tl0: 1, body: Buffer.alloc(5) }),
    ],
    ["the start of a second partition", Buffer.from([0x11, 0x10, 0, 0])],
  ])("%s starts no keyframe", (_name, payload) => {
    const { info, valid } = read(payload);
    expect(valid).toBe(true);
    expect(info.startsKeyframe).toBe(false);
  });

  test("a 7-bit picture id and no extension are read too", () => {
    expect(read(Buffer.from([0x90, 0x80, 0x45, 0x11, 0])).info).toMatchObject({
      pictureIdBytes: 1,
      pictureId: 0x45,
      tl0PictureIndexAt: 0,
    });
    expect(read(Buffer.from([0x10, 0x10, 0, 0])).info).toMatchObject({
      startsKeyframe: true,
      width: 0,
      pictureIdAt: 0,
    });
  });

  test.each([[[0x90]], [[0x90, 0x80]], [[0x90, 0x80, 0x80]], [[0x90, 0xc0, 0x01]], [[0x90, 0x20, 0x01]], [[0x10]]])(
    "[R9] a descriptor that breaks off (%j) is refused",
    (bytes) => {
      expect(read(Buffer.from(bytes)).valid).toBe(false);
    },
  );

  test("[R9] any payload is read within its bounds or refused", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 30 }), (payload) => {
        const { info, valid } = read(payload);
        if (!valid) return;
        expect(info.pictureIdAt + info.pictureIdBytes).toBeLessThan(payload.length);
        expect(info.tl0PictureIndexAt).toBeLessThan(payload.length);
      }),
      { seed: 17, numRuns: 1000 },
    );
  });
});

test("every Opus packet can be played by itself", () => {
  expect(read(Buffer.alloc(3), "opus").info.startsKeyframe).toBe(true);
});
