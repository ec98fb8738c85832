/** Layers within one stream, as one viewer gets them. */
import { expect, test } from "@jest/globals";
import { CoreHarness, pliPacket, seqsOf } from "../../test/sfu/core-harness.ts";
import { rtpPacket } from "../../test/sfu/srtp-client.ts";

const VP9 = [{ name: "VP9", payloadType: 98, rtxPayloadType: 99 }] as const;
/** Two spatial layers of 320 and 640 pixels. */
const STRUCTURE = [0x30, 1, 64, 0, 180, 2, 128, 1, 104];

function vp9(seq: number, shape: { picture: number; spatialId: number; keyframe?: boolean }): Buffer {
  const { picture, spatialId, keyframe = false } = shape;
  const isFirst = spatialId === 0;
  const flags = 0xac | (keyframe ? 0 : 0x40) | (keyframe && isFirst ? 0x02 : 0);
  const head = [flags, 0x80 | (picture >> 8), picture & 255, (spatialId << 1) | (isFirst ? 0 : 1), picture & 255];
  const payload = Buffer.from([...head, ...(keyframe && isFirst ? STRUCTURE : []), 1, 2, 3, spatialId]);
  return rtpPacket({ payloadType: 96, seq, timestamp: picture * 3000, ssrc: 1000, marker: !isFirst, payload });
}

function svc(width: number) {
  const harness = new CoreHarness();
  const ingress = harness.camera([""], { codec: "VP9" })[0]!;
  const egress = harness.viewer("bob", 1, { codecs: VP9 });
  harness.watch(egress, { width, height: (width * 9) / 16 });
  let seq = 10;
  const picture = (number: number, keyframe = false): void => {
    for (const spatialId of [0, 1])
      harness.rtp(ingress, vp9(seq++, { picture: number, spatialId, keyframe }), number * 33);
  };
  return { harness, egress, ingress, picture };
}

const layersOf = (packets: readonly { readonly payload: Buffer }[]): number[] =>
  packets.map(({ payload }) => payload.at(-1)!);

test("[L2][L5] a small slot gets the lower spatial layer, without holes, with the marker on its last packet", () => {
  const { harness, picture } = svc(320);
  picture(1, true);
  for (let number = 2; number < 50; number++) {
    harness.advance(number * 33);
    picture(number);
  }
  const sent = harness.takeSent(1).slice(-8);

  expect(new Set(layersOf(sent))).toEqual(new Set([0]));
  expect(seqsOf(sent)).toEqual([...sent.keys()]);
  expect(sent.every(({ marker }) => marker)).toBe(true);
  expect(
    sent.every(({ payload }, i) => i === 0 || pictureIdOf9(payload) === pictureIdOf9(sent[i - 1]!.payload) + 1),
  ).toBe(true);
});

test("[L3] the upper layer comes back with a keyframe, which is asked for", () => {
  const { harness, egress, picture } = svc(320);
  picture(1, true);
  for (let number = 2; number < 50; number++) {
    harness.advance(number * 33);
    picture(number);
  }
  harness.takeSent();
  harness.takeRtcp();
  harness.watch(egress, { width: 640, height: 360, nowMs: 50 * 33 });
  for (let number = 50; number < 60; number++) {
    harness.advance(number * 33);
    picture(number);
  }

  expect(new Set(layersOf(harness.takeSent(1)))).toEqual(new Set([0]));
  expect(harness.takeRtcp(206, 1).length).toBeGreaterThan(0);
  picture(60, true);
  picture(61);
  expect(layersOf(harness.takeSent(1))).toEqual([0, 1, 0, 1]);
});

test("[L2] a large slot gets both", () => {
  const { harness, picture } = svc(1280);
  picture(1, true);
  for (let number = 2; number < 30; number++) {
    harness.advance(number * 33);
    picture(number);
  }

  expect(layersOf(harness.takeSent(1).slice(-4))).toEqual([0, 1, 0, 1]);
  harness.core.handleRtcp("bob", pliPacket(5001), 2000);
  expect(harness.takeRtcp(206, 1)).toHaveLength(1);
});

function pictureIdOf9(payload: Buffer): number {
  return payload.readUInt16BE(1) & 0x7fff;
}
