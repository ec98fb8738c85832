/** What of layers and feedback is in the packets themselves. */
import { expect, test } from "@jest/globals";
import { descriptor } from "../../test/sfu/bit-writer.ts";
import { addViewer, Client, EXTENSIONS, frame, setUp } from "../../test/sfu/plane-harness.ts";
import { ascii, headerLength, rtpPacket } from "../../test/sfu/srtp-client.ts";

/** Elements of a header in either form (RFC 8285), by id. */
function elementsOf(packet: Buffer): Map<number, Buffer> {
  const isLong = packet.readUInt16BE(12) === 0x1000;
  const found = new Map<number, Buffer>();
  for (let at = 16; at < headerLength(packet); ) {
    if (packet[at] === 0) {
      at++;
      continue;
    }
    const id = isLong ? packet[at]! : packet[at]! >> 4;
    const length = isLong ? packet[at + 1]! : (packet[at]! & 15) + 1;
    const start = at + (isLong ? 2 : 1);
    found.set(id, packet.subarray(start, start + length));
    at = start + length;
  }
  return found;
}

function av1Call() {
  const { plane, alice } = setUp();
  const codec = { name: "AV1", clockRateHz: 90_000 } as const;
  const track = { trackId: "av1", kind: "video", source: "camera", codec, layers: [""] } as const;
  const extensions = { ...EXTENSIONS, dependencyDescriptor: 8 };
  plane.addReceiver({ peerId: "alice", roomId: "r", mid: "9", track, payloadType: 45, extensions }, 0);
  const bob = new Client(plane, "bob", 60);
  const codecs = [{ name: "AV1", payloadType: 46, rtxPayloadType: 47 }] as const;
  const slot = { peerId: "bob", roomId: "r", mid: "v0", kind: "video", ssrc: 70, rtxSsrc: 71, codecs } as const;
  plane.addSlot({ ...slot, extensions: { ...EXTENSIONS, dependencyDescriptor: 12 } }, 0);
  plane.assignSlot({ peerId: "bob", mid: "v0", trackId: "av1" }, 0);
  const send = (seq: number, dependency: Buffer, nowMs: number): void => {
    const payload = Buffer.from([seq === 1 ? 0x18 : 0x10, 1, 2, seq]);
    const shape = { payloadType: 45, seq, timestamp: seq * 3000, ssrc: 4444, marker: true, payload };
    const packet = rtpPacket({ ...shape, extensions: { 1: ascii("9"), 8: dependency } });
    plane.handleSrtp("alice", alice.up.protect(packet), nowMs);
    plane.flush();
  };
  return { plane, bob, send };
}

test("[L6] a dependency descriptor reaches the viewer under its own id, frame numbers going on by one", () => {
  const { bob, send, plane } = av1Call();
  const first = descriptor(0, { frameNumber: 900, structure: true, sizes: false });
  const second = descriptor(1, { frameNumber: 901 });
  send(1, first, 10);
  send(2, second, 43);

  const packets = bob.rtp().filter((packet) => (packet[1]! & 127) === 46);
  expect(plane.stats().dropped).toEqual({});
  expect(packets).toHaveLength(2);
  const told = packets.map((packet) => elementsOf(packet).get(12)!);
  expect([told[0]![0], ...told[0]!.subarray(3)]).toEqual([first[0], ...first.subarray(3)]);
  expect(told[1]!.readUInt16BE(1) - told[0]!.readUInt16BE(1)).toBe(1);
  for (const packet of packets) expect(elementsOf(packet).get(1)).toEqual(Buffer.from("v0"));
  expect(packets.map((packet) => packet.subarray(headerLength(packet)).at(-1))).toEqual([1, 2]);
});

test("[E16] media, repairs and other streams of one transport share one count", () => {
  const { plane, alice } = setUp();
  const bob = addViewer(plane, "bob", 30);
  for (let seq = 1; seq <= 4; seq++) {
    plane.handleSrtp("alice", alice.up.protect(frame(seq, { keyframe: seq === 1 })), seq * 33);
  }
  plane.flush();
  const media = bob.rtp();
  const nack = Buffer.alloc(16);
  nack.writeUInt32BE(0x81cd0003, 0);
  nack.writeUInt32BE(1, 4);
  nack.writeUInt32BE(9030, 8);
  nack.writeUInt16BE(media[1]!.readUInt16BE(2), 12);
  plane.handleSrtcp("bob", bob.up.protectRtcp(nack), 200);
  plane.handleSrtp("alice", alice.up.protect(frame(5)), 210);
  plane.flush();

  const numbers = [...media, ...bob.rtp()].map((packet) => elementsOf(packet).get(5)!.readUInt16BE(0));
  expect(numbers).toEqual([1, 2, 3, 4, 5, 6]);
});

test("a peer's statistics say what each of its slots gives", () => {
  const { plane, alice } = setUp();
  addViewer(plane, "bob", 30);
  expect(plane.peerStats("bob")!.slots).toMatchObject([
    { mid: "v0", trackId: "camera", paused: false, packetsSent: 0 },
  ]);

  plane.handleSrtp("alice", alice.up.protect(frame(1, { keyframe: true })), 0);

  expect(plane.peerStats("bob")!.slots).toMatchObject([{ mid: "v0", layer: "", packetsSent: 1 }]);
  expect(plane.peerStats("alice")!.slots).toEqual([]);
});

test("[R15] a slot that names profiles takes a track on the payload type of its own, and no other", () => {
  const { plane, alice } = setUp();
  const codec = { name: "H264", clockRateHz: 90_000, profile: "high" } as const;
  const track = { trackId: "h264", kind: "video", source: "camera", codec, layers: [""] } as const;
  plane.addReceiver({ peerId: "alice", roomId: "r", mid: "9", track, payloadType: 45, extensions: EXTENSIONS }, 0);
  const listen = (peerId: string, profiles: readonly (string | undefined)[]): Client => {
    const client = new Client(plane, peerId, peerId.length * 7);
    const codecs = profiles.map((profile, i) => {
      const variant = { name: "H264", payloadType: 50 + i } as const;
      return profile === undefined ? variant : { ...variant, profile };
    });
    plane.addSlot({ peerId, roomId: "r", mid: "v0", kind: "video", ssrc: 70, codecs, extensions: EXTENSIONS }, 0);
    plane.assignSlot({ peerId, mid: "v0", trackId: "h264" }, 0);
    return client;
  };
  const viewers = [listen("both", ["", "high"]), listen("basic", [""]), listen("anybody", [undefined])];
  const shape = { payloadType: 45, seq: 1, timestamp: 1, ssrc: 4444, marker: true, extensions: { 1: ascii("9") } };
  const keyframe = rtpPacket({
    ...shape,
    payload: Buffer.from([0x67, 0x64, 0, 0x1f, 0xac, 0xd9, 0x40, 0x50, 0x05, 0xbb]),
  });
  plane.handleSrtp("alice", alice.up.protect(keyframe), 5);
  plane.flush();

  expect(viewers.map((viewer) => viewer.rtp().map((packet) => packet[1]! & 127))).toEqual([[51], [], [50]]);
});

test("[E21] figures of streams: what came, was lost and repaired; what a viewer reports of its slot", () => {
  const { plane, alice } = setUp();
  const bob = addViewer(plane, "bob", 30);
  for (const seq of [1, 2, 4, 5]) {
    plane.handleSrtp("alice", alice.up.protect(frame(seq, { keyframe: seq === 1, bytes: 400 })), seq * 33);
  }
  plane.flush();
  const media = bob.rtp();
  const [stream, ...more] = plane.peerStats("alice")!.streams!;
  expect(more).toEqual([]);
  expect(stream).toMatchObject({
    trackId: "camera",
    layer: "",
    packetsReceived: 4,
    packetsLost: 1,
    packetsRepaired: 0,
  });
  expect(stream!.octetsReceived).toBeGreaterThan(1600);
  expect(plane.peerStats("bob")!.slots![0]).toMatchObject({ packetsLost: 0, packetsRepaired: 0, lossRatio: 0 });
  expect(plane.peerStats("bob")!.slots![0]).not.toHaveProperty("jitterMs");

  const told = Buffer.alloc(32 + 16);
  told.writeUInt32BE(0x81c90007, 0);
  told.writeUInt32BE(9030, 8);
  told.writeUInt32BE(0x40000003, 12);
  told.writeUInt32BE(1800, 20);
  told.writeUInt32BE(0x81cd0003, 32);
  told.writeUInt32BE(9030, 40);
  told.writeUInt16BE(media[1]!.readUInt16BE(2), 44);
  plane.handleSrtcp("bob", bob.up.protectRtcp(told), 300);

  const slot = plane.peerStats("bob")!.slots![0];
  expect(slot).toMatchObject({ packetsLost: 3, lossRatio: 0.25, packetsRepaired: 1, jitterMs: 20 });
});
