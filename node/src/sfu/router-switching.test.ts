import { describe, expect, test } from "@jest/globals";
import {
  bodyOf,
  CoreHarness,
  oneViewer,
  pictureIdOf,
  senderReport,
  seqsOf,
  tl0Of,
  vp8,
} from "../../test/sfu/core-harness.ts";

describe("switching", () => {
  function simulcast() {
    const harness = new CoreHarness();
    const ingresses = harness.camera(["q", "h"]);
    const egress = harness.viewer("bob", 1);
    harness.watch(egress, { width: 320, height: 180 });
    return { harness, low: ingresses[0]!, high: ingresses[1]!, egress };
  }

  test("[K1] a viewer's first packet begins a keyframe", () => {
    const { harness, ingress } = oneViewer();
    harness.rtp(ingress, vp8(1), 0);
    harness.rtp(ingress, vp8(2, { keyframe: true, start: false }), 1);
    expect(harness.takeSent()).toEqual([]);

    harness.rtp(ingress, vp8(3, { keyframe: true }), 2);

    expect(harness.takeSent()).toHaveLength(1);
  });

  test("[K4] the old layer goes on until the new one's keyframe, then numbers, times and pictures count on", () => {
    const { harness, low, high, egress } = simulcast();
    harness.rtp(low, vp8(10, { keyframe: true, width: 320 }), 0);
    harness.rtp(high, vp8(30_000, { keyframe: true, width: 640 }), 1);
    harness.rtcp.length = 0;
    harness.watch(egress, { width: 640, height: 360, nowMs: 5 });
    const asked = harness.takeRtcp(206, 1);
    expect(asked.map(({ bytes }) => bytes.readUInt32BE(8))).toEqual([1001]);
    harness.rtp(high, vp8(30_001), 20);
    harness.rtp(low, vp8(11), 33);
    harness.rtp(high, vp8(30_002, { keyframe: true, width: 640 }), 50);
    harness.rtp(low, vp8(12), 66);
    harness.rtp(high, vp8(30_003), 83);

    const sent = harness.takeSent();

    expect(seqsOf(sent)).toEqual([0, 1, 2, 3]);
    expect(sent[2]!.payload.subarray(5).equals(bodyOf(vp8(30_002, { keyframe: true, width: 640 })))).toBe(true);
    expect(sent[2]!.timestamp).toBe((sent[1]!.timestamp + 17 * 90) >>> 0);
    expect(sent.map(pictureIdOf)).toEqual([0, 1, 2, 3].map((i) => (pictureIdOf(sent[0]!) + i) & 0x7fff));
    expect(sent.map(tl0Of)).toEqual([0, 1, 2, 3].map((i) => (tl0Of(sent[0]!) + i) & 255));
  });

  test("[R3] layers with sender reports are joined by their sender's clock", () => {
    const { harness, low, high, egress } = simulcast();
    harness.core.handleRtcp("alice", senderReport(1000, { ntpMs: 1_000_000, rtpTimestamp: 0 }), 0);
    harness.core.handleRtcp("alice", senderReport(1001, { ntpMs: 1_000_000, rtpTimestamp: 777_000 }), 0);
    harness.rtp(low, vp8(1, { keyframe: true, timestamp: 90_000 }), 1000);
    harness.rtp(high, vp8(1, { timestamp: 777_000 + 90_000 }), 1000);
    harness.watch(egress, { width: 1280, height: 720, nowMs: 1000 });

    // Stamped 100 ms after the last low frame, but arriving 40 ms after it.
    harness.rtp(high, vp8(2, { keyframe: true, timestamp: 777_000 + 99_000 }), 1040);

    const sent = harness.takeSent();
    expect((sent[1]!.timestamp - sent[0]!.timestamp) >>> 0).toBe(9000);
  });

  test("[R3] a keyframe stamped before the last packet still moves time forward", () => {
    const { harness, low, high, egress } = simulcast();
    harness.core.handleRtcp("alice", senderReport(1000, { ntpMs: 1_000_000, rtpTimestamp: 0 }), 0);
    harness.core.handleRtcp("alice", senderReport(1001, { ntpMs: 1_000_000, rtpTimestamp: 0 }), 0);
    harness.rtp(low, vp8(1, { keyframe: true, timestamp: 90_000 }), 0);
    harness.rtp(high, vp8(1, { timestamp: 1 }), 0);
    harness.watch(egress, { nowMs: 0 });
    harness.rtp(high, vp8(2, { keyframe: true, timestamp: 45_000 }), 1);

    const sent = harness.takeSent();
    expect((sent[1]!.timestamp - sent[0]!.timestamp) | 0).toBeGreaterThan(0);
  });

  test("[R4] a track switch counts pictures on, and the old track's late packets stay out", () => {
    const { harness, ingress, egress } = oneViewer();
    harness.core.addPeer("zoe", { feedbackSsrc: 66 }, 0);
    harness.core.addTrack(
      { trackId: "screen", roomId: "r", kind: "video", codec: "VP8", clockRateHz: 90_000, layers: [""], remote: false },
      0,
    );
    const screen = harness.core.addIngress({ trackId: "screen", layer: "", peerId: "zoe", ssrc: 8, nack: false }, 0)!;
    harness.rtp(ingress, vp8(1, { keyframe: true }), 0);
    harness.watch(egress, { trackId: "screen", nowMs: 10 });
    harness.rtp(ingress, vp8(2), 20);
    harness.rtp(screen, vp8(9000, { keyframe: true }), 30);

    const sent = harness.takeSent();

    expect(seqsOf(sent)).toEqual([0, 1]);
    expect(pictureIdOf(sent[1]!)).toBe((pictureIdOf(sent[0]!) + 1) & 0x7fff);
  });

  test("[R7] a publisher's new SSRC goes on in the same stream", () => {
    const { harness, ingress } = oneViewer();
    harness.rtp(ingress, vp8(1, { keyframe: true }), 0);
    const renewed = harness.ingress("", 4444, 500);
    harness.rtp(renewed, vp8(60_000), 510);
    harness.rtp(renewed, vp8(60_001, { keyframe: true }), 540);

    expect(seqsOf(harness.takeSent())).toEqual([0, 1]);
  });

  test("[R12] when the shown layer stops, the slot falls back, and returns when it is sent again", () => {
    const { harness, low, high, egress } = simulcast();
    harness.watch(egress, { width: 1280, height: 720, nowMs: 0 });
    harness.rtp(low, vp8(1, { width: 320, keyframe: true }), 0);
    harness.rtp(high, vp8(1, { width: 640, keyframe: true }), 0);
    harness.takeSent();
    for (let i = 1; i < 100; i++) {
      const nowMs = i * 33;
      harness.rtp(low, vp8(1 + i, { width: 320, keyframe: i % 20 === 0 }), nowMs);
      harness.advance(nowMs);
    }
    const sent = harness.takeSent();
    expect(sent.length).toBeGreaterThan(20);
    harness.rtp(high, vp8(2, { width: 640 }), 3400);
    harness.rtp(high, vp8(3, { width: 640, keyframe: true }), 3433);

    const [back] = harness.takeSent();
    expect(back!.extSeq).toBe(sent.at(-1)!.extSeq + 1);
  });
});

describe("demand", () => {
  const demands = (harness: CoreHarness) =>
    harness.events.filter(({ kind }) => kind === "demand").map((event) => ("layers" in event ? event.layers : []));

  test("[R10] an unknown track is wanted without a layer's name, until it is not", () => {
    const harness = new CoreHarness();
    const [one, two] = [harness.viewer("bob", 1), harness.viewer("carol", 2)];
    harness.watch(one, { trackId: "far" });
    harness.watch(two, { trackId: "far" });
    harness.core.assign(one, null, 0);
    harness.core.assign(two, null, 0);

    expect(demands(harness)).toEqual([[""], []]);
  });

  test("[R10] a remote track's layers are wanted by size, and the shown one until the switch", () => {
    const harness = new CoreHarness();
    const egress = harness.viewer("bob", 1);
    harness.watch(egress, { width: 320, height: 180 });
    harness.camera(["q", "h"], { remote: true });
    expect(demands(harness)).toEqual([[""], ["q"]]);
    const producers = [harness.ingress("q", 1000), harness.ingress("h", 1001)];
    harness.rtp(producers[0]!, vp8(1, { keyframe: true, width: 320 }), 0);
    harness.watch(egress, { width: 1000, height: 560, nowMs: 10 });
    expect(demands(harness).at(-1)).toEqual(["q", "h"]);
    harness.rtp(producers[1]!, vp8(1, { width: 640 }), 20);
    harness.rtp(producers[1]!, vp8(2, { keyframe: true, width: 640 }), 30);
    expect(demands(harness).at(-1)).toEqual(["h"]);
    harness.core.removeConsumer(egress, 40);
    expect(demands(harness).at(-1)).toEqual([]);
  });

  test("[R10] a viewer who sees nothing yet also wants the lowest layer, until the right one is there", () => {
    const harness = new CoreHarness();
    const egress = harness.viewer("bob", 1);
    harness.watch(egress, { width: 1000, height: 560 });
    harness.camera(["q", "h"], { remote: true });
    expect(demands(harness).at(-1)).toEqual(["q", "h"]);
    const producers = [harness.ingress("q", 1000), harness.ingress("h", 1001)];
    harness.rtp(producers[0]!, vp8(1, { keyframe: true, width: 320 }), 0);
    expect(demands(harness).at(-1)).toEqual(["q", "h"]);
    harness.rtp(producers[1]!, vp8(1, { keyframe: true, width: 640 }), 30);
    expect(demands(harness).at(-1)).toEqual(["h"]);
  });

  test("[R10] local tracks are never demanded; a remote one that is lost is demanded again", () => {
    const harness = new CoreHarness();
    harness.camera();
    harness.watch(harness.viewer("bob", 1));
    harness.core.removeTrack("camera");
    expect(demands(harness)).toEqual([]);

    harness.camera([""], { remote: true });
    harness.core.removeTrack("camera");
    expect(demands(harness)).toEqual([[""], [""]]);
  });
});
