/**
 * What forwarding costs without sockets: one publisher's SRTP in, protected copies for n viewers out, `send` does nothing.
 * Load as in bench/forward: VP8-shaped 1.5 Mbit/s at 30 frames/s (180 packets/s) and Opus at 50 packets/s; each viewer
 * sends 10 transport-wide feedbacks and 1 receiver report a second, if feedback=1.
 */
import { RtpPlane } from "../../node/src/media/rtp-plane.ts";
import { TwccReceiver } from "../../node/src/sfu/twcc.ts";
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
  const plane = new RtpPlane({ event: () => undefined }, { plainCrypto, router: { startBps: 20e6 } });
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

/**
 * One second of feedback in the clear, the same for all viewers: the n-th packet that the publisher sent is number n + 1 of
 * every transport, because nothing is probed, and it took 20 ms.
 */
function feedback(receiver: TwccReceiver, from: number, packets: readonly [number, Buffer][]): Buffer[] {
  const plain: Buffer[] = [];
  let at = 0;
  for (let i = 1; i <= 10; i++) {
    for (; at < packets.length && (packets[at]?.[0] ?? 0) < i * 100; at++) {
      const seq = (from * MEDIA_PACKETS_PER_SECOND + at + 1) & 0xffff;
      receiver.receive(seq, from * 1000 + (packets[at]?.[0] ?? 0) + 20);
    }
    const bytes = receiver.build(1, 2);
    if (bytes !== undefined) plain.push(Buffer.from(bytes));
  }
  const report = Buffer.alloc(32);
  report.writeUInt32BE(0x81c90007, 0);
  report.writeUInt32BE(1, 4);
  return [...plain, report];
}

/** The n-th report of every viewer. */
function report(scene: Scene, reports: readonly Buffer[][], { n, nowMs }: { n: number; nowMs: number }): void {
  for (const [index, viewer] of scene.viewers.entries()) {
    const datagram = reports[index]?.[n];
    if (datagram !== undefined) scene.plane.handleSrtcp(viewer.peerId, datagram, nowMs);
  }
}

function playSecond(scene: Scene, seconds: number, packets: [number, Buffer][], reports: readonly Buffer[][]): void {
  const { plane } = scene;
  const startMs = seconds * 1000;
  let fedAt = 0;
  let lastMs = -1;
  for (const [atMs, datagram] of packets) {
    if (atMs !== lastMs) plane.flush();
    lastMs = atMs;
    const nowMs = startMs + atMs;
    if (plane.deadlineMs() <= nowMs) plane.handleTimeout(nowMs);
    while (fedAt < 11 && (fedAt + 1) * 100 <= atMs) report(scene, reports, { n: fedAt++, nowMs });
    plane.handleSrtp("p", datagram, nowMs);
  }
  plane.flush();
  for (; fedAt < 11; fedAt++) report(scene, reports, { n: fedAt, nowMs: startMs + 999 });
}

/** Planes that a memory measurement wants alive. */
const kept: RtpPlane[] = [];

export function run(options: Record<string, string>) {
  const viewerCount = Number(options["viewers"] ?? 100);
  const rounds = Number(options["rounds"] ?? 8);
  const withFeedback = options["feedback"] !== "0";
  const scene = setUp(viewerCount, options["plain"] === "1");
  const costs: number[] = [];
  const receiver = new TwccReceiver();
  for (let round = 0; round < rounds; round++) {
    const packets = second(scene.publisher, round);
    const plain = withFeedback ? feedback(receiver, round, packets) : [];
    const reports = scene.viewers.map(({ session }) => plain.map((packet) => session.protectRtcp(packet)));
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
  kept.length = 0;
  if (options["keep"] === "1") kept.push(scene.plane);
  return {
    bench: "fan-out",
    memoryUsedBytes: scene.plane.stats().memoryUsedBytes,
    viewers: viewerCount,
    feedback: withFeedback,
    node: process.version,
    microsPerPacket: Number(median.toFixed(3)),
  };
}
