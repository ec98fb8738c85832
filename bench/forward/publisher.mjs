// One publisher: VP8-shaped video at a constant rate (30 frames/s, a burst of packets a frame) and Opus-shaped
// audio (50 packets/s). Argument: signalling base. IPC: {connected}, then "pause", "resume",
// and "stats" → {stats: {packets}}.
import { randomBytes } from "node:crypto";
import { connected, peerConnection, werift } from "./client.mjs";
import { connectSignal } from "./signal.mjs";

const KBPS = Number(process.env.BENCH_KBPS ?? 1_500);
const FPS = 30;
const signal = await connectSignal(process.argv[2]);
const pc = peerConnection();
const video = new werift.MediaStreamTrack({ kind: "video" });
const audio = new werift.MediaStreamTrack({ kind: "audio" });
pc.addTransceiver(audio, { direction: "sendonly" });
pc.addTransceiver(video, { direction: "sendonly" });
await signal.publish(pc);
await connected(pc);
process.send?.({ connected: 1 });

const frameBytes = (KBPS * 1_000) / 8 / FPS;
const packetsPerFrame = Math.ceil(frameBytes / 1_100);
const payloadBytes = Math.round(frameBytes / packetsPerFrame);
const videoPayload = randomBytes(payloadBytes);
const audioPayload = randomBytes(80);
let sent = 0;
let frame = 0;
let videoSeq = 0;
let audioSeq = 0;

const packet = (fields, payload) => new werift.RtpPacket(new werift.RtpHeader({ version: 2, ...fields }), payload);

// RFC 7741 section 4.2: X, then I with a 15-bit picture id; the first packet of a keyframe has S and P = 0.
function sendFrame() {
  frame += 1;
  const keyframe = frame % FPS === 1;
  for (let i = 0; i < packetsPerFrame; i += 1) {
    const payload = Buffer.from(videoPayload);
    payload[0] = 0x80 | (i === 0 ? 0x10 : 0);
    payload[1] = 0x80;
    payload.writeUInt16BE(0x8000 | (frame & 0x7fff), 2);
    payload[4] = keyframe ? 0x10 : 0x11;
    if (keyframe && i === 0) payload.set([0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01], 7);
    videoSeq = (videoSeq + 1) & 0xffff;
    const timestamp = (frame * (90_000 / FPS)) >>> 0;
    video.writeRtp(
      packet(
        { payloadType: 96, sequenceNumber: videoSeq, timestamp, marker: i === packetsPerFrame - 1, ssrc: 1 },
        payload,
      ),
    );
    sent += 1;
  }
}

function sendAudio() {
  audioSeq += 1;
  const fields = { payloadType: 111, sequenceNumber: audioSeq & 0xffff, timestamp: (audioSeq * 960) >>> 0, ssrc: 2 };
  audio.writeRtp(packet(fields, audioPayload));
  sent += 1;
}

// Between "pause" and "resume" time stands still: joins are measured without media.
let elapsed = 0;
let resumedAt = performance.now();
let paused = false;
setInterval(() => {
  if (paused) return;
  const seconds = (elapsed + performance.now() - resumedAt) / 1_000;
  while (frame < seconds * FPS) sendFrame();
  while (audioSeq < seconds * 50) sendAudio();
}, 5);
process.on("message", (message) => {
  if (message === "stats") return process.send?.({ stats: { packets: sent } });
  if (message === "pause") elapsed += performance.now() - resumedAt;
  if (message === "resume") resumedAt = performance.now();
  paused = message === "pause";
});
