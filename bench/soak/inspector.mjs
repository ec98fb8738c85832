// A running node seen through Node's own inspector: memory of the main thread and of each worker after a full collection, and
// heap snapshots. The product knows nothing of it.
import { createWriteStream } from "node:fs";
import { WebSocket } from "ws";
import { sleep } from "../lib/proc.mjs";

/** Snapshots of a large heap take a while. */
const REPLY_WITHIN_MS = 120_000;
/** Finalizers, and what they free, need a second collection. */
const COLLECTIONS = 2;
const LOOK = `JSON.stringify({
  memory: process.memoryUsage(),
  code: process.getBuiltinModule("node:v8").getHeapCodeStatistics(),
  resources: process.getActiveResourcesInfo(),
})`;

export class Inspector {
  #socket;
  #nextId = 1;
  #waiting = new Map();
  /** Name of each worker by the session that reaches it. */
  #workers = new Map();
  /** Takes the pieces of a snapshot that is being made. */
  #chunk = () => undefined;

  static async open(port) {
    const [{ webSocketDebuggerUrl }] = await (await fetch(`http://127.0.0.1:${port}/json/list`)).json();
    const inspector = new Inspector(new WebSocket(webSocketDebuggerUrl, { perMessageDeflate: false }));
    await inspector.#start();
    return inspector;
  }

  constructor(socket) {
    this.#socket = socket;
  }

  /**
   * Heap and external memory of each thread in bytes, how much of its heap is code (bytecode and machine code with what
   * belongs to it), and how many resources of each kind keep it busy.
   */
  async look() {
    const threads = {};
    for (const [name, session] of this.#threads()) {
      for (let i = 0; i < COLLECTIONS; i += 1) {
        await this.#ask(session, "HeapProfiler.collectGarbage");
        await sleep(200);
      }
      const { result } = await this.#ask(session, "Runtime.evaluate", { expression: LOOK, returnByValue: true });
      const { memory, code, resources } = JSON.parse(result.value);
      const codeUsed = code.code_and_metadata_size + code.bytecode_and_metadata_size;
      const { heapUsed, external, arrayBuffers } = memory;
      const active = {};
      for (const kind of resources) active[kind] = (active[kind] ?? 0) + 1;
      threads[name] = { heapUsed, codeUsed, external, arrayBuffers, active };
    }
    return threads;
  }

  /** Writes `<prefix>-<thread>.heapsnapshot`, to be opened in Chromium's developer tools. */
  async snapshot(prefix) {
    for (const [name, session] of this.#threads()) {
      const file = createWriteStream(`${prefix}-${name}.heapsnapshot`);
      this.#chunk = (piece) => file.write(piece);
      await this.#ask(session, "HeapProfiler.takeHeapSnapshot", { reportProgress: false });
      await new Promise((resolve) => file.end(resolve));
    }
  }

  close() {
    this.#socket.close();
  }

  async #start() {
    await new Promise((resolve, reject) => this.#socket.once("open", resolve).once("error", reject));
    this.#socket.on("message", (data) => this.#handle(undefined, JSON.parse(String(data))));
    this.#socket.once("close", () => {
      for (const answer of [...this.#waiting.values()]) answer({ error: { message: "the inspector is closed" } });
    });
    await this.#ask(undefined, "NodeWorker.enable", { waitForDebuggerOnStart: false });
    await sleep(500);
  }

  #threads() {
    return [["main", undefined], ...Array.from(this.#workers, ([session, name]) => [name, session])];
  }

  #ask(session, method, params = {}) {
    const id = this.#nextId++;
    const message = JSON.stringify({ id, method, params });
    const envelope = { id: this.#nextId++, method: "NodeWorker.sendMessageToWorker" };
    const sent =
      session === undefined ? message : JSON.stringify({ ...envelope, params: { sessionId: session, message } });
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`the inspector did not answer ${method}`)), REPLY_WITHIN_MS);
      this.#waiting.set(id, (answer) => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        if (answer.error === undefined) resolve(answer.result);
        else reject(new Error(`${method}: ${answer.error.message}`));
      });
      this.#socket.send(sent);
    });
  }

  #handle(session, message) {
    const { method, params } = message;
    if (method === "NodeWorker.attachedToWorker") this.#attach(params);
    else if (method === "NodeWorker.detachedFromWorker") this.#workers.delete(params.sessionId);
    else if (method === "NodeWorker.receivedMessageFromWorker")
      this.#handle(params.sessionId, JSON.parse(params.message));
    else if (method === "HeapProfiler.addHeapSnapshotChunk") this.#chunk(params.chunk);
    else if (session !== undefined || message.id !== undefined) this.#waiting.get(message.id)?.(message);
  }

  #attach({ sessionId, workerInfo }) {
    const names = new Set(this.#workers.values());
    // "[worker 1] hearsay-media"
    const base = /([\w-]+)$/.exec(workerInfo.title)?.[1] ?? "worker";
    let name = base;
    for (let i = 2; names.has(name); i += 1) name = `${base}-${i}`;
    this.#workers.set(sessionId, name);
  }
}
