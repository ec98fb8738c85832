import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { bodyOf, CoreHarness, oneViewer, pictureIdOf, seqsOf, vp8 } from "../../test/sfu/core-harness.ts";
import { rtpPacket } from "../../test/sfu/srtp-client.ts";

describe("forwarding", () => {
  test("[R1] every packet reaches each viewer once, its payload unchanged but for the running numbers", () => {
    const { harness, ingress } = oneViewer();
    harness.watch(harness.viewer("carol", 2));
    for (let seq = 10; seq < 20; seq++) {
      const packet = vp8(seq, { keyframe: seq === 10 });
      harness.rtp(ingress, packet, seq);
      const sent = harness.takeSent();
      expect(sent.map(({ egress }) => egress)).toEqual([1, 2]);
      for (const copy of sent) {
        expect(copy).toMatchObject({ payloadType: 100, marker: true, originalSeq: -1 });
        expect(copy.payload.subarray(5).equals(bodyOf(packet))).toBe(true);
        expect(copy.payload.subarray(0, 2).equals(packet.subarray(12, 14))).toBe(true);
      }
    }
  });

  test("[R2] padding without payload leaves no hole, and payload is freed of its padding", () => {
    const { harness, ingress } = oneViewer();
    harness.rtp(ingress, vp8(1, { keyframe: true }), 0);
    harness.rtp(
      ingress,
      rtpPacket({ payloadType: 96, seq: 2, timestamp: 1, ssrc: 1000, payload: Buffer.alloc(0), paddingBytes: 99 }),
      1,
    );
    harness.rtp(ingress, vp8(3, { paddingBytes: 40 }), 2);

    const sent = harness.takeSent();

    expect(seqsOf(sent)).toEqual([0, 1]);
    expect(sent[1]!.payload.length).toBe(vp8(3).length - 12);
    expect(harness.core.counters.rtp_padding_received).toBe(1);
  });

  test("[R2] padding that comes late goes out empty, because its hole is there", () => {
    const { harness, ingress } = oneViewer();
    harness.rtp(ingress, vp8(1, { keyframe: true }), 0);
    harness.rtp(ingress, vp8(3), 1);
    harness.rtp(
      ingress,
      rtpPacket({ payloadType: 96, seq: 2, timestamp: 1, ssrc: 1000, payload: Buffer.alloc(0), paddingBytes: 99 }),
      2,
    );

    const sent = harness.takeSent();

    expect(seqsOf(sent)).toEqual([0, 2, 1]);
    expect(sent[2]!.payload).toHaveLength(0);
  });

  test("[R5] nothing goes back to the transport that it came from", () => {
    const harness = new CoreHarness();
    const [ingress] = harness.camera();
    harness.watch(harness.viewer("alice", 1));
    harness.rtp(ingress!, vp8(1, { keyframe: true }), 0);

    expect(harness.takeSent()).toEqual([]);
  });

  test("[R5] an emptied slot, another room's slot and a slot of another codec get nothing", () => {
    const { harness, ingress, egress } = oneViewer();
    harness.viewer("carol", 2);
    harness.watch(harness.viewer("dave", 3, { codecs: [{ name: "H264", payloadType: 5, rtxPayloadType: undefined }] }));
    harness.core.assign(egress, null, 0);
    harness.rtp(ingress, vp8(1, { keyframe: true }), 0);

    expect(harness.takeSent()).toEqual([]);
  });

  test("[R6] a muted track is silent, and comes back with a keyframe and without a hole", () => {
    const { harness, ingress } = oneViewer();
    harness.rtp(ingress, vp8(1, { keyframe: true }), 0);
    harness.core.setTrackMuted({ trackId: "camera", muted: true }, 10);
    harness.rtp(ingress, vp8(2), 33);
    expect(harness.dropped).toEqual(["muted"]);
    harness.rtcp.length = 0;
    harness.core.setTrackMuted({ trackId: "camera", muted: false }, 1000);
    expect(harness.takeRtcp(206, 1)).toHaveLength(1);
    harness.rtp(ingress, vp8(3), 1033);
    harness.rtp(ingress, vp8(4, { keyframe: true }), 1066);

    const sent = harness.takeSent();

    expect(seqsOf(sent)).toEqual([0, 1]);
    expect(sent[1]!.timestamp - sent[0]!.timestamp).toBe(Math.round(1066 * 90));
  });

  test("[R8] a stream that is exported goes on elsewhere without a gap", () => {
    const first = oneViewer();
    for (let seq = 1; seq < 9; seq++) first.harness.rtp(first.ingress, vp8(seq, { keyframe: seq === 1 }), seq);
    const last = first.harness.takeSent().at(-1)!;
    const state = first.harness.core.exportForwardingState(first.egress);

    const harness = new CoreHarness({ seed: 99 });
    const [ingress] = harness.camera();
    harness.core.addPeer("bob", { feedbackSsrc: 5 }, 0);
    const codecs = [{ name: "VP8", payloadType: 100, rtxPayloadType: 101 }] as const;
    const input = {
      peerId: "bob",
      roomId: "r",
      kind: "video",
      ssrc: 5001,
      egress: first.egress,
      rtx: undefined,
      codecs,
    } as const;
    expect(harness.core.addConsumer(input, state)).toBe(true);
    harness.watch(first.egress);
    harness.rtp(ingress!, vp8(500, { keyframe: true }), 40);

    const [next] = harness.takeSent();
    expect(next!.extSeq).toBe(last.extSeq + 1);
    expect((next!.timestamp - last.timestamp) | 0).toBeGreaterThan(0);
    expect(pictureIdOf(next!)).toBe((pictureIdOf(last) + 1) & 0x7fff);
    expect(first.harness.core.exportForwardingState(77 as never)).toBeUndefined();
  });
});

describe("[R9] bytes of strangers", () => {
  test("in RTP are refused by name", () => {
    const { harness, ingress } = oneViewer();
    const lie = rtpPacket({
      payloadType: 96,
      seq: 1,
      timestamp: 1,
      ssrc: 1000,
      payload: Buffer.alloc(4),
      paddingBytes: 1,
    });
    lie[lie.length - 1] = 200;
    harness.rtp(ingress, lie, 0);
    harness.rtp(ingress, vp8(2, { payload: Buffer.from([0x90]) }), 0);
    harness.rtp(99 as never, vp8(3), 0);

    expect(harness.dropped).toEqual(["bad_payload", "bad_payload", "unknown_ssrc"]);
    expect(harness.takeSent()).toEqual([]);
  });

  test("in RTCP never throw, and are counted where they say nothing", () => {
    const { harness } = oneViewer();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.integer({ min: 199, max: 208 }), (bytes, type) => {
        if (bytes.length > 4 && bytes.length % 4 === 0) {
          bytes[0] = (bytes[0]! & 0x1f) | 0x80;
          bytes[1] = type;
          bytes[2] = 0;
          bytes[3] = bytes.length / 4 - 1;
        }
        for (const peer of ["bob", "alice", "nobody"]) harness.core.handleRtcp(peer, bytes, 0);
      }),
      { seed: 31, numRuns: 1500 },
    );

    expect(new Set(harness.dropped)).toEqual(new Set(["bad_rtcp", "unknown_rtcp"]));
    expect(harness.takeSent()).toEqual([]);
  });
});

test("commands for what is not there are no-ops", () => {
  const harness = new CoreHarness();
  const { core } = harness;
  core.removeTrack("nothing");
  core.removeIngress(5 as never, 0);
  core.removeConsumer(5 as never, 0);
  core.assign(5 as never, null, 0);
  core.setTrackMuted({ trackId: "nothing", muted: true }, 0);
  core.handleTimeout(1e9);

  expect(core.addIngress({ trackId: "nothing", layer: "", peerId: "x", ssrc: 1, nack: true }, 0)).toBeUndefined();
  expect(core.deadlineMs()).toBe(Number.POSITIVE_INFINITY);
  expect(core.peerSummary("x")).toBeUndefined();
  expect(core.hasTrack("nothing")).toBe(false);
  expect(harness.events).toEqual([]);
});

test("the sink may not call back", () => {
  const harness = new CoreHarness();
  const [ingress] = harness.camera();
  harness.watch(harness.viewer("bob", 1));
  const push = harness.sent.push.bind(harness.sent);
  harness.sent.push = (...items) => {
    harness.core.handleTimeout(0);
    return push(...items);
  };

  expect(() => harness.rtp(ingress!, vp8(1, { keyframe: true }), 0)).toThrow("called back");
});
