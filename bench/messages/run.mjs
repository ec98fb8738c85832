// npm run bench:messages: from sending a message on one node to its receipt on another, embedded stores, real processes on loopback.
//
//   node bench/messages/run.mjs [--rate 200] [--count 4000] [--kill] [--every 15000]
//
// As many people as the limit of messages a person asks for send by HTTP to both nodes; a reader on each node hears all.
// Measured is, for each message, from before its request to the receipt on the other node's socket. With --kill one node at
// a time is killed and started again under its name every so often: senders repeat what was not acknowledged with the same
// clientId through the other node, as the SDK does; readers begin a new session and do not catch up. Counted at the end:
// acknowledged messages that the history lacks (lost) or has twice (doubled); how many each reader heard live is told beside.
// Ends with 1 when something was lost or doubled.
import { randomBytes } from "node:crypto";
import { parseArgs } from "node:util";
import { WebSocket } from "ws";
import { startMesh } from "../lib/mesh.mjs";
import { sleep } from "../lib/proc.mjs";

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
const PATIENCE_MS = 5_000;

const mesh = await startMesh(2);
const urls = mesh.nodes.map(({ url }) => url);

async function call(url, method, path, { token, body } = {}) {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  return { status: response.status, body: await response.json() };
}

async function must(...args) {
  const answer = await call(...args);
  if (answer.status >= 300) throw new Error(`${args[1]} ${args[2]}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

/** Hears the room on one node; comes back by itself, through the other when its own is gone. */
class Reader {
  heard = new Map();
  doubled = 0;
  reconnects = 0;
  #token;
  #at;
  #stopped = false;
  #socket;

  constructor(at, token) {
    this.#at = at;
    this.#token = token;
  }

  async start() {
    await this.#enter();
  }

  stop() {
    this.#stopped = true;
    this.#socket?.terminate();
  }

  async #enter() {
    const url = urls[this.#at];
    const session = await must(url, "POST", "/v1/sessions", { token: this.#token, body: { deviceId: "bench" } });
    const socket = new WebSocket(`${url.replace("http", "ws")}/v1/socket`);
    const replies = new Map();
    const request = (message) =>
      new Promise((resolve, reject) => {
        const id = randomBytes(6).toString("hex");
        replies.set(id, resolve);
        setTimeout(() => reject(new Error(`no reply to ${message.type}`)), PATIENCE_MS).unref();
        socket.send(JSON.stringify({ ...message, id }));
      });
    socket.on("message", (data) => {
      const message = JSON.parse(String(data));
      if (message.type === "message") this.#note(message.message);
      replies.get(message.replyTo)?.(message);
    });
    await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
    socket.on("error", () => undefined);
    const ping = setInterval(() => socket.readyState === 1 && socket.send('{"type":"ping","sentAtMs":0}'), 3_000);
    socket.once("close", () => {
      clearInterval(ping);
      void this.#again();
    });
    this.#socket = socket;
    await request({ type: "hello", protocol: 1, token: session.token });
    const ticket = await must(url, "POST", `/v1/rooms/${SLUG}/join`, { token: session.token });
    const joined = await request({ type: "join", token: ticket.token });
    if (joined.type !== "joined") throw new Error(`not joined: ${JSON.stringify(joined)}`);
  }

  async #again() {
    if (this.#stopped) return;
    this.reconnects += 1;
    this.#at = 1 - this.#at;
    try {
      await this.#enter();
    } catch {
      this.#socket?.removeAllListeners("close");
      this.#socket?.terminate();
      await sleep(300);
      await this.#again();
    }
  }

  #note(message) {
    if (this.heard.has(message.id)) this.doubled += 1;
    else this.heard.set(message.id, { atMs: performance.now(), text: message.text });
  }
}

/** Ids of everything in the room, as a reader that lacks some would page through it. */
async function history(url, token) {
  const ids = [];
  for (let after = "0".repeat(26); ; ) {
    const path = `/v1/rooms/${SLUG}/messages?limit=100&after=${after}`;
    const page = await must(url, "GET", path, { token });
    ids.push(...page.messages.map(({ id, text }) => ({ id, text })));
    if (page.nextCursor === undefined) return ids;
    after = page.nextCursor;
  }
}

const stats = { retries: 0, refused: {} };

/** Sends until it is acknowledged; answers the id and when the first attempt began. */
async function send(person, number, at) {
  const [clientId, text] = [`c${number}`, `message ${number}`];
  for (let attempt = 0; ; attempt += 1) {
    const startedMs = performance.now();
    try {
      const url = urls[(at + attempt) % 2];
      const path = `/v1/rooms/${SLUG}/messages`;
      const answer = await call(url, "POST", path, { token: person.token, body: { text, clientId } });
      if (answer.status < 300) return { id: answer.body.id, text, startedMs, attempt };
      stats.refused[answer.body.code] = (stats.refused[answer.body.code] ?? 0) + 1;
    } catch {
      // Nobody listens, or the answer was lost: it is not known whether it was stored.
    }
    stats.retries += 1;
    await sleep(200 + Math.random() * 300);
  }
}

const quantile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];

async function run() {
  const owner = await must(urls[0], "POST", "/v1/users", {
    body: { handle: "owner", password: "a long enough password" },
  });
  await must(urls[0], "POST", "/v1/rooms", { token: owner.token, body: { slug: SLUG, capacity: 200 } });
  const readers = [];
  console.error("the mesh is up");
  for (const at of [0, 1]) {
    const { token } = await must(urls[at], "POST", "/v1/guests", { body: { displayName: `Reader ${at}` } });
    const reader = new Reader(at, token);
    await reader.start();
    readers.push(reader);
  }
  const invite = await must(urls[0], "POST", `/v1/rooms/${SLUG}/invites`, {
    token: owner.token,
    body: { role: "guest" },
  });
  const people = [];
  for (let i = 0; i < Math.ceil(rate / PER_PERSON); i += 1) {
    const body = { displayName: `Sender ${i}` };
    people.push((await must(urls[i % 2], "POST", `/v1/invites/${invite.code}/accept`, { body })).credentials);
  }
  console.error(`${people.length} people`);
  const [acked, kills] = [[], { count: 0 }];
  const killing = given.kill ? killInTurns(kills) : undefined;
  const startMs = performance.now();
  const underWay = [];
  for (let number = 0; number < count; number += 1) {
    const dueMs = startMs + (number * 1_000) / rate;
    if (performance.now() < dueMs) await sleep(dueMs - performance.now());
    const at = number % 2;
    underWay.push(send(people[number % people.length], number, at).then((one) => acked.push({ ...one, at })));
    // At most so many at once: a node that is away must not make a crowd.
    if (underWay.length >= 400) await Promise.all(underWay.splice(0, 200));
  }
  console.error(JSON.stringify({ acknowledged: acked.length, ...stats }));
  await Promise.all(underWay);
  const seconds = (performance.now() - startMs) / 1_000;
  killing?.stop();
  await killing?.done;
  await sleep(2_000);
  return { acked, readers, seconds, kills: kills.count, stored: await history(urls[0], owner.token) };
}

/** One node after the other, each up again before the next goes. */
function killInTurns(kills) {
  let isOver = false;
  const done = (async () => {
    for (let i = 0; !isOver; i = 1 - i) {
      await sleep(everyMs);
      if (isOver) return;
      kills.count += 1;
      await mesh.restart(i);
    }
  })();
  const stop = () => {
    isOver = true;
  };
  return { done, stop };
}

try {
  const { acked, readers, seconds, kills, stored } = await run();
  const times = new Map();
  for (const { text } of stored) times.set(text, (times.get(text) ?? 0) + 1);
  const lost = acked.filter(({ text }) => !times.has(text)).length;
  const doubled = [...times.values()].filter((n) => n > 1).length;
  // Of first attempts only: a repetition measures the sender's pause.
  const delays = acked
    .filter(({ attempt }) => attempt === 0)
    .map(({ id, at, startedMs }) => (readers[1 - at].heard.get(id)?.atMs ?? Number.NaN) - startedMs)
    .filter((ms) => !Number.isNaN(ms))
    .sort((a, b) => a - b);
  const ms = (share) => Math.round((quantile(delays, share) ?? Number.NaN) * 10) / 10;
  for (const reader of readers) reader.stop();
  console.log(
    JSON.stringify({
      bench: "messages",
      ...{ rate, acknowledged: acked.length, perSecond: Math.round(acked.length / seconds), kills },
      delayMs: { p50: ms(0.5), p90: ms(0.9), p99: ms(0.99), max: ms(1), of: delays.length },
      ...{ lost, doubled, stored: stored.length, repeated: stats.retries, refused: stats.refused },
      readers: readers.map(({ heard, doubled: twice, reconnects }) => ({
        heardLive: heard.size,
        toldTwice: twice,
        reconnects,
      })),
    }),
  );
  if (lost + doubled > 0) process.exitCode = 1;
} finally {
  await mesh.stop();
}
