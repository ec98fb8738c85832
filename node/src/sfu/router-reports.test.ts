import { describe, expect, test } from "@jest/globals";
import { CoreHarness, oneViewer, senderReport, transportSeq, vp8 } from "../../test/sfu/core-harness.ts";
import { rtpPacket } from "../../test/sfu/srtp-client.ts";

describe("what publishers are told", () => {
  test("[E1] every packet is in the feedback, forwarded or not", () => {
    const { harness, ingress } = oneViewer();
    harness.core.setTrackMuted({ trackId: "camera", muted: true }, 0);
    harness.rtp(ingress, vp8(1, { keyframe: true, extensions: transportSeq(1) }), 1);
    harness.rtx(
      ingress,
      rtpPacket({
        payloadType: 97,
        seq: 1,
        timestamp: 1,
        ssrc: 2,
        extensions: transportSeq(2),
        payload: Buffer.alloc(0),
        paddingBytes: 9,
      }),
      2,
    );
    harness.core.handleUnrouted(
      "alice",
      harness.parse(
        rtpPacket({
          payloadType: 1,
          seq: 1,
          timestamp: 1,
          ssrc: 3,
          extensions: transportSeq(3),
          payload: Buffer.alloc(1),
        }),
      ),
      3,
    );
    harness.advance(200);

    const [feedback, ...more] = harness.takeRtcp(205, 15);

    expect(more).toEqual([]);
    expect(feedback!.peerId).toBe("alice");
    expect([feedback!.bytes.readUInt16BE(12), feedback!.bytes.readUInt16BE(14)]).toEqual([1, 3]);
  });

  test("[E4] feedback comes every 50 ms under load, every 100 ms otherwise, and not at all in silence", () => {
    const { harness, ingress } = oneViewer();
    const count = (packetsPerMs: number, fromMs: number) => {
      let seq = fromMs;
      for (let ms = fromMs; ms < fromMs + 1000; ms++) {
        harness.advance(ms);
        if (ms % Math.round(1 / packetsPerMs) === 0)
          harness.rtp(ingress, vp8(++seq & 0xffff, { extensions: transportSeq(seq) }), ms);
      }
      return harness.takeRtcp(205, 15).length;
    };

    expect(count(0.5, 1000)).toBeGreaterThanOrEqual(19);
    expect(count(0.05, 3000)).toBeGreaterThanOrEqual(9);
    expect(count(0.05, 5000)).toBeLessThanOrEqual(11);
    harness.advance(7000);
    harness.takeRtcp();
    harness.advance(9000);
    expect(harness.takeRtcp(205, 15)).toEqual([]);
  });

  test("[E6] receiver reports come about once a second, with all the publisher's streams", () => {
    const harness = new CoreHarness();
    const [low, high] = harness.camera(["q", "h"]);
    for (let i = 0; i < 100; i++) {
      harness.rtp(low!, vp8(i), i * 100);
      if (i % 2 === 0) harness.rtp(high!, vp8(i), i * 100);
      harness.advance(i * 100);
    }

    const reports = harness.takeRtcp(201, 2);

    expect(reports.length).toBeGreaterThanOrEqual(8);
    expect(reports.length).toBeLessThanOrEqual(12);
    const last = reports.at(-1)!.bytes;
    expect(last.readUInt32BE(8)).toBe(1000);
    expect(last.readUInt32BE(32)).toBe(1001);
    expect(last[36]).toBeGreaterThan(100);
  });
});

describe("what viewers are told", () => {
  test("[E5] sender reports map the viewer's timestamps to the publisher's clock, with what was sent", () => {
    const { harness, ingress } = oneViewer();
    harness.core.handleRtcp("alice", senderReport(1000, { ntpMs: 5_000_000, rtpTimestamp: 3000 }), 100);
    harness.rtp(ingress, vp8(1, { keyframe: true }), 100);
    const [sent] = harness.takeSent();
    harness.advance(2500);

    const report = harness.takeRtcp(200, 0).at(-1)!;

    expect(report.peerId).toBe("bob");
    const bytes = report.bytes;
    expect(bytes.readUInt32BE(4)).toBe(5001);
    const ntpMs = bytes.readUInt32BE(8) * 1000 + (bytes.readUInt32BE(12) / 2 ** 32) * 1000;
    const elapsedTicks = (bytes.readUInt32BE(16) - sent!.timestamp) >>> 0;
    // The packet was stamped as the publisher's clock showed 5,000 s.
    expect(elapsedTicks / 90).toBeCloseTo(ntpMs - 5_000_000, 0);
    expect([bytes.readUInt32BE(20), bytes.readUInt32BE(24)]).toEqual([1, sent!.payload.length]);
  });

  test("[E7] the answer to a sender report tells the round trip", () => {
    const { harness, ingress } = oneViewer();
    harness.core.handleRtcp("alice", senderReport(1000, { ntpMs: 5_000_000, rtpTimestamp: 0 }), 0);
    harness.rtp(ingress, vp8(1, { keyframe: true }), 0);
    const deadline = () => harness.core.deadlineMs();
    let sentAtMs = 0;
    while (!harness.rtcp.some(({ type }) => type === 200)) {
      sentAtMs = deadline();
      harness.core.handleTimeout(sentAtMs);
    }
    const { bytes } = harness.rtcp.find(({ type }) => type === 200)!;
    const answer = Buffer.alloc(32);
    answer.writeUInt32BE(0x81c90007, 0);
    answer.writeUInt32BE(5001, 8);
    answer.writeUInt16BE(bytes.readUInt16BE(10), 24);
    answer.writeUInt16BE(bytes.readUInt16BE(12), 26);
    answer.writeUInt32BE(6554, 28);

    harness.core.handleRtcp("bob", answer, sentAtMs + 180);

    expect(harness.core.peerSummary("bob")!.rttMs).toBeCloseTo(80, 0);
  });
});

describe("what receivers ask", () => {
  const reference = (ssrc: number, seconds: number): Buffer => {
    const packet = Buffer.from("80cf0004000000000400000200000000abcd0000", "hex");
    packet.writeUInt32BE(ssrc, 4);
    packet.writeUInt32BE(seconds, 12);
    return packet;
  };

  test("[E19] a receiver's reference time is answered once, also when nothing else is to be reported", () => {
    const harness = new CoreHarness();
    harness.core.addPeer("bob", { feedbackSsrc: 88 }, 0);
    harness.core.handleRtcp("bob", reference(1, 0x12345678), 100);

    harness.advance(4000);
    const [answer, ...more] = harness.takeRtcp(207, 0);
    expect(more).toEqual([]);
    expect(answer!.bytes.readUInt32BE(4)).toBe(88);
    expect(answer!.bytes.subarray(8, 12)).toEqual(Buffer.from("05000003", "hex"));
    expect(answer!.bytes.readUInt32BE(12)).toBe(1);
    expect(answer!.bytes.readUInt32BE(16)).toBe(0x5678abcd);
    const waitedMs = answer!.bytes.readUInt32BE(20) / 65.536;
    expect(waitedMs).toBeGreaterThan(0);
    expect(waitedMs).toBeLessThan(1500);
  });

  test("[E19] of many receivers the last four are answered, and blocks that lie about their length change nothing", () => {
    const harness = new CoreHarness();
    harness.core.addPeer("bob", { feedbackSsrc: 88 }, 0);
    for (let ssrc = 1; ssrc <= 9; ssrc++) harness.core.handleRtcp("bob", reference(ssrc, ssrc), 100);
    const short = reference(99, 1);
    short.writeUInt16BE(0xffff, 10);
    harness.core.handleRtcp("bob", short, 100);
    harness.core.handleRtcp("bob", Buffer.from("80cf00010000000a", "hex"), 100);
    harness.core.handleRtcp("bob", Buffer.from("80cf0000", "hex"), 100);

    harness.advance(1500);
    const [answer] = harness.takeRtcp(207, 0);
    const ssrcs = [12, 24, 36, 48].map((at) => answer!.bytes.readUInt32BE(at));
    expect(answer!.bytes).toHaveLength(12 + 4 * 12);
    expect(ssrcs).toEqual([6, 7, 8, 9]);
    expect(harness.dropped).toEqual(["bad_rtcp"]);
  });
});
