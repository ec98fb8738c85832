// A process of two readers, one on each node. Each hears the room by its socket; whenever it comes back it asks for what was
// sent meanwhile by the cursor of changes, as the SDK does. Asked by its parent with {urls, slug, tokens}, later "finish".
import { randomBytes } from "node:crypto";
import { WebSocket } from "ws";
import { sleep } from "../lib/proc.mjs";
import { must, nowMs } from "./http.mjs";

const PATIENCE_MS = 5_000;
/** After so many messages the cursor is moved on, as in the SDK. */
const CURSOR_EVERY = 500;

/** Comes back by itself, through the other node when its own is gone. */
class Reader {
  /** Id → when it was heard live; 0: learned by catching up. */
  heard = new Map();
  toldTwice = 0;
  caughtUp = 0;
  reconnects = 0;
  #task;
  #token;
  #at;
  #cursor;
  #sinceCursor = 0;
  #stopped = false;
  #socket;
  #catching = Promise.resolve();

  constructor(task, at) {
    this.#task = task;
    this.#at = at;
    this.#token = task.tokens[at];
  }

  async enter() {
    const { urls, slug } = this.#task;
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
    const told = new Set();
    socket.on("message", (data) => {
      const message = JSON.parse(String(data));
      if (message.type === "message") this.#note(message.message.id, told);
      replies.get(message.replyTo)?.(message);
    });
    socket.on("error", () => undefined);
    await new Promise((resolve, reject) => socket.once("open", resolve).once("close", reject));
    const ping = setInterval(() => socket.readyState === 1 && socket.send('{"type":"ping","sentAtMs":0}'), 3_000);
    socket.once("close", () => {
      clearInterval(ping);
      void this.#again();
    });
    this.#socket = socket;
    await request({ type: "hello", protocol: 1, token: session.token });
    const ticket = await must(url, "POST", `/v1/rooms/${slug}/join`, { token: session.token });
    const joined = await request({ type: "join", token: ticket.token });
    if (joined.type !== "joined") throw new Error(`not joined: ${JSON.stringify(joined)}`);
    await this.catchUp();
  }

  /** Everything that was sent since the cursor; one after the other. Never rejects. */
  catchUp() {
    this.#catching = this.#catching.then(() => this.#closeGap()).catch(() => this.#socket?.terminate());
    return this.#catching;
  }

  stop() {
    this.#stopped = true;
    this.#socket?.terminate();
  }

  async #closeGap() {
    const { urls, slug } = this.#task;
    this.#sinceCursor = 0;
    for (let more = true; more; ) {
      const after = this.#cursor === undefined ? "" : `&after=${this.#cursor}`;
      const path = `/v1/rooms/${slug}/changes?limit=100${after}`;
      const page = await must(urls[this.#at], "GET", path, { token: this.#token });
      for (const { id } of page.messages) {
        if (this.heard.has(id)) continue;
        this.heard.set(id, 0);
        this.caughtUp += 1;
      }
      this.#cursor = page.cursor;
      more = page.more;
    }
  }

  async #again() {
    if (this.#stopped) return;
    this.reconnects += 1;
    this.#at = 1 - this.#at;
    try {
      await this.enter();
    } catch {
      this.#socket?.removeAllListeners("close");
      this.#socket?.terminate();
      await sleep(300);
      await this.#again();
    }
  }

  #note(id, told) {
    if (told.has(id)) this.toldTwice += 1;
    told.add(id);
    if (this.heard.get(id) === undefined) this.heard.set(id, nowMs());
    this.#sinceCursor += 1;
    if (this.#sinceCursor >= CURSOR_EVERY) void this.catchUp();
  }
}

let readers = [];

process.on("message", async (task) => {
  if (task !== "finish") {
    readers = [0, 1].map((at) => new Reader(task, at));
    for (const reader of readers) await reader.enter();
    process.send("ready");
    return;
  }
  const report = [];
  for (const reader of readers) {
    await reader.catchUp();
    reader.stop();
    const { heard, toldTwice, caughtUp, reconnects } = reader;
    report.push({ heard: [...heard], toldTwice, caughtUp, reconnects });
  }
  process.send(report, () => process.exit(0));
});

process.on("disconnect", () => process.exit(1));
