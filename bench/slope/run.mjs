// npm run bench:slope: what one more listener costs a node. Ten people speak in a room (Opus-shaped audio with levels, the
// loudest changing), and 10 to 100 listen; CPU time of the whole node process, all threads, for each number of listeners, and
// the line through them: its slope is the cost of a listener, its r2 says how straight it is. See bench/README.md.
//   --speakers N (10)  --listeners 10,20,40,60,80,100  --secs S (10)  --windows N (3 of each number)
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { guest, makeRooms } from "../lib/api.mjs";
import { fitLine } from "../lib/fit.mjs";
import { startMesh } from "../lib/mesh.mjs";
import { cpuNs, endOnSignals, firstMessage, median, residentKb, sleep } from "../lib/proc.mjs";

const { values: given } = parseArgs({
  options: {
    speakers: { type: "string", default: "10" },
    listeners: { type: "string", default: "10,20,40,60,80,100" },
    secs: { type: "string", default: "10" },
    windows: { type: "string", default: "3" },
  },
});
const [speakers, seconds, windows] = [given.speakers, given.secs, given.windows].map(Number);
const counts = given.listeners.split(",").map(Number);
const SLUG = "bench-slope";
const SLOTS = 3;
/** Handshakes, and the room's first news of each. */
const SETTLE_MS = 4_000;
const children = [];
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

async function people(role, node, count) {
  const tokens = [];
  for (let i = 0; i < count; i += 1) tokens.push(await guest(node.url, `${role} ${i}`));
  const args = [role, node.url, SLUG, ...tokens];
  const child = fork(fileURLToPath(new URL("./people.mjs", import.meta.url)), args, {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  children.push(child);
  const { ready } = await firstMessage(child);
  if (ready !== count) throw new Error(`${ready} of ${count} ${role}s connected`);
  return child;
}

async function packetsOf(group) {
  const answers = group.map(async (child) => {
    const answer = once(child, "message");
    child.send("packets");
    return (await answer)[0].packets;
  });
  return (await Promise.all(answers)).reduce((sum, packets) => sum + packets, 0);
}

async function measure(pid, listening) {
  const from = { cpu: cpuNs(pid), packets: await packetsOf(listening), at: performance.now() };
  await sleep(seconds * 1_000);
  const [cpu, packets] = [cpuNs(pid) - from.cpu, (await packetsOf(listening)) - from.packets];
  const elapsed = (performance.now() - from.at) / 1_000;
  return { cpuMsPerSecond: cpu / 1e6 / elapsed, packetsPerSecond: packets / elapsed };
}

const round = (value, digits = 3) => Number(value.toFixed(digits));
endOnSignals();
const mesh = await startMesh(1, { flags: ["--media-host=127.0.0.1"] });
try {
  const [node] = mesh.nodes;
  const { pid } = node.child;
  await makeRooms(node.url, [SLUG]);
  await people("speaker", node, speakers);
  await sleep(SETTLE_MS);
  const listening = [];
  const rows = [];
  let here = 0;
  for (const count of counts) {
    listening.push(await people("listener", node, count - here));
    here = count;
    await sleep(SETTLE_MS);
    const taken = [];
    for (let window = 0; window < windows; window += 1) taken.push(await measure(pid, listening));
    const row = {
      listeners: count,
      cpuMsPerSecond: round(median(taken.map(({ cpuMsPerSecond }) => cpuMsPerSecond)), 1),
      packetsPerListener: round(median(taken.map(({ packetsPerSecond }) => packetsPerSecond)) / count, 1),
      memoryMb: round(residentKb(pid) / 1024, 1),
    };
    rows.push(row);
    console.log(JSON.stringify(row));
  }
  const { slope, intercept, error, r2 } = fitLine(rows.map((row) => [row.listeners, row.cpuMsPerSecond]));
  console.log(
    JSON.stringify({
      bench: "slope",
      speakers,
      slots: SLOTS,
      cpuMsPerSecondAndListener: round(slope),
      standardError: round(error),
      cpuMsPerSecondWithoutListeners: round(intercept, 1),
      r2: round(r2, 4),
      rows,
    }),
  );
} finally {
  for (const child of children) if (child.connected) child.disconnect();
  await mesh.stop();
}
