/** Redundant audio through whole planes: SRTP in, SRTP out, over a trunk and back. */
import { expect, test } from "@jest/globals";
import { Client, EXTENSIONS, MEMORY_BYTES, masterKey } from "../../test/sfu/plane-harness.ts";
import { redBlocksOf, redPayload } from "../../test/sfu/red-packets.ts";
import { ascii, headerLength, rtpPacket } from "../../test/sfu/srtp-client.ts";
import { RtpPlane } from "./rtp-plane.ts";

const TICKS = 960;
const PUBLISHED = { payloadType: 111, redPayloadType: 63 };
const track = {
  trackId: "voice",
  kind: "audio",
  source: "microphone",
  codec: { name: "opus", clockRateHz: 48_000, channels: 2 },
  layers: [""],
} as const;

function newPlane(): RtpPlane {
  let seed = 4711;
  const random = { uint32: () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) };
  return new RtpPlane({ event: () => undefined }, { memoryBytes: MEMORY_BYTES }, random);
}

const voice = (seq: number): Buffer => Buffer.alloc(50 + (seq % 9), seq & 255);

/** One packet of the publisher, redundant with that many copies, or plain. */
function speech(seq: number, { copies = 1, plain = false, level = 20 } = {}): Buffer {
  const former = Array.from({ length: copies }, (_, i) => copies - i);
  const blocks = former.map((back) => ({ age: back * TICKS, bytes: voice(seq - back) }));
  return rtpPacket({
    payloadType: plain ? PUBLISHED.payloadType : PUBLISHED.redPayloadType,
    seq,
    timestamp: seq * TICKS,
    ssrc: 1111,
    extensions: { 1: ascii("0"), 6: Uint8Array.of(level) },
    payload: plain ? voice(seq) : redPayload(PUBLISHED.payloadType, voice(seq), blocks),
  });
}

function listen(
  plane: RtpPlane,
  peerId: string,
  seed: number,
  codec: { payloadType: number; redPayloadType?: number },
) {
  const client = new Client(plane, peerId, seed);
  const slot = { peerId, roomId: "r", mid: "a0", kind: "audio", ssrc: 9000 + seed } as const;
  plane.addSlot({ ...slot, codecs: [{ name: "opus", ...codec }], extensions: EXTENSIONS }, 0);
  plane.assignSlot({ peerId, mid: "a0", trackId: "voice" }, 0);
  return client;
}

function call() {
  const plane = newPlane();
  const alice = new Client(plane, "alice", 10);
  plane.addReceiver({ peerId: "alice", roomId: "r", mid: "0", track, ...PUBLISHED, extensions: EXTENSIONS }, 0);
  const wrapped = listen(plane, "wrapped", 30, { payloadType: 109, redPayloadType: 121 });
  const plain = listen(plane, "plain", 50, { payloadType: 109 });
  const send = (packet: Buffer, nowMs: number): void => {
    plane.handleSrtp("alice", alice.up.protect(packet), nowMs);
    plane.flush();
  };
  return { plane, alice, wrapped, plain, send };
}

const bodyOf = (packet: Buffer): Buffer => packet.subarray(headerLength(packet));
const typeOf = (packet: Buffer): number => packet[1]! & 127;
const seqs = (packets: readonly Buffer[]): number[] =>
  packets.map((packet) => (packet.readUInt16BE(2) - packets[0]!.readUInt16BE(2)) & 0xffff);
/** The element of the audio level, which is the last one before padding. */
const levelOf = (packet: Buffer): number => {
  const elements = packet.subarray(16, headerLength(packet));
  return elements[elements.indexOf(0x60) + 1]!;
};

test("[D1][D4] redundant and plain packets reach each listener in the form that it negotiated", () => {
  const { plane, wrapped, plain, send } = call();
  for (let seq = 1; seq <= 6; seq++) send(speech(seq, { plain: seq === 4, level: 10 + seq }), seq * 20);

  const whole = wrapped.rtp();
  expect(whole.map(typeOf)).toEqual([121, 121, 121, 109, 121, 121]);
  expect(seqs(whole)).toEqual([0, 1, 2, 3, 4, 5]);
  expect(whole.map(levelOf)).toEqual([11, 12, 13, 14, 15, 16]);
  const blocks = redBlocksOf(bodyOf(whole[1]!));
  expect(blocks).toEqual([
    { payloadType: 109, age: TICKS, bytes: voice(1) },
    { payloadType: 109, age: 0, bytes: voice(2) },
  ]);

  const newest = plain.rtp();
  expect(newest.map(typeOf)).toEqual([109, 109, 109, 109, 109, 109]);
  expect(newest.map(bodyOf)).toEqual([1, 2, 3, 4, 5, 6].map(voice));
  expect(seqs(newest)).toEqual([0, 1, 2, 3, 4, 5]);
  expect(newest.map(levelOf)).toEqual([11, 12, 13, 14, 15, 16]);
  expect(plane.stats().dropped).toEqual({});
});

test("[D2][D4] two packets lost towards the node are rebuilt from the copies in the next", () => {
  const { plane, wrapped, plain, send } = call();
  for (const seq of [1, 2, 5, 6]) send(speech(seq, { copies: 2 }), seq * 20);
  send(speech(4, { copies: 2 }), 125);

  const packets = plain.rtp();
  expect(packets.map(bodyOf)).toEqual([1, 2, 3, 4, 5, 6].map(voice));
  expect(seqs(packets)).toEqual([0, 1, 2, 3, 4, 5]);
  const times = packets.map((packet) => packet.readUInt32BE(4));
  for (let i = 1; i < times.length; i++) expect((times[i]! - times[i - 1]!) >>> 0).toBe(TICKS);
  expect(packets.map(levelOf)).toEqual([20, 20, 20, 20, 20, 20]);
  // Who gets redundancy finds the lost ones in it.
  expect(seqs(wrapped.rtp())).toEqual([0, 1, 4, 5]);
  expect(plane.stats().counters["red_recovered"]).toBe(2);
  expect(plane.stats().dropped).toEqual({ duplicate: 1 });
  expect(plane.peerStats("alice")).toMatchObject({ packetsLost: 0, packetsRepaired: 2 });
});

test("[D3] malformed redundant audio is counted and reaches nobody, and the stream goes on", () => {
  const { plane, wrapped, plain, send } = call();
  send(speech(1), 20);
  const base = { payloadType: 63, timestamp: 2 * TICKS, ssrc: 1111, extensions: { 1: ascii("0") } };
  send(rtpPacket({ ...base, seq: 2, payload: Buffer.from([0xef, 0xff, 0xff]) }), 40);
  send(rtpPacket({ ...base, seq: 3, payload: redPayload(13, voice(3)) }), 60);
  send(speech(4, { plain: true }), 80);

  expect(wrapped.rtp().map(typeOf)).toEqual([121, 109]);
  expect(plain.rtp().map(bodyOf)).toEqual([1, 4].map(voice));
  expect(plane.stats().dropped).toEqual({ bad_red: 2 });
});

test("[D1] redundant audio of who did not negotiate it is refused", () => {
  const plane = newPlane();
  const alice = new Client(plane, "alice", 10);
  const receiver = { peerId: "alice", roomId: "r", mid: "0", track, payloadType: 111, extensions: EXTENSIONS };
  plane.addReceiver(receiver, 0);
  plane.handleSrtp("alice", alice.up.protect(speech(1)), 5);
  plane.handleSrtp("alice", alice.up.protect(speech(2, { plain: true })), 25);
  plane.handleSrtp("alice", alice.up.protect(speech(3)), 45);

  expect(plane.stats().dropped).toEqual({ unknown_payload_type: 2 });
});

test.each([true, false])(
  "[D1][D2] over a trunk that takes redundant audio (%s), and repaired there by RTX",
  (takesRed) => {
    const { plane: near, send } = call();
    const far = newPlane();
    const [nearKey, farKey] = [masterKey(70), masterKey(71)];
    let lose = 0;
    const types: number[] = [];
    const relay = (to: RtpPlane) => ({
      send: (datagram: Uint8Array) => {
        const type = datagram[1]!;
        const isControl = type >= 192 && type < 224;
        if (!isControl) types.push(type & 127);
        if (!isControl && lose > 0) {
          lose--;
          return;
        }
        const bytes = Buffer.from(datagram);
        waiting.push(() => (isControl ? to.handleSrtcp("t", bytes, nowMs) : to.handleSrtp("t", bytes, nowMs)));
      },
    });
    const waiting: (() => void)[] = [];
    let nowMs = 0;
    const settle = (): void => {
      for (let turns = 0; turns < 20; turns++) {
        for (const run of waiting.splice(0)) run();
        near.flush();
        far.flush();
      }
    };
    near.addPeer({ peerId: "t", role: "trunk", localKey: nearKey, remoteKey: farKey, transport: relay(far) }, 0);
    far.addPeer({ peerId: "t", role: "trunk", localKey: farKey, remoteKey: nearKey, transport: relay(near) }, 0);
    const stream = { roomId: "r", track, layer: "", ssrc: 4711, rtxSsrc: 4712 };
    far.addTrunkIngress({ trunkId: "t", stream }, 0);
    near.addTrunkEgress({ trunkId: "t", stream, takesRed }, 0);
    const listener = listen(far, "dave", 80, { payloadType: 96, redPayloadType: 97 });
    for (let seq = 1; seq <= 8; seq++) {
      nowMs = seq * 20;
      if (seq === 3) lose = 1;
      send(speech(seq), nowMs);
      settle();
      if (seq === 6) {
        for (; nowMs < 135; nowMs += 5) {
          far.handleTimeout(nowMs);
          near.handleTimeout(nowMs);
          settle();
        }
      }
    }

    const packets = listener.rtp();
    const newest = packets.map((packet) =>
      takesRed && typeOf(packet) === 97 ? redBlocksOf(bodyOf(packet)).at(-1)!.bytes : bodyOf(packet),
    );
    const heard = [...newest].sort((a, b) => a[0]! - b[0]!);
    expect(new Set(packets.map(typeOf))).toEqual(new Set([takesRed ? 97 : 96]));
    expect(heard).toEqual((takesRed ? [1, 2, 4, 5, 6, 7, 8] : [1, 2, 3, 4, 5, 6, 7, 8]).map(voice));
    expect(types.filter((type) => type === 112)).toHaveLength(takesRed ? 0 : 1);
    expect(far.stats().counters["red_recovered"]).toBe(takesRed ? 1 : 0);
  },
);
