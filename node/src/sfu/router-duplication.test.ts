/** Voices over a lossy trunk go twice. */
import { expect, test } from "@jest/globals";
import { CoreHarness, type Sent } from "../../test/sfu/core-harness.ts";
import { redPayload } from "../../test/sfu/red-packets.ts";
import { rtpPacket } from "../../test/sfu/srtp-client.ts";
import { TwccReceiver } from "./twcc.ts";
import type { EgressId } from "./types.ts";

const RED = { payloadType: 63, blockPayloadType: 111 };

function lossyTrunk({ red = false, rtx = true } = {}) {
  const harness = new CoreHarness();
  const { core } = harness;
  core.addPeer("alice", { feedbackSsrc: 1 }, 0);
  core.addPeer("trunk", { feedbackSsrc: 2, duplicatesAudio: true }, 0);
  const track = { trackId: "voice", roomId: "r", kind: "audio", codec: "opus", clockRateHz: 48_000 } as const;
  core.addTrack({ ...track, layers: [""], remote: false }, 0);
  const ingress = core.addIngress({ trackId: "voice", layer: "", peerId: "alice", ssrc: 9, nack: false, red: RED }, 0)!;
  const codec = { name: "opus", payloadType: 111, rtxPayloadType: 112 } as const;
  const redTypes = { redPayloadType: 113, redRtxPayloadType: 114 };
  harness.viewer("trunk", 1, {
    kind: "audio",
    codecs: [red ? { ...codec, ...redTypes } : codec],
    transportFeedback: true,
    ...(rtx ? {} : { rtx: undefined }),
  });
  core.assign(1 as EgressId, { trackId: "voice", want: { layer: "" } }, 0);
  const far = new TwccReceiver();
  let nowMs = 0;
  let arrived = 0;
  const note = (sent: readonly Sent[], lossEvery: number): void => {
    for (const { transportSeq } of sent) {
      arrived += 1;
      if (arrived % lossEvery !== 0) far.receive(transportSeq, nowMs + 10);
    }
  };
  /** Half a minute at most: one packet each 20 ms of which the far end gets all but one in `lossEvery`. */
  const talk = (packets: number, lossEvery: number, isRed = false): Sent[] => {
    const all: Sent[] = [];
    for (let i = 0; i < packets; i++) {
      const seq = Math.round(nowMs / 20);
      const body = Buffer.alloc(40, seq & 255);
      const payload = isRed ? redPayload(111, body, [{ age: 960, bytes: Buffer.alloc(40, (seq - 1) & 255) }]) : body;
      const shape = { payloadType: isRed ? 63 : 111, seq: seq & 0xffff, timestamp: seq * 960, ssrc: 9, payload };
      harness.rtp(ingress, rtpPacket(shape), nowMs);
      harness.advance(nowMs + 19);
      const sent = harness.takeSent();
      note(sent, lossEvery);
      all.push(...sent);
      nowMs += 20;
      if (i % 5 === 4) core.handleRtcp("trunk", Buffer.from(far.build(3, 4)!), nowMs);
    }
    return all;
  };
  const advance = (ms: number): void => {
    nowMs += ms;
    harness.advance(nowMs);
  };
  return { harness, talk, advance };
}

test("[D5] at 5 % loss each packet goes again with the one after it, and at none no more", () => {
  const { harness, talk } = lossyTrunk();
  expect(talk(50, 1e9).every(({ egress }) => egress === 1)).toBe(true);

  talk(100, 20);
  expect(harness.core.peerSummary("trunk")?.audioDuplicated).toBe(true);
  const lossy = talk(50, 20);
  talk(700, 1e9);
  expect(harness.core.peerSummary("trunk")?.audioDuplicated).toBe(false);
  expect(talk(50, 1e9).every(({ egress }) => egress === 1)).toBe(true);

  const copies = lossy.filter(({ egress }) => egress === 101);
  expect(copies).toHaveLength(50);
  for (const [i, packet] of lossy.entries()) {
    if (packet.egress !== 101) continue;
    // Right behind the next original, as that packet's repair.
    const [original, before] = [lossy[i - 3], lossy[i - 1]];
    expect(before).toMatchObject({ egress: 1, extSeq: (before?.extSeq ?? 0) | 0 });
    expect(packet).toMatchObject({ payloadType: 112, originalSeq: ((before?.extSeq ?? 0) - 1) & 0xffff });
    if (original?.egress === 1) expect(packet.payload).toEqual(original.payload);
  }
  const { audio_copies_sent, audio_copy_bytes_sent } = harness.core.counters;
  expect(audio_copies_sent).toBeGreaterThan(700);
  expect(audio_copy_bytes_sent).toBe(audio_copies_sent * (40 + 66));
});

test("[D6] the last packet before a pause gets its copy without waiting for the next", () => {
  const { harness, talk, advance } = lossyTrunk();
  talk(150, 20);

  advance(120);
  const [copy, ...more] = harness.takeSent();
  expect(copy).toMatchObject({ egress: 101, payload: Buffer.alloc(40, 149) });
  expect(more).toEqual([]);
});

test("[D6] redundant audio that crosses as such, and voices without an RTX stream, are not sent twice", () => {
  const wrapped = lossyTrunk({ red: true });
  expect(wrapped.talk(200, 20, true).every(({ payloadType }) => payloadType === 113)).toBe(true);
  expect(wrapped.harness.core.peerSummary("trunk")?.audioDuplicated).toBe(true);

  // Unwrapped, it is a voice like others.
  const unwrapped = lossyTrunk();
  expect(unwrapped.talk(200, 20, true).some(({ payloadType }) => payloadType === 112)).toBe(true);

  const alone = lossyTrunk({ rtx: false });
  expect(alone.talk(200, 20).every(({ egress }) => egress === 1)).toBe(true);
});
