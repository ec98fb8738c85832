// One end of the hop benchmark. Both ends run in processes of their own, as people do; their clocks are one (the
// machine's monotonic clock), so a time written into a payload can be subtracted at arrival.
// Argument: "sender" | "receiver". IPC in: {connectNode}, {connectRoom}, {connectDirect}, {send: {paths, seconds}}, {take: path};
// out: see below.
import { connected, peerConnection, werift } from "../forward/client.mjs";
import { connectSignal } from "../forward/signal.mjs";
import { Person } from "../lib/person.mjs";

const role = process.argv[2];
const RATE = 250;
const PAYLOAD_BYTES = 1_000;
const paths = new Map();

function receiveOn(pc, path) {
  pc.onTrack.subscribe((track) => {
    track.onReceiveRtp.subscribe((packet) => {
      if (packet.payload.length < 64) return;
      const sentNs = packet.payload.readBigUInt64BE(packet.payload.length - 8);
      path.latenciesUs.push(Number(process.hrtime.bigint() - sentNs) / 1e3);
    });
  });
}

// The receiver of a direct call offers, so that both paths use the same transceivers.
async function connectDirect(message) {
  const pc = paths.get("direct")?.pc ?? peerConnection();
  if (message.answer !== undefined) {
    await pc.setRemoteDescription({ type: "answer", sdp: message.answer });
    await connected(pc);
    return process.send({ ready: "direct" });
  }
  const path = { pc, latenciesUs: [], video: new werift.MediaStreamTrack({ kind: "video" }) };
  paths.set("direct", path);
  if (role === "sender") {
    pc.addTransceiver(path.video, { direction: "sendonly" });
    await pc.setLocalDescription(await pc.createOffer());
    return process.send({ offer: pc.localDescription.sdp });
  }
  receiveOn(pc, path);
  await pc.setRemoteDescription({ type: "offer", sdp: message.offer });
  await pc.setLocalDescription(await pc.createAnswer());
  process.send({ answer: pc.localDescription.sdp });
  await connected(pc);
  return process.send({ ready: "direct" });
}

async function connectNode(base) {
  const signal = await connectSignal(base);
  const pc = peerConnection();
  const path = { pc, latenciesUs: [], video: new werift.MediaStreamTrack({ kind: "video" }) };
  paths.set("node", path);
  if (role === "sender") {
    pc.addTransceiver(new werift.MediaStreamTrack({ kind: "audio" }), { direction: "sendonly" });
    pc.addTransceiver(path.video, { direction: "sendonly" });
    await signal.publish(pc);
  } else {
    receiveOn(pc, path);
    await signal.subscribe(pc);
  }
  await connected(pc);
  process.send({ ready: "node" });
}

/** The path through a whole node, by its rooms. */
async function connectRoom({ url, slug, token, view }) {
  const person = new Person(url, token);
  const path = { latenciesUs: [], video: undefined };
  paths.set("node", path);
  await person.enter(slug);
  if (role === "sender") {
    await person.connect({ tracks: ["microphone", "camera"] });
    path.video = person.camera.track;
  } else {
    await person.connect({ videoSlots: 1, reads: true, prepare: (pc) => receiveOn(pc, path) });
    await person.view([view], { width: 1_280, height: 720 });
  }
  process.send({ participantId: person.participantId });
}

const sequence = { direct: 0, node: 0 };

/** A steady stream of one-packet VP8 keyframes: every packet can be forwarded as it is. */
async function sendOn(name, seconds) {
  const path = paths.get(name);
  const startedAt = performance.now();
  for (let sent = 0; sent < RATE * seconds; ) {
    const due = Math.floor(((performance.now() - startedAt) / 1_000) * RATE);
    for (; sent < due; sent += 1) {
      sequence[name] += 1;
      const seq = sequence[name];
      const payload = Buffer.alloc(PAYLOAD_BYTES, 1);
      payload.set([
        0x90,
        0x80,
        0x80 | ((seq >> 8) & 0x7f),
        seq & 0xff,
        0x10,
        0,
        0,
        0x9d,
        0x01,
        0x2a,
        0x80,
        0x02,
        0x68,
        0x01,
      ]);
      payload.writeBigUInt64BE(process.hrtime.bigint(), PAYLOAD_BYTES - 8);
      const fields = {
        version: 2,
        payloadType: 96,
        sequenceNumber: seq & 0xffff,
        timestamp: (seq * 360) >>> 0,
        marker: true,
        ssrc: 1,
      };
      path.video.writeRtp(new werift.RtpPacket(new werift.RtpHeader(fields), payload));
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

async function send({ paths: names, seconds }) {
  await Promise.all(names.map((name) => sendOn(name, seconds)));
  process.send({ sent: names });
}

process.on("message", (message) => {
  if (message.connectNode !== undefined) return void connectNode(message.connectNode);
  if (message.connectRoom !== undefined) return void connectRoom(message.connectRoom);
  if (message.connectDirect !== undefined) return void connectDirect(message.connectDirect);
  if (message.send !== undefined) return void send(message.send);
  if (message.take !== undefined) {
    const path = paths.get(message.take);
    process.send({ latenciesUs: path.latenciesUs.splice(0) });
  }
  return undefined;
});
