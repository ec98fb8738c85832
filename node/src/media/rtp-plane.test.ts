import { describe, expect, test } from "@jest/globals";
import { addViewer, type Client, EXTENSIONS, frame, masterKey, setUp, VIDEO } from "../../test/sfu/plane-harness.ts";
import { ascii, headerLength, rtpPacket, vp8Payload } from "../../test/sfu/srtp-client.ts";
import type { RtpPlane } from "./rtp-plane.ts";

describe.each([
  ["fast", false],
  ["plain", true],
])("with the %s kernel", (_name, plainCrypto) => {
  test("what a publisher sends reaches every viewer, whole, over a sequence wrap and a roll-over", () => {
    const { plane, alice } = setUp({ plainCrypto });
    const viewers = [1, 2, 3, 4, 5].map((i) => addViewer(plane, `viewer${i}`, 20 + 2 * i));
    const lastSeqs = new Map<Client, number>();
    for (let i = 0; i < 300; i++) {
      const seq = (65_400 + i) & 0xffff;
      const packet = frame(seq, { keyframe: i === 0 });

      plane.handleSrtp("alice", alice.up.protect(packet), i * 10);
      plane.flush();

      for (const viewer of viewers) {
        const [received, ...more] = viewer.rtp();
        expect(more).toHaveLength(0);
        expect(received![1]).toBe(0x80 | 100);
        const last = lastSeqs.get(viewer);
        if (last !== undefined) expect((received!.readUInt16BE(2) - last) & 0xffff).toBe(1);
        lastSeqs.set(viewer, received!.readUInt16BE(2));
        // Behind picture id and TL0PICIDX the payload is the publisher's.
        const body = received!.subarray(headerLength(received!));
        expect(body.subarray(5).equals(packet.subarray(headerLength(packet) + 5))).toBe(true);
      }
    }
    expect(plane.stats().dropped).toEqual({});
  });
});

test("the egress header carries the viewer's own mid, send time and transport sequence", () => {
  const { plane, alice } = setUp();
  const bob = addViewer(plane, "bob", 30);

  plane.handleSrtp("alice", alice.up.protect(frame(1, { keyframe: true })), 1000);
  plane.handleSrtp("alice", alice.up.protect(frame(2)), 1500);
  plane.flush();

  const [first, second] = bob.rtp();
  expect(first!.readUInt32BE(8)).toBe(9030);
  const elements = first!.subarray(16, headerLength(first!));
  expect([...elements.subarray(0, 3)]).toEqual([0x11, ...ascii("v0")]);
  expect(elements[3]).toBe(0x42);
  expect(elements.readUIntBE(4, 3)).toBe(Math.floor(1000 * 262.144));
  expect(elements[7]).toBe(0x51);
  expect(second!.readUInt16BE(16 + 8) - first!.readUInt16BE(16 + 8)).toBe(1);
});

test("a lost packet is asked for, repaired by RTX and forwarded with its number", () => {
  const { plane, alice } = setUp();
  const bob = addViewer(plane, "bob", 30);
  plane.handleSrtp("alice", alice.up.protect(frame(1, { keyframe: true })), 0);
  const lost = frame(2, { twcc: 2 });
  plane.handleSrtp("alice", alice.up.protect(frame(3, { twcc: 3 })), 10);
  alice.sent.length = 0;
  plane.handleTimeout(plane.deadlineMs());
  const nack = alice.rtcp().find((packet) => packet[1] === 205 && (packet[0]! & 31) === 1);
  expect(nack!.readUInt32BE(8)).toBe(1111);
  expect(nack!.readUInt16BE(12)).toBe(2);

  const rtx = rtpPacket({
    payloadType: 97,
    seq: 700,
    timestamp: lost.readUInt32BE(4),
    ssrc: 2222,
    extensions: { 1: ascii("0"), 5: Uint8Array.of(0, 4) },
    payload: Buffer.concat([Buffer.from([0, 2]), lost.subarray(headerLength(lost))]),
  });
  plane.handleSrtp("alice", alice.up.protect(rtx), 50);
  plane.flush();

  const received = bob.rtp();
  expect(received).toHaveLength(3);
  const seqs = received.map((packet) => packet.readUInt16BE(2));
  expect(seqs[2]).toBe((seqs[0]! + 1) & 0xffff);
  expect(seqs[1]).toBe((seqs[0]! + 2) & 0xffff);
  expect(received[2]!.subarray(headerLength(received[2]!) + 5).equals(lost.subarray(headerLength(lost) + 5))).toBe(
    true,
  );
});

test("a viewer's request is answered on its RTX stream with the original number in front", () => {
  const { plane, alice } = setUp();
  const bob = addViewer(plane, "bob", 30);
  const packet = frame(1, { keyframe: true });
  plane.handleSrtp("alice", alice.up.protect(packet), 0);
  plane.flush();
  const [original] = bob.rtp();
  const nack = Buffer.from("81cd0003000000010000234600000000", "hex");
  nack.writeUInt16BE(original!.readUInt16BE(2), 12);

  plane.handleSrtcp("bob", bob.up.protectRtcp(nack), 30);
  plane.flush();

  const [rtx] = bob.rtp();
  expect(rtx![1]! & 0x7f).toBe(101);
  expect(rtx!.readUInt32BE(8)).toBe(9530);
  const body = rtx!.subarray(headerLength(rtx!));
  expect(body.readUInt16BE(0)).toBe(original!.readUInt16BE(2));
  expect(body.subarray(2).equals(original!.subarray(headerLength(original!)))).toBe(true);
});

test("[R16] what is sent because of one part of a compound packet leaves the parts behind it whole", () => {
  const { plane, alice } = setUp();
  const bob = addViewer(plane, "bob", 30);
  plane.handleSrtp("alice", alice.up.protect(frame(1, { keyframe: true })), 0);
  plane.flush();
  const [original] = bob.rtp();
  alice.rtcp();
  // A picture loss, for which the publisher is asked at once; then a request for a packet.
  const compound = Buffer.from("81ce0002000000010000234681cd0003000000010000234600000000", "hex");
  compound.writeUInt16BE(original!.readUInt16BE(2), 24);

  plane.handleSrtcp("bob", bob.up.protectRtcp(compound), 5_000);
  plane.flush();

  expect(alice.rtcp().some((packet) => packet[1] === 206)).toBe(true);
  expect(plane.stats().dropped).toEqual({});
  expect(plane.stats().counters).toMatchObject({ plis_sent: 1, nacks_received: 1 });
});

test("strangers, liars and echoes are counted drops and change nothing", () => {
  const { plane, alice } = setUp();
  const bob = addViewer(plane, "bob", 30);
  const good = alice.up.protect(frame(1, { keyframe: true }));
  plane.handleSrtp("alice", good, 0);
  plane.flush();
  bob.sent.length = 0;
  const forged = Buffer.from(alice.up.protect(frame(2)));
  forged[40]! ^= 1;

  plane.handleSrtp("alice", forged, 1);
  plane.handleSrtp("alice", good, 2);
  plane.handleSrtp("nobody", good, 3);
  plane.handleSrtp("alice", Buffer.alloc(8), 4);
  plane.handleSrtp("alice", Buffer.alloc(40), 5);
  plane.handleSrtp(
    "alice",
    alice.up.protect(rtpPacket({ payloadType: 50, seq: 1, timestamp: 1, ssrc: 7, payload: Buffer.alloc(9) })),
    6,
  );
  plane.handleSrtp(
    "alice",
    alice.up.protect(
      rtpPacket({
        payloadType: 55,
        seq: 1,
        timestamp: 1,
        ssrc: 8,
        extensions: { 1: ascii("0") },
        payload: Buffer.alloc(9),
      }),
    ),
    7,
  );
  plane.handleSrtcp("alice", Buffer.alloc(40), 8);
  plane.handleSrtcp("alice", alice.up.protectRtcp(Buffer.from("81ffffff00000001", "hex")), 9);
  plane.flush();

  expect(bob.rtp()).toHaveLength(0);
  expect(plane.stats().dropped).toEqual({
    bad_auth: 2,
    replayed: 1,
    unknown_peer: 1,
    too_short: 1,
    bad_version: 1,
    unknown_ssrc: 1,
    unknown_payload_type: 1,
    bad_rtcp: 1,
  });
});

test("packets of a new SSRC on the same mid continue the viewers' stream", () => {
  const { plane, alice } = setUp();
  const bob = addViewer(plane, "bob", 30);
  plane.handleSrtp("alice", alice.up.protect(frame(1, { keyframe: true })), 0);
  plane.handleSrtp("alice", alice.up.protect(frame(2)), 33);

  plane.handleSrtp("alice", alice.up.protect(frame(30_000, { keyframe: true, ssrc: 3333 })), 900);
  plane.flush();

  const received = bob.rtp();
  const seqs = received.map((packet) => packet.readUInt16BE(2));
  expect(seqs).toEqual([seqs[0], (seqs[0]! + 1) & 0xffff, (seqs[0]! + 2) & 0xffff]);
  expect(new Set(received.map((packet) => packet.readUInt32BE(8))).size).toBe(1);
});

test("a change of SSRC is believed only so often", () => {
  const { plane, alice } = setUp();
  plane.handleSrtp("alice", alice.up.protect(frame(1, { keyframe: true })), 0);

  plane.handleSrtp("alice", alice.up.protect(frame(1, { ssrc: 3333 })), 100);

  expect(plane.stats().dropped).toEqual({ ssrc_flapping: 1 });
});

test("everything that a peer took is given back when it goes", () => {
  const { plane, alice } = setUp();
  const before = plane.stats().memoryUsedBytes;
  const bob = addViewer(plane, "bob", 30);
  for (let seq = 1; seq < 50; seq++)
    plane.handleSrtp("alice", alice.up.protect(frame(seq, { keyframe: seq === 1 })), seq);
  plane.flush();
  expect(bob.rtp().length).toBeGreaterThan(0);

  plane.removePeer("bob", 60);
  plane.removePeer("alice", 60);

  const stats = plane.stats();
  expect(stats.memoryUsedBytes).toBeLessThan(before);
  expect(stats).toMatchObject({ peers: 0, tracks: 0 });
  expect(plane.deadlineMs()).toBe(Number.POSITIVE_INFINITY);
});

test("with packet memory used up, forwarding goes on without repairs", () => {
  const { plane, alice } = setUp({ memoryBytes: 196_608 });
  const bob = addViewer(plane, "bob", 30);
  let received = 0;
  for (let seq = 1; seq < 200; seq++) {
    plane.handleSrtp("alice", alice.up.protect(frame(seq, { keyframe: seq === 1, bytes: 1100 })), seq * 20);
    plane.flush();
    received += bob.rtp().length;
  }

  expect(received).toBe(199);
  expect(plane.stats().counters["packet_memory_refusals"]).toBeGreaterThan(0);
});

test("a trunk carries a track to another plane's viewers, and both hops repair by themselves", () => {
  const { plane: near, alice, track } = setUp();
  const { plane: far, events } = setUp();
  const [nearKey, farKey] = [masterKey(70), masterKey(71)];
  const wire: { to: RtpPlane; bytes: Buffer }[] = [];
  const transportTo = (to: RtpPlane) => ({
    send: (bytes: Uint8Array) => void wire.push({ to, bytes: Buffer.from(bytes) }),
  });
  const remote = { ...track, trackId: "far-camera", layers: [""] };
  near.addPeer({ peerId: "t", role: "trunk", localKey: nearKey, remoteKey: farKey, transport: transportTo(far) }, 0);
  far.addPeer({ peerId: "t", role: "trunk", localKey: farKey, remoteKey: nearKey, transport: transportTo(near) }, 0);
  const deliver = (nowMs: number, drop: (bytes: Buffer) => boolean = () => false) => {
    for (const { to, bytes } of wire.splice(0)) {
      if (drop(bytes)) continue;
      const type = bytes[1]! & 0x7f;
      if (type >= 64 && type < 96) to.handleSrtcp("t", bytes, nowMs);
      else to.handleSrtp("t", bytes, nowMs);
    }
    near.flush();
    far.flush();
  };
  const bob = addViewer(far, "bob", 30);
  far.assignSlot({ peerId: "bob", mid: "v0", trackId: "far-camera" }, 0);
  expect(events).toContainEqual({ kind: "demand", roomId: "r", trackId: "far-camera", layers: [""] });
  const stream = { roomId: "r", layer: "", ssrc: 4711, rtxSsrc: 4712 };
  expect(far.addTrunkIngress({ trunkId: "t", stream: { ...stream, track: remote } }, 0)).toBe(true);
  expect(near.addTrunkEgress({ trunkId: "t", stream: { ...stream, track } }, 0)).toBe(true);

  let first = true;
  for (let seq = 1; seq <= 20; seq++) {
    near.handleSrtp("alice", alice.up.protect(frame(seq, { keyframe: seq === 1 })), seq * 10);
    near.flush();
    deliver(seq * 10, (bytes) => {
      const lose = seq === 7 && first && bytes.readUInt32BE(8) === 4711;
      if (lose) first = false;
      return lose;
    });
    far.handleTimeout(seq * 10);
    deliver(seq * 10);
    deliver(seq * 10);
  }

  const seqs = bob.rtp().map((packet) => packet.readUInt16BE(2));
  expect(seqs).toHaveLength(20);
  expect(first).toBe(false);
  expect(far.peerStats("t")).toMatchObject({ packetsRepaired: 1, packetsLost: 0, ingressStreams: 1 });
  near.removeTrunkEgress({ trunkId: "t", ssrc: 4711 }, 300);
  expect(near.peerStats("t")).toMatchObject({ egressStreams: 0 });
});

test("[R7] a packet of a replaced SSRC cannot bring it back", () => {
  const { plane, alice } = setUp();
  const old = alice.up.protect(frame(1, { keyframe: true }));
  const older = alice.up.protect(frame(2));
  plane.handleSrtp("alice", old, 0);
  plane.handleSrtp("alice", alice.up.protect(frame(1, { keyframe: true, ssrc: 3333 })), 1000);

  plane.handleSrtp("alice", old, 5000);
  expect(plane.stats().dropped).toEqual({ replayed: 1 });
  plane.handleSrtp("alice", older, 6000);
  expect(plane.stats().dropped).toEqual({ replayed: 1 });
});

test("[R7] simulcast layers and their repairs are told apart by RID and repaired RID, two sources by MID", () => {
  const { plane, events, alice, track } = setUp();
  const screen = { ...track, trackId: "screen", source: "screen", layers: ["q", "h"] } as const;
  const camera = { ...track, trackId: "camera2", layers: ["q", "h"] };
  const receiver = { peerId: "alice", roomId: "r", ...VIDEO, extensions: EXTENSIONS };
  plane.addReceiver({ ...receiver, mid: "5", track: screen }, 0);
  plane.addReceiver({ ...receiver, mid: "6", track: camera }, 0);
  const send = (ssrc: number, payloadType: number, extensions: Record<number, Uint8Array>) => {
    const payload = vp8Payload({ keyframe: true, pictureId: 1, tl0: 1, body: Buffer.alloc(50) });
    plane.handleSrtp(
      "alice",
      alice.up.protect(rtpPacket({ payloadType, seq: 1, timestamp: 1, ssrc, extensions, payload })),
      0,
    );
  };
  send(51, 96, { 1: ascii("5"), 2: ascii("q") });
  send(61, 96, { 1: ascii("6"), 2: ascii("q") });
  send(62, 96, { 1: ascii("6"), 2: ascii("h") });
  send(63, 97, { 1: ascii("6"), 3: ascii("h") });
  send(64, 97, { 1: ascii("5"), 3: ascii("h") });
  send(65, 96, { 1: ascii("6"), 2: ascii("x") });
  send(66, 96, { 1: ascii("9") });

  expect(
    events
      .filter(({ kind }) => kind === "trackStarted")
      .map((event) => ("layer" in event ? [event.trackId, event.layer] : [])),
  ).toEqual([
    ["screen", "q"],
    ["camera2", "q"],
    ["camera2", "h"],
  ]);
  expect(plane.stats().dropped["unknown_ssrc"]).toBe(3);
});

test("a slot that is added again unchanged is not disturbed; one that changes goes on with its numbers", () => {
  const { plane, alice } = setUp();
  const bob = addViewer(plane, "bob", 30);
  const slot = { peerId: "bob", roomId: "r", mid: "v0", kind: "video", ssrc: 9030, rtxSsrc: 9530 } as const;
  const codecs = [{ name: "VP8", payloadType: 100, rtxPayloadType: 101 }] as const;
  plane.handleSrtp("alice", alice.up.protect(frame(1, { keyframe: true })), 0);
  plane.addSlot({ ...slot, codecs, extensions: EXTENSIONS }, 1);
  plane.handleSrtp("alice", alice.up.protect(frame(2)), 2);
  plane.flush();
  plane.addSlot({ ...slot, codecs, extensions: { mid: 1 } }, 3);
  plane.assignSlot({ peerId: "bob", mid: "v0", trackId: "camera" }, 3);
  plane.handleSrtp("alice", alice.up.protect(frame(3, { keyframe: true })), 4);
  plane.flush();

  const seqs = bob.rtp().map((packet) => packet.readUInt16BE(2));
  expect(seqs).toEqual([seqs[0], (seqs[0]! + 1) & 0xffff, (seqs[0]! + 2) & 0xffff]);
});
