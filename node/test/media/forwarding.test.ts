/** The whole plane from socket to socket: hand-made clients publish, receive, and misbehave. */
import { afterEach, expect, test } from "@jest/globals";
import type { MediaEvent, MediaPlane } from "../../src/media/control.ts";
import { createMediaPlane } from "../../src/media/media-plane.ts";
import { HandClient, type HandLine, VP8_PT } from "./hand-client.ts";

const MIC: HandLine = { mid: "0", kind: "audio", direction: "sendonly" };
const CAM: HandLine = { mid: "1", kind: "video", direction: "sendonly" };
const EAR: HandLine = { mid: "2", kind: "audio", direction: "recvonly" };
const EYE: HandLine = { mid: "3", kind: "video", direction: "recvonly" };
/** VP8 payload descriptor (RFC 7741) without options, start of partition, then a frame header: keyframe or not. */
const KEYFRAME = Buffer.from("101000009d012a0200020000", "hex");
const DELTA = Buffer.from("1031000000000000000000", "hex");

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Room {
  readonly plane: MediaPlane;
  readonly events: MediaEvent[];
  readonly ann: HandClient;
  readonly bob: HandClient;
}

async function joined(plane: MediaPlane, peerId: string): Promise<HandClient> {
  const client = new HandClient([MIC, CAM, EAR, EYE]);
  cleanups.push(() => client.close());
  const tracks = [
    { mid: "0", source: "microphone", trackId: `${peerId}-mic` },
    { mid: "1", source: "camera", trackId: `${peerId}-cam` },
  ] as const;
  const { sdp } = await plane.negotiate({ peerId, roomId: "red", sdp: await client.offer(), tracks, fresh: true });
  await client.connect(sdp);
  return client;
}

async function room(): Promise<Room> {
  const plane = createMediaPlane({ port: 0, host: "127.0.0.1", threads: false });
  cleanups.push(() => plane.stop());
  const events: MediaEvent[] = [];
  plane.onEvent((event) => events.push(event));
  await plane.start();
  const [ann, bob] = [await joined(plane, "ann"), await joined(plane, "bob")];
  const up = (): number => events.filter(({ kind }) => kind === "peerState").length;
  await bob.until(() => up() === 2);
  plane.assignSlot({ peerId: "bob", mid: "2", trackId: "ann-mic" });
  plane.assignSlot({ peerId: "bob", mid: "3", trackId: "ann-cam", target: { width: 640, height: 360 } });
  return { plane, events, ann, bob };
}

const sendVoice = (client: HandClient, seq: number): Buffer =>
  client.sendRtp({ line: MIC, ssrc: 1_111, seq, timestamp: seq * 960, payload: Buffer.from(`voice ${seq}`) });
const sendFrame = (client: HandClient, seq: number, payload: Buffer): Buffer =>
  client.sendRtp({ line: CAM, ssrc: 2_222, seq, timestamp: seq * 3_000, payload });

async function dropped({ plane }: Room, reason: string, atLeast: number): Promise<void> {
  for (let turn = 0; ((await plane.stats()).dropped[reason] ?? 0) < atLeast; turn++) {
    if (turn > 500) throw new Error(`${reason} was not counted: ${JSON.stringify((await plane.stats()).dropped)}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test("[G16] what one client publishes another receives on its slots, unbroken and with the same payload", async () => {
  const { ann, bob } = await room();
  for (let seq = 65_530; seq < 65_545; seq++) {
    sendVoice(ann, seq);
    sendFrame(ann, seq, seq === 65_530 ? KEYFRAME : DELTA);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await bob.until(() => bob.rtp.length >= 30);
  const video = bob.rtp.filter(({ header }) => header.payloadType === VP8_PT);
  expect(video[0]?.payload).toEqual(KEYFRAME);
  for (const stream of [video, bob.rtp.filter(({ header }) => header.payloadType !== VP8_PT)]) {
    const first = stream[0]?.header.sequenceNumber ?? 0;
    expect(stream.map(({ header }) => (header.sequenceNumber - first + 65_536) % 65_536)).toEqual([
      ...Array(15).keys(),
    ]);
    expect(new Set(stream.map(({ header }) => header.ssrc)).size).toBe(1);
    expect([1_111, 2_222]).not.toContain(stream[0]?.header.ssrc);
  }
  expect(bob.rtp.map(({ payload }) => payload.toString()).filter((text) => text.startsWith("voice"))).toHaveLength(15);
});

test("[G8] replayed, forged, unknown and random media are counted drops, and the call goes on", async () => {
  const call = await room();
  const { ann, bob } = call;
  const packet = sendVoice(ann, 1);
  await bob.until(() => bob.rtp.length === 1);
  ann.sendRaw(packet);
  await dropped(call, "replayed", 1);
  const forged = Buffer.from(sendVoice(ann, 2));
  forged.writeUInt16BE(3, 2);
  ann.sendRaw(forged);
  await dropped(call, "bad_auth", 1);
  ann.sendRtp({ line: { ...MIC, mid: "9" }, ssrc: 9_999, seq: 1, timestamp: 1, payload: Buffer.from("who") });
  await dropped(call, "unknown_ssrc", 1);
  ann.sendRaw(Buffer.concat([Buffer.from([0x80, 200, 0, 6]), Buffer.alloc(40, 7)]));
  ann.sendRaw(Buffer.from([0x80, 111]));
  for (let size = 1; size < 60; size += 7) ann.sendRaw(Buffer.alloc(size, 0x9f));
  sendVoice(ann, 4);
  await bob.until(() => bob.rtp.length === 3);
  expect(bob.rtp.map(({ payload }) => payload.toString())).toEqual(["voice 1", "voice 2", "voice 4"]);
});

test("[G16] a muted track is not forwarded, whatever its client sends", async () => {
  const call = await room();
  const { ann, bob, plane } = call;
  sendVoice(ann, 1);
  await bob.until(() => bob.rtp.length === 1);
  plane.setTrackMuted({ trackId: "ann-mic", muted: true });
  sendVoice(ann, 2);
  await dropped(call, "muted", 1);
  plane.setTrackMuted({ trackId: "ann-mic", muted: false });
  sendVoice(ann, 3);
  await bob.until(() => bob.rtp.length === 2);
  expect(bob.rtp.map(({ payload }) => payload.toString())).toEqual(["voice 1", "voice 3"]);
});

// Property: whatever a connected client sends, the node neither throws nor forgets how to forward.
test("[G8] three thousand damaged datagrams of a connected client change nothing", async () => {
  const call = await room();
  const { ann, bob, plane } = call;
  sendVoice(ann, 1);
  await bob.until(() => bob.rtp.length === 1);
  const good = ann.sent.slice(-40);
  let state = 2_463_534_242;
  const random = (below: number): number => {
    // xorshift32, Marsaglia 2003; the seed is the number above.
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
  for (let i = 0; i < 3_000; i++) {
    const bytes = Buffer.from(good[random(good.length)] ?? Buffer.alloc(1)).subarray(0, 1 + random(1_200));
    for (let hits = random(4); hits >= 0; hits--) bytes[random(bytes.length)] = random(256);
    // A first byte of each kind in turn; the rest is damaged at random.
    bytes[0] = [0, 1, 20, 21, 22, 23, 63, 128, 144, 191][i % 10] ?? 0;
    ann.sendRaw(bytes);
    if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  for (let seq = 100; bob.rtp.length < 5; seq++) {
    if (seq > 600) throw new Error("nothing is forwarded any more");
    sendVoice(ann, seq);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect((await plane.stats()).peers).toBe(2);
  expect(call.events.filter((event) => event.kind === "peerState")).toHaveLength(2);
});
