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
  port.on("message", (first: ToWriter) => {
    let isOver = first === "close";
    if (first !== "close") {
      writer.pause();
      const more = (): readonly WriteCall[] => {
        const gathered = waiting(port);
        isOver = gathered.isOver;
        return gathered.calls;
      };
      port.postMessage(writer.run([first], more) satisfies FromWriter);
      writer.tidy();
    }
    if (!isOver) return;
    db.close();
    port.close();
  });
}

/** What has come by now, as far as one transaction takes it beside its first. */
function waiting(port: MessagePort): { readonly calls: readonly WriteCall[]; readonly isOver: boolean } {
  const calls: WriteCall[] = [];
  for (let next = takeFrom(port, 1); next !== undefined; next = takeFrom(port, calls.length + 1)) {
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
