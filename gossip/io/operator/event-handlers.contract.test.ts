// Handlers with real scripts.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { runScript } from "../../../node/src/cli/script.ts";
import type { UserEvent } from "../../src/sink.ts";
import { lamportTime } from "../../src/types.ts";
import { member } from "../../test/rpc/fake-agent.ts";
import { LogTee } from "../log.ts";
import type { QueryCall } from "../queries.ts";
import { type EventHandlerOptions, EventHandlers } from "./event-handlers.ts";

const self = member("me", "10.0.0.1", { role: "web" });
const user = (name: string, payload = ""): UserEvent => ({
  kind: "userEvent",
  lamportTime: lamportTime(7),
  name,
  payload: Buffer.from(payload),
  coalesce: false,
});

let folder = "";
let running: EventHandlers[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "handlers-"));
});
afterEach(async () => {
  await Promise.all(running.map((handlers) => handlers.stop()));
  running = [];
  rmSync(folder, { recursive: true });
});

function handlersOf(scripts: readonly string[], options: EventHandlerOptions = {}, log = new LogTee()): EventHandlers {
  const handlers = new EventHandlers(
    { scripts, run: runScript, environment: { PATH: process.env["PATH"] }, ...options },
    log,
  );
  running.push(handlers);
  return handlers;
}
const written = (name = "out"): string => readFileSync(join(folder, name), "utf8");

/** Asks until all that was handed over is done. */
async function idle(handlers: EventHandlers): Promise<void> {
  for (let i = 0; i < 1_000; i += 1) {
    const { handlers_waiting: waiting = 0, handlers_running: now = 0 } = handlers.stats();
    if (waiting + now === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error("the scripts do not end");
}

test("[A5] a script finds the event in its environment, what it was given besides, and nothing of ours", async () => {
  const handlers = handlersOf([`*=env | grep -v '^PWD\\|^_=\\|^SHLVL' | sort > ${folder}/out; cat >> ${folder}/out`], {
    environment: { HELLO: "world", GONE: undefined },
  });
  handlers.handle(user("deploy", "v1"), self);
  await idle(handlers);
  expect(
    written()
      .split("\n")
      .filter((line) => !line.startsWith("OLDPWD")),
  ).toEqual([
    "HELLO=world",
    "SERF_EVENT=user",
    "SERF_SELF_NAME=me",
    "SERF_SELF_ROLE=web",
    "SERF_TAG_ROLE=web",
    "SERF_USER_EVENT=deploy",
    "SERF_USER_LTIME=7",
    "v1",
    "",
  ]);
});

test("[A7] one handler runs one script at a time, in the order of the events", async () => {
  const handlers = handlersOf([`echo begin $SERF_USER_EVENT >> ${folder}/out; sleep 0.05; echo end >> ${folder}/out`]);
  for (const name of ["a", "b", "c"]) handlers.handle(user(name), self);
  await idle(handlers);
  expect(written()).toBe("begin a\nend\nbegin b\nend\nbegin c\nend\n");
});

test("[A7] no more scripts run at once than allowed, no more events wait than allowed, and the rest is counted", async () => {
  const scripts = Array.from({ length: 5 }, () => "user=sleep 0.2");
  const log = new LogTee();
  const handlers = handlersOf(scripts, { maxRunning: 2, maxWaiting: 10 }, log);
  for (let i = 0; i < 4; i += 1) handlers.handle(user("x"), self);
  const { handlers_running, handlers_waiting, handler_drops } = handlers.stats();
  expect({ handlers_running, handlers_waiting }).toEqual({ handlers_running: 2, handlers_waiting: 10 });
  expect(handler_drops).toBe(4 * 5 - 2 - 10);
  expect(log.recent().filter(({ text }) => text.includes("too many events"))).toHaveLength(1);
  await idle(handlers);
  expect(handlers.stats()["handler_runs"]).toBe(12);
});

test("[A8] a script that hangs is ended with all it started, and the next one runs", async () => {
  const handlers = handlersOf([`echo $SERF_USER_EVENT >> ${folder}/out; sleep 100 & sleep 100`], { timeoutMs: 150 });
  handlers.handle(user("a"), self);
  handlers.handle(user("b"), self);
  await idle(handlers);
  expect(written()).toBe("a\nb\n");
  expect(handlers.stats()).toMatchObject({ handler_runs: 2, handler_timeouts: 2, handler_failures: 2 });
});

test("[A8] one that does not want to end is ended all the same", async () => {
  const handlers = handlersOf(["trap '' TERM; while :; do sleep 0.05; done"], { timeoutMs: 100 });
  handlers.handle(user("a"), self);
  await idle(handlers);
  expect(handlers.stats()).toMatchObject({ handler_timeouts: 1 });
});

function ask(answers: string[], given?: (payload: Uint8Array) => void): QueryCall {
  const respond = given ?? ((payload: Uint8Array): void => void answers.push(Buffer.from(payload).toString()));
  return { kind: "query", name: "ask", payload: Buffer.from("?"), from: "b", lamportTime: 9, respond };
}

test("[A9] what a script writes, on both ways, is the answer to a query when it ends well", async () => {
  const answers: string[] = [];
  const handlers = handlersOf(["query:ask=cat; sleep 0.05; echo err >&2", "query:ask=echo no; exit 3", "query=true"]);
  handlers.handle(ask(answers), self);
  await idle(handlers);
  expect(answers).toEqual(["?\nerr\n"]);
  expect(handlers.stats()["handler_failures"]).toBe(1);
});

test("[A9] of long output the last 8 KiB count; an answer that is refused is logged and harms nobody", async () => {
  const sizes: number[] = [];
  const refuse = (payload: Uint8Array): void => {
    sizes.push(payload.length);
    throw new Error("response exceeds limit of 1024 bytes");
  };
  const log = new LogTee();
  const handlers = handlersOf(["head -c 100000 /dev/zero | tr '\\0' x"], {}, log);
  handlers.handle(ask([], refuse), self);
  await idle(handlers);
  expect(sizes).toEqual([8192]);
  const lines = log
    .recent()
    .map(({ text }) => text)
    .join("\n");
  expect(lines).toContain("response exceeds limit of 1024 bytes");
  expect(lines).toContain("a script wrote more than is kept");
  expect(lines.length).toBeLessThan(4_000);
});

test("[A9] what a script is given is not logged", async () => {
  const log = new LogTee();
  const handlers = handlersOf(["cat > /dev/null"], {}, log);
  handlers.handle(user("deploy", "hush-hush"), self);
  await idle(handlers);
  expect(JSON.stringify(log.recent())).not.toContain("hush-hush");
});

test("[A4] scripts that nobody can run are refused", () => {
  expect(() => new EventHandlers({ scripts: ["true"] }, new LogTee())).toThrow("something that runs them");
});

test("a script that does not read what it is given, or is not there, harms nobody", async () => {
  const log = new LogTee();
  const handlers = handlersOf(["true", `${folder}/nowhere.sh`, "kill -9 $$"], {}, log);
  handlers.handle(user("x", "y".repeat(500)), self);
  await idle(handlers);
  expect(handlers.stats()).toMatchObject({ handler_runs: 3, handler_failures: 2 });
  expect(log.recent().filter(({ level }) => level === "error")).toHaveLength(2);
});

test("[A10] at the end scripts have a moment; then they are ended", async () => {
  writeFileSync(join(folder, "out"), "");
  const handlers = handlersOf([`sleep 0.2; echo $SERF_USER_EVENT >> ${folder}/out`, "sleep 100"]);
  handlers.handle(user("a"), self);
  handlers.handle(user("b"), self);
  await handlers.stop();
  expect(written()).toBe("a\nb\n");
  handlers.handle(user("c"), self);
  expect(handlers.stats()).toMatchObject({ handlers_waiting: 0, handlers_running: 0 });
});
