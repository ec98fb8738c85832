// The program of the child processes in sqlite-processes.contract.test.ts: one node's worth of work on a shared file. Reads
// its task from the environment, writes one JSON line per result, at once, so that nothing is lost when it is killed.

import { writeSync } from "node:fs";
import { openSqliteArchive } from "../../src/store/sqlite/sqlite-archive.ts";
import { openSqlitePresence } from "../../src/store/sqlite/sqlite-presence.ts";

export interface ProcessTask {
  readonly path: string;
  /** Leads the ids that this process makes. */
  readonly name: string;
  readonly kind: "append" | "append_for_ever" | "join";
  readonly count: number;
  readonly roomId: string;
}

export type ProcessLine =
  | { readonly kind: "open" }
  | { readonly kind: "message"; readonly outcome: string; readonly id: string; readonly clientId: string }
  | { readonly kind: "join"; readonly outcome: string; readonly sessionId: string };

function say(line: ProcessLine): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}

async function run(task: ProcessTask): Promise<void> {
  // Patient: processes that write as fast as they can leave each other little room on a busy machine.
  const archive = openSqliteArchive({ path: task.path, busyTimeoutMs: 20_000 });
  const presence = openSqlitePresence({ path: task.path, busyTimeoutMs: 20_000 });
  say({ kind: "open" });
  for (let index = 0; index < task.count; index++) {
    const number = index.toString().padStart(6, "0");
    if (task.kind === "join") {
      const sessionId = `${task.name}-${number}`;
      const userId = `user-${sessionId}`;
      await presence.putSession({
        sessionId,
        node: task.name,
        userId,
        deviceId: "d",
        generation: 1,
        epoch: 1,
        ttlMs: 60_000,
      });
      const { kind } = await presence.joinRoom({ roomId: task.roomId, sessionId, capacity: 3, joinedAs: {} });
      say({ kind: "join", outcome: kind, sessionId });
      continue;
    }
    // Every client id is sent by every process, as when a client repeats a message through another node.
    const message = { id: `${number}-${task.name}`, clientId: `c${number}`, roomId: task.roomId };
    const details = { authorId: "anna", authorName: "Anna", text: "hello", sentAtMs: index };
    const { kind } = await archive.appendMessage({ ...message, ...details });
    say({ kind: "message", outcome: kind, id: message.id, clientId: message.clientId });
  }
  await Promise.all([archive.close(), presence.close()]);
}

const task = process.env["TASK"];
if (task === undefined) throw new Error("no task");
run(JSON.parse(task) as ProcessTask).catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exit(1);
});
