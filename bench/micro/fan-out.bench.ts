/**
 * What forwarding costs without sockets: one publisher's SRTP in, protected copies for n viewers out, `send` does nothing.
 * Load as in bench/forward: VP8-shaped 1.5 Mbit/s at 30 frames/s (180 packets/s) and Opus at 50 packets/s; each viewer
 * sends 10 transport-wide feedbacks and 1 receiver report a second, if feedback=1.
 */
import { RtpPlane } from "../../node/src/media/rtp-plane.ts";
import { ascii, rtpPacket, SrtpSession, vp8Payload } from "../../node/test/sfu/srtp-client.ts";

const EXTENSIONS = { mid: 1, absSendTime: 4, transportSequence: 5, audioLevel: 6 };
const MEDIA_PACKETS_PER_SECOND = 230;

interface Scene {
  readonly plane: RtpPlane;
  readonly publisher: SrtpSession;
  readonly viewers: readonly { readonly peerId: string; readonly session: SrtpSession }[];
  sent: number;
}

function master(seed: number) {
  const bytes = (length: number) => Uint8Array.from({ length }, (_, i) => (seed * 31 + i * 7) & 255);
  return { key: bytes(16), salt: bytes(14) };
}

function setUp(viewerCount: number, plainCrypto: boolean): Scene {
  const plane = new RtpPlane({ event: () => undefined }, { plainCrypto });
  const scene: Scene = { plane, publisher: new SrtpSession(master(2)), viewers: [], sent: 0 };
  const transport = {
    send: () => {
      scene.sent++;
    },
  };
  plane.addPeer({ peerId: "p", role: "client", localKey: master(1), remoteKey: master(2), transport }, 0);
  const receiver = { peerId: "p", roomId: "r", extensions: EXTENSIONS } as const;
  const codecs = {
    audio: { name: "opus", clockRateHz: 48_000 },
    video: { name: "VP8", clockRateHz: 90_000 },
  } as const;
  const microphone = { trackId: "a", kind: "audio", source: "microphone", codec: codecs.audio, layers: [""] } as const;
  const camera = { trackId: "v", kind: "video", source: "camera", codec: codecs.video, layers: [""] } as const;
  plane.addReceiver({ ...receiver, mid: "0", track: microphone, payloadType: 111 }, 0);
  plane.addReceiver({ ...receiver, mid: "1", track: camera, payloadType: 96, rtxPayloadType: 97 }, 0);
  const viewers = [];
  for (let i = 0; i < viewerCount; i++) {
    const peerId = `s${i}`;
    const keys = { localKey: master(100 + 2 * i), remoteKey: master(101 + 2 * i) };
    plane.addPeer({ peerId, role: "client", ...keys, transport }, 0);
    const slot = { peerId, roomId: "r", extensions: EXTENSIONS };
    const [audio, video] = [
      { name: "opus", payloadType: 111 } as const,
      { name: "VP8", payloadType: 96, rtxPayloadType: 97 } as const,
    ];
    plane.addSlot({ ...slot, mid: "a", kind: "audio", ssrc: 10_000 + i, codecs: [audio] }, 0);
    plane.addSlot({ ...slot, mid: "v", kind: "video", ssrc: 20_000 + i, rtxSsrc: 30_000 + i, codecs: [video] }, 0);
    plane.assignSlot({ peerId, mid: "a", trackId: "a" }, 0);
    plane.assignSlot({ peerId, mid: "v", trackId: "v" }, 0);
    viewers.push({ peerId, session: new SrtpSession(keys.remoteKey) });
  }
  return { ...scene, viewers };
}

/** One second of the publisher, protected beforehand: [time in ms, datagram]. Frames of six packets leave as bursts. */
function second(publisher: SrtpSession, from: number): [number, Buffer][] {
  const packets: [number, Buffer][] = [];
  const twcc = (n: number) => ({ 5: Uint8Array.of((n >> 8) & 255, n & 255) });
  for (let i = 0; i < 180; i++) {
    const seq = from * 180 + i;
    const keyframe = from === 0 && i < 6;
    const body = Buffer.alloc(1030, i);
    const frame = Math.floor(seq / 6);
    const payload = vp8Payload({ keyframe, start: i % 6 === 0, pictureId: frame & 0x7fff, tl0: frame & 255, body });
    const extensions = { 1: ascii("1"), ...twcc(from * 230 + i) };
    const shape = {
      payloadType: 96,
      seq,
      timestamp: frame * 3000,
      ssrc: 1111,
      marker: i % 6 === 5,
      extensions,
      payload,
    };
    packets.push([Math.floor(i / 6) * 33.3, publisher.protect(rtpPacket(shape))]);
  }
  for (let i = 0; i < 50; i++) {
    const seq = from * 50 + i;
    const extensions = { 1: ascii("0"), 6: Uint8Array.of(30), ...twcc(from * 230 + 180 + i) };
    const payload = Buffer.alloc(100, i);
    const packet = rtpPacket({ payloadType: 111, seq, timestamp: seq * 960, ssrc: 2222, extensions, payload });
    packets.push([i * 20 + 7, publisher.protect(packet)]);
  }
  return packets.sort((a, b) => a[0] - b[0]);
}

/** One second of a viewer's feedback. */
function feedback(session: SrtpSession, from: number): Buffer[] {
  const datagrams: Buffer[] = [];
  for (let i = 0; i < 10; i++) {
    const packet = Buffer.alloc(20 + 4 + 24);
    packet.writeUInt32BE(0x8fcd0000 + packet.length / 4 - 1, 0);
    packet.writeUInt32BE(1, 4);
    packet.writeUInt16BE((from * 230 + i * 23) & 0xffff, 12);
    packet.writeUInt16BE(23, 14);
    packet.writeUInt16BE((1 << 13) | 23, 20);
    datagrams.push(session.protectRtcp(packet));
  }
  const report = Buffer.alloc(32);
  report.writeUInt32BE(0x81c90007, 0);
  report.writeUInt32BE(1, 4);
  datagrams.push(session.protectRtcp(report));
  return datagrams;
}

function playSecond(scene: Scene, seconds: number, packets: [number, Buffer][], reports: readonly Buffer[][]): void {
  const { plane, viewers } = scene;
  const startMs = seconds * 1000;
  let fedAt = 0;
  let lastMs = -1;
  for (const [atMs, datagram] of packets) {
    if (atMs !== lastMs) plane.flush();
    lastMs = atMs;
    const nowMs = startMs + atMs;
    if (plane.deadlineMs() <= nowMs) plane.handleTimeout(nowMs);
    while (fedAt < 11 && fedAt * 90 <= atMs) {
      for (const [index, viewer] of viewers.entries()) {
        const report = reports[index]?.[fedAt];
        if (report !== undefined) plane.handleSrtcp(viewer.peerId, report, nowMs);
      }
      fedAt++;
    }
    plane.handleSrtp("p", datagram, nowMs);
  }
  plane.flush();
}

export function run(options: Record<string, string>) {
  const viewerCount = Number(options["viewers"] ?? 100);
  const rounds = Number(options["rounds"] ?? 8);
  const withFeedback = options["feedback"] !== "0";
  const scene = setUp(viewerCount, options["plain"] === "1");
  const costs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const packets = second(scene.publisher, round);
    const reports = scene.viewers.map(({ session }) => (withFeedback ? feedback(session, round) : []));
    const before = process.cpuUsage();
    playSecond(scene, round, packets, reports);
    const used = process.cpuUsage(before);
    costs.push((used.user + used.system) / (MEDIA_PACKETS_PER_SECOND * viewerCount));
    console.log(`round ${round}: ${costs[round]?.toFixed(3)} µs per forwarded packet`);
  }
  const { counters, dropped } = scene.plane.stats();
  const steady = costs.slice(Math.floor(rounds / 3)).sort((a, b) => a - b);
  const median = steady[Math.floor(steady.length / 2)] ?? 0;
  console.log({ counters, dropped, memory: scene.plane.stats().memoryUsedBytes });
  return {
    bench: "fan-out",
    viewers: viewerCount,
    feedback: withFeedback,
    node: process.version,
    microsPerPacket: Number(median.toFixed(3)),
  };
}
