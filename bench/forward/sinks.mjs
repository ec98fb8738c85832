// N subscribers in one process. Each does a real ICE and DTLS handshake, then only counts datagrams, and answers as a
// browser does: a receiver report a second and ten transport-wide feedback packets of 60 bytes a second.
// Arguments: signalling base, N. IPC: {connected}, then "stats" → {stats: {packets}}.
import { connected, peerConnection, werift } from "./client.mjs";
import { connectSignal } from "./signal.mjs";

const [, , base, count] = process.argv;
const signal = await connectSignal(base);
const peers = [];
let packets = 0;

// werift would decrypt and route each packet, which is not what is measured: count at its transport instead.
function countOnly(pc) {
  for (const protocol of pc.iceTransports[0].connection.protocols) {
    const { transport } = protocol;
    const ordinary = transport.onData;
    transport.socket.setRecvBufferSize(1 << 20);
    transport.onData = (data, from) => {
      if (data[0] < 128 || data[0] > 191) ordinary(data, from);
      else if ((data[1] & 0x7f) < 64 || (data[1] & 0x7f) > 95) packets += 1;
    };
  }
}

async function subscribe() {
  const pc = peerConnection();
  const [ready] = await Promise.all([signal.subscribe(pc).then(() => connected(pc))]);
  countOnly(pc);
  peers.push(pc);
  return ready;
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
await Promise.all([lane(), lane(), lane(), lane()]);
process.send?.({ connected: Number(count) - failed });

const ready = () => peers.map((pc) => pc.dtlsTransports[0]).filter((dtls) => dtls?.state === "connected");
setInterval(() => {
  for (const dtls of ready()) void dtls.sendRtcp([new werift.RtcpRrPacket({ ssrc: 1, reports: [] })]);
}, 1_000);
const feedback = Buffer.alloc(60);
feedback.set([0x8f, 205, 0, 14]);
setInterval(() => {
  for (const dtls of ready()) void dtls.iceTransport.connection.send(dtls.srtcp.encrypt(feedback));
}, 100);
process.on("message", (message) => {
  if (message === "stats") process.send?.({ stats: { packets } });
});

// Drain every few milliseconds, so that the server does not pay for waking this process at every datagram: remote
// clients would not be woken by it either. The same for every server.
const pause = Number(process.env.BENCH_BATCH_MS ?? 15);
const cell = new Int32Array(new SharedArrayBuffer(4));
const drain = () => {
  Atomics.wait(cell, 0, 0, pause);
  setImmediate(drain);
};
if (pause > 0) drain();
