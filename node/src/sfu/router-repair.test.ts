import { describe, expect, test } from "@jest/globals";
import {
  bodyOf,
  CoreHarness,
  nackPacket,
  oneViewer,
  pliPacket,
  rtxOf,
  seqsOf,
  vp8,
} from "../../test/sfu/core-harness.ts";
import { rtpPacket } from "../../test/sfu/srtp-client.ts";

describe("keyframes", () => {
  test("[K2] many viewers' requests become one, spaced by 400 ms", () => {
    const { harness, ingress } = oneViewer();
    for (let i = 2; i < 30; i++) harness.watch(harness.viewer(`v${i}`, i));
    harness.rtp(ingress, vp8(1, { keyframe: true }), 500);
    harness.rtcp.length = 0;
    for (let i = 1; i < 30; i++) harness.core.handleRtcp(i === 1 ? "bob" : `v${i}`, pliPacket(5000 + i), 600);
    const fir = Buffer.from("84ce000400000001000000000000138901000000", "hex");
    harness.core.handleRtcp("bob", fir, 601);
    expect(harness.takeRtcp(206, 1).map(({ peerId }) => peerId)).toEqual(["alice"]);
    expect(harness.core.counters.plis_received).toBe(30);

    harness.rtp(ingress, vp8(2, { keyframe: true }), 650);
    harness.core.handleRtcp("bob", pliPacket(5001), 700);
    harness.advance(999);
    expect(harness.takeRtcp(206, 1)).toHaveLength(0);
    harness.advance(1001);
    expect(harness.takeRtcp(206, 1)).toHaveLength(1);
  });

  test("[K5] lost for good means a keyframe is asked for", () => {
    const { harness, ingress } = oneViewer();
    harness.rtp(ingress, vp8(1, { keyframe: true }), 0);
    harness.rtp(ingress, vp8(3), 10);
    harness.advance(3000);

    const asked = harness.takeRtcp(206, 1);
    expect(asked.length).toBeGreaterThan(0);
    expect(harness.core.counters.rtp_packets_unrepaired).toBe(1);
  });

  test("[N4] a huge gap is not asked for packet by packet: a keyframe is", () => {
    const { harness, ingress } = oneViewer();
    harness.rtp(ingress, vp8(1, { keyframe: true }), 0);
    harness.rtcp.length = 0;
    harness.rtp(ingress, vp8(1000), 600);
    harness.advance(620);

    expect(harness.rtcp.map(({ type, count }) => [type, count])).toContainEqual([206, 1]);
    expect(harness.takeRtcp(205, 1)).toEqual([]);
  });
});

describe("repair", () => {
  test("[N5] a repaired packet goes out with its own number, a second copy does not", () => {
    const { harness, ingress } = oneViewer();
    harness.rtp(ingress, vp8(65_535, { keyframe: true }), 0);
    harness.rtp(ingress, vp8(1), 1);
    harness.rtx(ingress, rtxOf(vp8(0), 9), 50);
    harness.rtx(ingress, rtxOf(vp8(0), 10), 60);
    harness.rtx(ingress, rtxOf(vp8(1), 11), 61);

    const sent = harness.takeSent();

    expect(seqsOf(sent)).toEqual([0, 2, 1]);
    expect(sent[2]!.payload.subarray(5).equals(bodyOf(vp8(0)))).toBe(true);
    expect(harness.dropped).toEqual(["duplicate", "duplicate"]);
    expect(harness.core.peerSummary("alice")).toMatchObject({ packetsRepaired: 1, packetsLost: 0 });
  });

  test("[N10] bandwidth probes on the RTX stream are dropped and take no memory", () => {
    const { harness, ingress } = oneViewer();
    harness.rtp(ingress, vp8(1, { keyframe: true }), 0);
    const before = harness.arena.usedBytes;
    for (let i = 0; i < 3000; i++) {
      const empty = rtpPacket({
        payloadType: 97,
        seq: i,
        timestamp: 0,
        ssrc: 2000,
        payload: Buffer.alloc(0),
        paddingBytes: 255,
      });
      harness.rtx(ingress, i % 2 === 0 ? empty : rtxOf(vp8(1), i), i);
    }

    expect(harness.takeSent()).toHaveLength(1);
    expect(harness.arena.usedBytes).toBe(before);
    expect(new Set(harness.dropped)).toEqual(new Set(["bad_rtx", "duplicate"]));
  });

  test("[N6] a viewer's request is answered here: on the RTX stream with the original number", () => {
    const { harness, ingress } = oneViewer();
    for (let seq = 1; seq < 5; seq++) harness.rtp(ingress, vp8(seq, { keyframe: seq === 1 }), seq);
    const sent = harness.takeSent();
    harness.rtcp.length = 0;

    harness.core.handleRtcp("bob", nackPacket(5001, [sent[1]!.extSeq, sent[3]!.extSeq]), 40);

    const answers = harness.takeSent();
    expect(answers.map(({ egress, payloadType }) => [egress, payloadType])).toEqual([
      [101, 101],
      [101, 101],
    ]);
    expect(answers.map(({ originalSeq }) => originalSeq)).toEqual([sent[1]!.extSeq & 0xffff, sent[3]!.extSeq & 0xffff]);
    expect(answers[1]!.extSeq).toBe(answers[0]!.extSeq + 1);
    expect(answers[0]).toMatchObject({ timestamp: sent[1]!.timestamp, marker: true });
    expect(answers[0]!.payload.equals(sent[1]!.payload)).toBe(true);
    expect(harness.takeRtcp(205, 1)).toEqual([]);
  });

  test("[N6] without an RTX stream the packet goes again as it was", () => {
    const harness = new CoreHarness();
    const [ingress] = harness.camera();
    harness.watch(harness.viewer("bob", 1, { rtx: undefined }));
    harness.rtp(ingress!, vp8(1, { keyframe: true }), 0);
    const [original] = harness.takeSent();

    harness.core.handleRtcp("bob", nackPacket(5001, [original!.extSeq]), 40);

    expect(harness.takeSent()).toEqual([original]);
  });

  test("[N7] the same request twice within a round trip is answered once", () => {
    const { harness, ingress } = oneViewer();
    harness.rtp(ingress, vp8(1, { keyframe: true }), 0);
    const [original] = harness.takeSent();
    harness.core.handleRtcp("bob", nackPacket(5001, [original!.extSeq, original!.extSeq]), 40);
    harness.core.handleRtcp(
      "bob",
      nackPacket(5001, [original!.extSeq, original!.extSeq + 500, original!.extSeq - 500]),
      41,
    );

    expect(harness.takeSent()).toHaveLength(1);
    expect(harness.core.counters.rtx_refused).toBe(4);
  });

  test("[N8] a request from before a switch is answered from the old source", () => {
    const harness = new CoreHarness();
    const [low, high] = harness.camera(["q", "h"]);
    const egress = harness.viewer("bob", 1);
    harness.watch(egress, { width: 320, height: 180 });
    harness.rtp(low!, vp8(10, { keyframe: true }), 0);
    harness.rtp(low!, vp8(11), 1);
    harness.rtp(high!, vp8(700), 1);
    harness.watch(egress, { nowMs: 2 });
    harness.rtp(high!, vp8(701, { keyframe: true }), 3);
    const sent = harness.takeSent();

    harness.core.handleRtcp("bob", nackPacket(5001, [sent[1]!.extSeq, sent[2]!.extSeq]), 40);

    const answers = harness.takeSent();
    expect(answers.map(({ payload }) => payload)).toEqual([sent[1]!.payload, sent[2]!.payload]);
    expect(answers.map(({ timestamp }) => timestamp)).toEqual([sent[1]!.timestamp, sent[2]!.timestamp]);
  });
});

describe("a stream that begins", () => {
  test("[K1] with a keyframe is asked for none", () => {
    const harness = new CoreHarness();
    const [ingress] = harness.camera();
    harness.watch(harness.viewer("bob", 1));
    harness.rtp(ingress!, vp8(1, { keyframe: true }), 20);
    harness.advance(400);

    expect(harness.takeSent()).toHaveLength(1);
    expect(harness.takeRtcp(206, 1)).toEqual([]);
  });

  test("[K1] in its middle is asked at once", () => {
    const harness = new CoreHarness();
    const [ingress] = harness.camera();
    harness.watch(harness.viewer("bob", 1));
    harness.rtp(ingress!, vp8(1), 20);

    expect(harness.takeRtcp(206, 1)).toHaveLength(1);
  });

  test("[K1] not at all is asked after a moment, and again", () => {
    const harness = new CoreHarness();
    harness.camera();
    harness.watch(harness.viewer("bob", 1));
    harness.advance(149);
    expect(harness.takeRtcp(206, 1)).toEqual([]);
    harness.advance(700);

    expect(harness.takeRtcp(206, 1)).toHaveLength(2);
  });
});
