// The hop benchmark at a rate of packets: a whole node on one processor forwards a stream to as many subscribers as make up the
// rate, answers HTTP requests and gossips with a second node, while the latency to one of the subscribers is measured. The
// peer is the same two processes talking directly at the same time. Called by run.mjs.
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { guest, makeRooms, metricsOf } from "../lib/api.mjs";
import { startMesh } from "../lib/mesh.mjs";
import { cpuNs, firstMessage } from "../lib/proc.mjs";

const SLUG = "bench-hop";
/** Of one stream, as peer.mjs sends it. */
const STREAM_RATE = 250;
const PER_PROCESS = 50;
/** The node's and everybody else's. */
const [NODE_CPU, OTHER_CPU] = ["0", "1"];

/** `size` more subscribers, each in the room and viewing the sender; resolves to their process. */
async function subscribers(url, size) {
  const tokens = [];
  for (let i = 0; i < size; i += 1) tokens.push(await guest(url, `Subscriber ${i}`));
  const child = fork(fileURLToPath(new URL("./subscribers.mjs", import.meta.url)), [url, SLUG, ...tokens], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const { ready } = await firstMessage(child);
  if (ready !== size) throw new Error(`${ready} of ${size} subscribers connected`);
  return child;
}

async function packetsOf(children) {
  const answers = children.map(async (child) => {
    const answer = once(child, "message");
    child.send("packets");
    return (await answer)[0].packets;
  });
  return (await Promise.all(answers)).reduce((sum, packets) => sum + packets, 0);
}

/** So many requests a second, spread evenly: nodes, a room, and a page of its messages in turn. */
function requests(url, token, perSecond) {
  const paths = ["/v1/nodes", `/v1/rooms/${SLUG}`, `/v1/rooms/${SLUG}/messages?limit=20`];
  const headers = { authorization: `Bearer ${token}` };
  const counts = { sent: 0, answered: 0, failed: 0 };
  const startedAt = performance.now();
  const get = async (path) => {
    try {
      const response = await fetch(`${url}${path}`, { headers });
      await response.arrayBuffer();
      counts[response.ok ? "answered" : "failed"] += 1;
    } catch {
      counts.failed += 1;
    }
  };
  const timer = setInterval(() => {
    for (const due = ((performance.now() - startedAt) / 1_000) * perSecond; counts.sent < due; counts.sent += 1)
      void get(paths[counts.sent % paths.length]);
  }, 5);
  return { counts, stop: () => clearInterval(timer) };
}

/** Starts everything, and ends it when `measure` has done its windows. */
export async function atRate({ rate, http }, { peer, ask }, measure) {
  const flags = ["--media-host=127.0.0.1"];
  const wrap = (command, i) => ["taskset", "-c", i === 0 ? NODE_CPU : OTHER_CPU, ...command];
  const mesh = await startMesh(2, { flags, wrap });
  const children = [];
  try {
    const [node] = mesh.nodes;
    const owner = await makeRooms(node.url, [SLUG]);
    const [sender, receiver] = [peer("sender"), peer("receiver")];
    const place = async (name) => ({ url: node.url, slug: SLUG, token: await guest(node.url, name) });
    const participantId = await ask(sender, { connectRoom: await place("Sender") }, "participantId");
    await ask(receiver, { connectRoom: { ...(await place("Receiver")), view: participantId } }, "participantId");
    // The receiver is one of them.
    for (let left = Math.round(rate / STREAM_RATE) - 1; left > 0; left -= PER_PROCESS)
      children.push(await subscribers(node.url, Math.min(left, PER_PROCESS)));
    const load = requests(node.url, owner, http);
    const window = windows({ node, children });
    const result = await measure({ sender, receiver, window });
    load.stop();
    const metrics = await metricsOf(node.url);
    const loopP99Ms = (metrics.get("hearsay_media_event_loop_delay_seconds") ?? 0) * 1_000;
    return { ...result, ...window.summary(), http: load.counts, mediaLoopDelayP99Ms: loopP99Ms };
  } finally {
    for (const child of children) child.kill("SIGKILL");
    await mesh.stop();
  }
}

/** Packets that arrived at the subscribers, and the node's CPU, while windows ran. */
function windows({ node, children }) {
  const total = { packets: 0, cpuNs: 0, seconds: 0, sending: 0 };
  return {
    /** `work` sends for so many seconds, and ends somewhat later. */
    async around(work, sendingSeconds) {
      const from = { packets: await packetsOf(children), cpuNs: cpuNs(node.child.pid), at: performance.now() };
      await work();
      total.packets += (await packetsOf(children)) - from.packets;
      total.cpuNs += cpuNs(node.child.pid) - from.cpuNs;
      total.seconds += (performance.now() - from.at) / 1_000;
      total.sending += sendingSeconds;
    },
    summary: () => ({
      forwardedToOthersPerSecond: Math.round(total.packets / total.sending),
      nodeCpuShare: Number((total.cpuNs / 1e9 / total.seconds).toFixed(3)),
    }),
  };
}
