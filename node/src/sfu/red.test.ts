/** The layout of redundant audio, and which missing packets its copies are. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { CoreHarness, type Sent } from "../../test/sfu/core-harness.ts";
import { redPayload } from "../../test/sfu/red-packets.ts";
import { rtpPacket } from "../../test/sfu/srtp-client.ts";
import { MAX_RED_COPIES, RedLayout } from "./red.ts";
import { RedRepair } from "./red-repair.ts";
import { ExtensionTable, RtpView } from "./rtp-view.ts";
import type { EgressId, IngressId } from "./types.ts";

const OPUS = 111;
const TICKS = 960;

function viewOf(payload: Uint8Array, { seq = 1, timestamp = 1 } = {}): RtpView {
  const packet = new Uint8Array(rtpPacket({ payloadType: 63, seq, timestamp, ssrc: 1, payload }));
  const view = new RtpView();
  view.parse(packet, 0, packet.length, new ExtensionTable());
  return view;
}

const voice = (seq: number): Buffer => Buffer.alloc(40 + (seq % 7), seq & 255);

describe("the layout", () => {
  test("blocks lie where their headers say, the newest at the end", () => {
    const layout = new RedLayout();
    const copies = [
      { age: 2 * TICKS, bytes: voice(1) },
      { age: TICKS, bytes: voice(2) },
    ];
    const payload = redPayload(OPUS, voice(3), copies);

    expect(layout.read(viewOf(payload), OPUS)).toBe(true);
    expect(layout.copyCount).toBe(2);
    expect([...layout.ages.subarray(0, 2)]).toEqual([2 * TICKS, TICKS]);
    const blocks = [0, 1].map((i) => payload.subarray(layout.starts[i]!, layout.starts[i]! + layout.lengths[i]!));
    expect(blocks).toEqual([voice(1), voice(2)]);
    expect(payload.subarray(layout.primaryAt)).toEqual(voice(3));
  });

  test("[D3] headers without end, blocks that do not fit, an empty newest one and foreign ones are refused", () => {
    const layout = new RedLayout();
    const copies = Array.from({ length: MAX_RED_COPIES + 1 }, () => ({ age: 9, bytes: voice(1) }));
    const bad = [
      Buffer.from([0xef]),
      Buffer.from([0xef, 0, 0]),
      Buffer.from([0xef, 0, 4, 2, OPUS, 1]),
      Buffer.from([OPUS]),
      redPayload(OPUS, Buffer.alloc(0), copies.slice(0, 1)),
      redPayload(OPUS, voice(2), copies),
      redPayload(13, voice(2)),
      Buffer.concat([redPayload(OPUS, voice(1), copies.slice(0, 1)).subarray(0, 4), redPayload(0, voice(1))]),
    ];

    for (const payload of bad) expect(layout.read(viewOf(payload), OPUS)).toBe(false);
  });

  test("[D3] any bytes are read within their bounds, or refused", () => {
    const layout = new RedLayout();
    const almost = fc.array(fc.constantFrom(0xef, OPUS, 0, 4, 255), { maxLength: 80 }).map((it) => Uint8Array.from(it));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 90 }), almost), (payload) => {
        if (!layout.read(viewOf(payload), OPUS)) return;
        expect(layout.primaryAt).toBeLessThan(payload.length);
        expect(layout.copyCount).toBeLessThanOrEqual(MAX_RED_COPIES);
        let at = 4 * layout.copyCount + 1;
        for (let i = 0; i < layout.copyCount; i++) {
          expect(layout.starts[i]).toBe(at);
          at += layout.lengths[i]!;
        }
        expect(at).toBe(layout.primaryAt);
      }),
      { seed: 21, numRuns: 500 },
    );
  });

  test("what is written is read again", () => {
    const layout = new RedLayout();
    const copy = fc.record({ age: fc.nat(16_383), bytes: fc.uint8Array({ maxLength: 60 }) });
    const copies = fc.array(copy, { maxLength: MAX_RED_COPIES });
    fc.assert(
      fc.property(copies, fc.uint8Array({ minLength: 1, maxLength: 90 }), (former, primary) => {
        const payload = redPayload(OPUS, primary, former);
        expect(layout.read(viewOf(payload), OPUS)).toBe(true);
        expect([...payload.subarray(layout.primaryAt)]).toEqual([...primary]);
        for (const [i, { age, bytes }] of former.entries()) {
          expect(layout.ages[i]).toBe(age);
          const start = layout.starts[i]!;
          expect([...payload.subarray(start, start + layout.lengths[i]!)]).toEqual([...bytes]);
        }
      }),
      { seed: 22, numRuns: 100 },
    );
  });
});

describe("the search", () => {
  /** A stream at 20 ms of which some packets are lost; `ages` of the copies in the last, in packets. */
  function search(
    known: readonly number[],
    last: number,
    ages: readonly number[],
    ticks = (seq: number) => seq * TICKS,
  ) {
    const repair = new RedRepair();
    for (const seq of known) repair.note(seq, ticks(seq) >>> 0);
    const copies = ages.map((age) => ({ age: ticks(last) - ticks(last - age), bytes: voice(last - age) }));
    const carrier = viewOf(redPayload(OPUS, voice(last), copies), { timestamp: ticks(last) });
    repair.layout.read(carrier, OPUS);
    repair.note(last, ticks(last) >>> 0);
    repair.search(last, ticks(last) >>> 0);
    return { repair, carrier, found: [...repair.foundExtSeqs.subarray(0, repair.foundCount)] };
  }

  test("[D2] a copy closes the hole that its time says, also several holes and over a wrap of the clock", () => {
    expect(search([100], 102, [1]).found).toEqual([101]);
    expect(search([100], 103, [2, 1]).found).toEqual([101, 102]);
    // Only the middle one of three is there as a copy.
    expect(search([100], 104, [2]).found).toEqual([102]);
    const wrapping = (seq: number) => 2 ** 32 - TICKS + (seq - 100) * TICKS;
    expect(search([100], 102, [1], wrapping).found).toEqual([101]);
  });

  test("[D2] nothing is found where nothing is missing, or where time leaves a choice", () => {
    expect(search([99, 100, 101], 102, [2, 1]).found).toEqual([]);
    // Two holes after a pause of the sender: which of them the copy was nobody knows.
    const paused = (seq: number) => (seq <= 100 ? seq * TICKS : seq * TICKS + (seq === 103 ? 12_345 : 777));
    expect(search([100], 103, [1], paused).found).toEqual([]);
    // One hole is no choice.
    expect(search([100], 102, [1], paused).found).toEqual([101]);
    expect(new RedRepair().foundCount).toBe(0);
    expect(search([], 102, [1]).found).toEqual([]);
  });

  test("[D2] a find is a packet with the number and time that it was lost with", () => {
    const { repair, carrier } = search([100], 103, [2, 1]);

    const packet = repair.packet(1, carrier, OPUS);
    const whole = Buffer.from(packet.bytes.subarray(0, packet.length));
    expect(whole).toEqual(
      rtpPacket({ payloadType: OPUS, seq: 102, timestamp: 102 * TICKS, ssrc: 1, payload: voice(102) }),
    );
  });
});

interface Hostile {
  readonly kind: "red" | "plain" | "rtx" | "redRtx";
  readonly seq: number;
  readonly body: Uint8Array;
}

/** A voice with a listener of plain and one of redundant audio; gives back what each was sent. */
function listenTo(packets: readonly Hostile[]): Sent[][] {
  const harness = new CoreHarness({ memoryBytes: 1 << 20 });
  harness.core.addPeer("alice", { feedbackSsrc: 1 }, 0);
  const track = { trackId: "camera", roomId: "r", kind: "audio", codec: "opus", clockRateHz: 48_000 } as const;
  harness.core.addTrack({ ...track, layers: [""], remote: false }, 0);
  const red = { payloadType: 63, blockPayloadType: OPUS, rtxPayloadType: 64 };
  const input = { trackId: "camera", layer: "", peerId: "alice", ssrc: 1, nack: true, red };
  const ingress = harness.core.addIngress(input, 0) as IngressId;
  const opus = { name: "opus", payloadType: 96, rtxPayloadType: 97 } as const;
  harness.viewer("bob", 1, { kind: "audio", codecs: [opus] });
  harness.viewer("carol", 2, { kind: "audio", codecs: [{ ...opus, redPayloadType: 98 }] });
  for (const egress of [1, 2]) harness.watch(egress as EgressId);
  for (const [i, { kind, seq, body }] of packets.entries()) {
    const isRepair = kind === "rtx" || kind === "redRtx";
    const payloadType = { red: 63, plain: OPUS, rtx: 65, redRtx: 64 }[kind];
    const payload = isRepair ? Buffer.concat([Buffer.from([0, seq]), body]) : body;
    const bytes = rtpPacket({ payloadType, seq, timestamp: seq * TICKS, ssrc: 1, payload });
    if (isRepair) harness.rtx(ingress, bytes, i * 20);
    else harness.rtp(ingress, bytes, i * 20);
    harness.advance(i * 20 + 19);
  }
  return [1, 2].map((egress) => harness.sent.filter((it) => it.egress === egress));
}

test("[D3][R9] any packets in any order: nothing throws, and nobody gets a number twice or foreign bytes", () => {
  const red = fc.nat(3).map((copies) => {
    const former = Array.from({ length: copies }, (_, i) => ({ age: (copies - i) * TICKS, bytes: voice(i) }));
    return new Uint8Array(redPayload(OPUS, voice(9), former));
  });
  const packet = fc.record({
    kind: fc.constantFrom("red", "plain", "rtx", "redRtx"),
    seq: fc.nat(40),
    body: fc.oneof(fc.uint8Array({ maxLength: 30 }), red),
  });
  fc.assert(
    fc.property(fc.array(packet, { maxLength: 40 }), (packets) => {
      const [plain, wrapped] = listenTo(packets) as [Sent[], Sent[]];
      for (const sent of [plain, wrapped]) expect(new Set(sent.map(({ extSeq }) => extSeq)).size).toBe(sent.length);
      const known = packets.map(({ body }) => Buffer.from(body));
      expect(plain.every(({ payload }) => known.some((body) => body.includes(payload)))).toBe(true);
      expect(wrapped.every(({ payloadType }) => payloadType === 96 || payloadType === 98)).toBe(true);
    }),
    { seed: 23, numRuns: 150 },
  );
});
