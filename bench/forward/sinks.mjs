// N subscribers in one process. Each does a real ICE and DTLS handshake, then only counts media packets, and answers as a
// browser does: a receiver report a second and ten transport-wide feedback packets a second (feedback.mjs).
// Arguments: signalling base, N. IPC: {connected}, then "stats" → {stats: {packets}}.
import { connected, peerConnection, werift } from "./client.mjs";
import { extensionIds, Feedback } from "./feedback.mjs";
import { connectSignal } from "./signal.mjs";

const FEEDBACK_MS = 100;
const REPORT_MS = 1_000;
/** As offered in client.mjs. Repairs and probes are a server's own affair: they cost it and do not count. */
const REPAIR_PAYLOAD_TYPE = 97;
/** Joins under way at once: most of a join is waiting. */
const LANES = 10;
const [, , base, count] = process.argv;
const signal = await connectSignal(base);
const subscribers = [];
let packets = 0;

// werift would decrypt and route each packet, which is not what is measured: count at its transport instead.
function countOnly(pc, feedback) {
  for (const protocol of pc.iceTransports[0].connection.protocols) {
    const { transport } = protocol;
    const ordinary = transport.onData;
    transport.socket.setRecvBufferSize(1 << 20);
    transport.onData = (data, from) => {
      if (data[0] < 128 || data[0] > 191) ordinary(data, from);
      else if ((data[1] & 0x7f) < 64 || (data[1] & 0x7f) > 95) {
        if ((data[1] & 0x7f) !== REPAIR_PAYLOAD_TYPE) packets += 1;
        feedback.receive(data);
      }
    };
  }
}

async function subscribe() {
  const pc = peerConnection();
  await signal.subscribe(pc).then(() => connected(pc));
  const feedback = new Feedback(extensionIds(pc.remoteDescription.sdp));
  countOnly(pc, feedback);
  // Each at its own moment, as people are.
  const feedbackAt = performance.now() + FEEDBACK_MS * (1 + (subscribers.length % 20) / 20);
  subscribers.push({ dtls: pc.dtlsTransports[0], feedback, feedbackAt, reportAt: feedbackAt });
}

let started = 0;
let failed = 0;
async function lane() {
  while (started < Number(count)) {
    started += 1;
    try {
      await subscribe();
    } catch (error) {
      failed += 1;
      console.error(`a subscriber failed: ${error.message}`);
    }
  }
}
await Promise.all(Array.from({ length: LANES }, lane));
process.send?.({ connected: Number(count) - failed });

function answer(subscriber, now) {
  const { dtls, feedback } = subscriber;
  if (dtls.state !== "connected") return;
  if (now >= subscriber.feedbackAt) {
    subscriber.feedbackAt += FEEDBACK_MS;
    const packet = feedback.build();
    if (packet !== undefined) void dtls.iceTransport.connection.send(dtls.srtcp.encrypt(packet));
  }
  if (now >= subscriber.reportAt) {
    subscriber.reportAt += REPORT_MS;
    void dtls.sendRtcp([new werift.RtcpRrPacket({ ssrc: 1, reports: [] })]);
  }
}
process.on("message", (message) => {
  if (message === "stats") process.send?.({ stats: { packets } });
});

// Drain every few milliseconds, so that the server does not pay for waking this process at every datagram: remote
// clients would not be woken by it either. The same for every server.
const pause = Number(process.env.BENCH_BATCH_MS ?? 15);
const cell = new Int32Array(new SharedArrayBuffer(4));
const drain = () => {
  const now = performance.now();
  for (const subscriber of subscribers) answer(subscriber, now);
  if (pause > 0) Atomics.wait(cell, 0, 0, pause);
  setImmediate(drain);
};
drain();
