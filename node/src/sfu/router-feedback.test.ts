/** What is sent again because transport-wide feedback tells it lost, without being asked for. */
import { describe, expect, test } from "@jest/globals";
import { CoreHarness, nackPacket, type Sent, vp8 } from "../../test/sfu/core-harness.ts";
import { TwccReceiver } from "./twcc.ts";

const RTX_EGRESS = 101;

/** Ten packets to one viewer, 10 ms apart from 1,000 ms on. */
function tenPackets() {
  const harness = new CoreHarness();
  const ingress = harness.camera()[0]!;
  harness.watch(harness.viewer("bob", 1, { transportFeedback: true }));
  for (let i = 0; i < 10; i++) harness.rtp(ingress, vp8(i, { keyframe: i === 0 }), 1000 + i * 10);
  return { harness, ingress, far: new TwccReceiver(), sent: harness.takeSent(1) };
}

/** The viewer's feedback: all of these came, but for the lost ones. */
function tell(
  { harness, far }: ReturnType<typeof tenPackets>,
  packets: readonly Sent[],
  lost: readonly Sent[],
  nowMs: number,
): void {
  for (const packet of packets) if (!lost.includes(packet)) far.receive(packet.transportSeq, nowMs - 30);
  for (let told = far.build(1, 2); told !== undefined; told = far.build(1, 2))
    harness.core.handleRtcp("bob", Buffer.from(told), nowMs);
}

const repairsOf = (sent: readonly Sent[]): number[] =>
  sent.filter(({ egress }) => egress === RTX_EGRESS).map(({ originalSeq }) => originalSeq);

describe("[N12] what feedback tells lost", () => {
  test("goes again on the RTX stream, though its request was lost", () => {
    const call = tenPackets();
    const { harness, sent } = call;

    tell(call, sent, [sent[4]!], 1150);

    expect(repairsOf(harness.takeSent())).toEqual([sent[4]!.extSeq & 0xffff]);
    expect(harness.core.counters).toMatchObject({ rtx_unasked: 1, rtx_sent: 0 });
  });

  test("does not when it was asked for and is under way, and does when that was lost as well", () => {
    const call = tenPackets();
    const { harness, ingress, sent } = call;
    const seq = sent[4]!.extSeq & 0xffff;
    harness.core.handleRtcp("bob", nackPacket(5001, [seq]), 1100);
    const [repair] = harness.takeSent();
    harness.rtp(ingress, vp8(10), 1110);
    const [later] = harness.takeSent(1);

    tell(call, sent, [sent[4]!], 1150);
    expect(repairsOf(harness.takeSent())).toEqual([]);
    tell(call, [repair!, later!], [repair!], 1400);

    // What was lost twice goes twice.
    expect(repairsOf(harness.takeSent())).toEqual([seq, seq]);
    expect(harness.core.counters).toMatchObject({ rtx_unasked: 1, rtx_sent: 1 });
  });

  test("of two copies does not while one of them came", () => {
    const call = tenPackets();
    const { harness, ingress, sent } = call;
    const seq = sent[4]!.extSeq & 0xffff;
    harness.core.handleRtcp("bob", nackPacket(5001, [seq]), 1100);
    harness.core.handleRtcp("bob", nackPacket(5001, [seq]), 1400);
    const repairs = harness.takeSent();
    expect(repairs).toHaveLength(3);
    harness.rtp(ingress, vp8(10), 1410);
    const [later] = harness.takeSent(1);

    tell(call, [...sent, ...repairs, later!], [sent[4]!, repairs[0]!, repairs[1]!], 1500);

    expect(repairsOf(harness.takeSent())).toEqual([]);
  });

  test("is left to the viewer when it is a voice, or has no RTX stream", () => {
    const harness = new CoreHarness();
    const ingress = harness.camera()[0]!;
    harness.watch(harness.viewer("bob", 1, { transportFeedback: true, rtx: undefined }));
    for (let i = 0; i < 10; i++) harness.rtp(ingress, vp8(i, { keyframe: i === 0 }), 1000 + i * 10);
    const sent = harness.takeSent(1);

    tell({ harness, ingress, far: new TwccReceiver(), sent }, sent, [sent[4]!], 1150);

    expect(harness.takeSent()).toEqual([]);
    expect(harness.core.counters.rtx_unasked).toBe(0);
  });
});
