// Entry of the thread that writes to the embedded archive. Does nothing when loaded outside a thread of ours.

import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { SqliteDatabase } from "./database.ts";
import { GroupWriter } from "./group-writer.ts";
import type { FromWriter, ToWriter, WriteCall, WriterData } from "./writer-messages.ts";

/** Operations of one transaction; a bound on how long the lock is held. */
const MAX_GROUP = 256;

function serve(port: MessagePort, { path, lockWaitMs }: WriterData["hearsayWriter"]): void {
  // It never waits inside SQLite: the group writer looks after the lock by itself, more often and more fairly.
  const db = SqliteDatabase.open({ path, store: "archive", durable: true, busyTimeoutMs: 0 });
  const writer = new GroupWriter(db, { lockWaitMs });
  const write = (calls: readonly WriteCall[]): void => {
    port.postMessage(writer.run(calls) satisfies FromWriter);
    writer.tidy();
  };
  port.on("message", (first: ToWriter) => {
    writer.pause();
    const { calls, isOver } = waiting(port, first);
    if (calls.length > 0) write(calls);
    if (!isOver) return;
    db.close();
    port.close();
  });
}

/** The message and what has come since, as far as one transaction takes it. */
function waiting(
  port: MessagePort,
  first: ToWriter,
): { readonly calls: readonly WriteCall[]; readonly isOver: boolean } {
  const calls: WriteCall[] = [];
  for (let next: ToWriter | undefined = first; next !== undefined; next = takeFrom(port, calls.length)) {
    if (next === "close") return { calls, isOver: true };
    calls.push(next);
  }
  return { calls, isOver: false };
}

function takeFrom(port: MessagePort, taken: number): ToWriter | undefined {
  if (taken >= MAX_GROUP) return undefined;
  return (receiveMessageOnPort(port) as { readonly message: ToWriter } | undefined)?.message;
}

const data: unknown = workerData;
if (parentPort !== null && typeof data === "object" && data !== null && "hearsayWriter" in data) {
  serve(parentPort, (data as WriterData).hearsayWriter);
}
