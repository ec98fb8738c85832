// npm run bench:messages: from sending a message on one node to its receipt on another, embedded stores, real processes on loopback.
//
//   node bench/messages/run.mjs [--rate 200] [--count 4000] [--kill] [--every 15000]
//
// As many people as the limit of messages a person asks for send by HTTP to both nodes, from a process of their own; a reader
// on each node hears all, in another. Measured is, for each message, from before its request to the receipt on the other
// node's socket. With --kill one node at a time is killed and started again under its name every so often: senders repeat
// what was not acknowledged with the same clientId through the other node, and readers catch up after they come back, both
// as the SDK does. Counted at the end: acknowledged messages that the history lacks (lost) or has twice (doubled), and those
// of the history that a reader never learned of (missed). Ends with 1 when any of the three is not 0.
import { fork } from "node:child_process";
import { once } from "node:events";
import { parseArgs } from "node:util";
import { startMesh } from "../lib/mesh.mjs";
import { cpuNs, sleep } from "../lib/proc.mjs";
import { call, must } from "./http.mjs";

const { values: given } = parseArgs({
  options: {
    rate: { type: "string", default: "200" },
    count: { type: "string", default: "4000" },
    every: { type: "string", default: "15000" },
    kill: { type: "boolean", default: false },
  },
});
const [rate, count, everyMs] = [given.rate, given.count, given.every].map(Number);
/** One person may send 3 a second for long. */
const PER_PERSON = 2.5;
const SLUG = "bench-messages";

const clients = [];
const client = (file) => {
  const child = fork(new URL(file, import.meta.url), { serialization: "advanced" });
  clients.push(child);
  return child;
};

/** What a client process answers next. */
async function answerOf(child) {
  const gone = once(child, "exit").then(([code]) => {
    throw new Error(`a client process ended with ${code}`);
  });
  const [answer] = await Promise.race([once(child, "message"), gone]);
  return answer;
}

/** Everything in the room, as a reader that knows nothing would page through it. */
async function history(url, token) {
  const all = [];
  for (let after = "0".repeat(26); ; ) {
    const page = await must(url, "GET", `/v1/rooms/${SLUG}/messages?limit=100&after=${after}`, { token });
    all.push(...page.messages.map(({ id, text }) => ({ id, text })));
    if (page.nextCursor === undefined) return all;
    after = page.nextCursor;
  }
}

/** One node after the other, each up again before the next goes. */
function killInTurns(mesh) {
  const state = { kills: 0, isOver: false };
  const done = (async () => {
    for (let i = 0; ; i = 1 - i) {
      for (let waitedMs = 0; waitedMs < everyMs && !state.isOver; waitedMs += 100) await sleep(100);
      if (state.isOver) return;
      state.kills += 1;
      await mesh.restart(i);
    }
  })();
  return { state, done };
}

/** Settles only when a node did not come back. */
function failureOf(killing) {
  return new Promise((_, reject) => {
    killing?.done.catch(reject);
  });
}

async function makeRoom(urls) {
  const body = { handle: "owner", password: "a long enough password" };
  const owner = await must(urls[0], "POST", "/v1/users", { body });
  await must(urls[0], "POST", "/v1/rooms", { token: owner.token, body: { slug: SLUG, capacity: 200 } });
  const invite = await must(urls[0], "POST", `/v1/rooms/${SLUG}/invites`, {
    token: owner.token,
    body: { role: "guest" },
  });
  const guest = async (at, displayName) => {
    const path = `/v1/invites/${invite.code}/accept`;
    return (await must(urls[at], "POST", path, { body: { displayName } })).credentials;
  };
  const people = [];
  for (let i = 0; i < Math.ceil(rate / PER_PERSON); i += 1) people.push(await guest(i % 2, `Sender ${i}`));
  const tokens = [];
  for (const at of [0, 1]) tokens.push((await guest(at, `Reader ${at}`)).token);
  return { owner, people, tokens };
}

async function run(mesh) {
  const urls = mesh.nodes.map(({ url }) => url);
  const { owner, people, tokens } = await makeRoom(urls);
  const readers = client("./readers.mjs");
  readers.send({ urls, slug: SLUG, tokens });
  await answerOf(readers);
  const senders = client("./senders.mjs");
  console.error(`the mesh is up; ${people.length} people`);
  const killing = given.kill ? killInTurns(mesh) : undefined;
  const cpuBefore = mesh.nodes.map(({ child }) => cpuNs(child.pid));
  senders.send({ urls, slug: SLUG, people, rate, count });
  const sent = await Promise.race([answerOf(senders), failureOf(killing)]);
  if (killing !== undefined) killing.state.isOver = true;
  await killing?.done;
  const cpu = given.kill ? [] : mesh.nodes.map(({ child }, i) => (cpuNs(child.pid) - cpuBefore[i]) / 1e6 / count);
  await sleep(2_000);
  const stored = await history(urls[0], owner.token);
  readers.send("finish");
  const heard = await answerOf(readers);
  return { ...sent, heard, stored, cpu, kills: killing?.state.kills ?? 0, flushes: await flushesOf(urls) };
}

/** Writes that one transaction made durable, on average, since each node started. */
async function flushesOf(urls) {
  const of = async (url) => {
    const { body: text } = await call(url, "GET", "/metrics");
    const value = (name) => Number(new RegExp(`^hearsay_archive_flush_${name} (.+)$`, "m").exec(text)?.[1] ?? 0);
    return round(value("writes_sum") / value("writes_count"));
  };
  return await Promise.all(urls.map(of));
}

const round = (value) => Math.round(value * 10) / 10;
const quantile = (sorted, share) => round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]);

function quantiles(values) {
  const sorted = values.filter((ms) => !Number.isNaN(ms)).sort((a, b) => a - b);
  const at = (share) => (sorted.length === 0 ? undefined : quantile(sorted, share));
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1), of: sorted.length };
}

function reportOf({ acked, stats, seconds, heard, stored, cpu, kills, flushes }) {
  const times = new Map();
  for (const { text } of stored) times.set(text, (times.get(text) ?? 0) + 1);
  const lost = acked.filter(({ text }) => !times.has(text)).length;
  const doubled = [...times.values()].filter((n) => n > 1).length;
  const known = heard.map((reader) => new Map(reader.heard));
  const missed = known.map((ids) => stored.filter(({ id }) => !ids.has(id)).length);
  // Of first attempts that were heard live: a repetition measures the sender's pause, a gap the reader's.
  const first = acked.filter(({ attempt }) => attempt === 0);
  const delays = first.map(({ id, at, startedMs }) => (known[1 - at].get(id) || Number.NaN) - startedMs);
  return {
    bench: "messages",
    ...{ rate, acknowledged: acked.length, perSecond: Math.round(acked.length / seconds), kills },
    delayMs: quantiles(delays),
    answerMs: quantiles(first.map(({ startedMs, answeredMs }) => answeredMs - startedMs)),
    ...{ lost, doubled, missed, stored: stored.length, ...stats },
    writesPerFlush: flushes,
    ...(cpu.length === 0 ? {} : { nodeCpuMsPerMessage: cpu.map((ms) => Math.round(ms * 100) / 100) }),
    readers: heard.map(({ heard: ids, toldTwice, caughtUp, reconnects }) => ({
      ...{ known: ids.length, caughtUp, toldTwice, reconnects },
    })),
  };
}

const mesh = await startMesh(2);
try {
  const report = reportOf(await run(mesh));
  console.log(JSON.stringify(report));
  if (report.lost + report.doubled + report.missed[0] + report.missed[1] > 0) process.exitCode = 1;
} finally {
  for (const child of clients) child.kill();
  await mesh.stop();
}
