// The sections that `serf info` prints. All values are text, and the names are the reference's: scripts read them.

import { arch, availableParallelism, platform } from "node:os";
import type { GossipCore } from "../src/core.ts";

export type InfoSections = Readonly<Record<string, Readonly<Record<string, string>>>>;

export interface InfoExtras {
  readonly isEncrypted: boolean;
  /** "event:name" to script. */
  readonly handlers: Readonly<Record<string, string>>;
}

export function infoSections(core: GossipCore, { isEncrypted, handlers }: InfoExtras): InfoSections {
  const stats = core.stats();
  const self = core.localMember();
  const read = (key: string): string => String(stats[key] ?? 0);
  const cpus = String(availableParallelism());
  return {
    agent: { name: self.name },
    runtime: {
      os: platform(),
      arch: arch() === "x64" ? "amd64" : arch(),
      version: `node${process.version}`,
      max_procs: cpus,
      // Node has one thread that matters; the field must be there for clients that read it.
      goroutines: "1",
      cpu_count: cpus,
    },
    serf: {
      members: read("members"),
      failed: read("members_failed"),
      left: read("members_left"),
      health_score: read("health_score"),
      member_time: read("member_time"),
      event_time: read("event_time"),
      query_time: read("query_time"),
      intent_queue: read("intent_queue"),
      event_queue: read("event_queue"),
      query_queue: read("query_queue"),
      encrypted: String(isEncrypted),
      coordinate_resets: read("coordinate_resets"),
    },
    tags: { ...self.tags },
    event_handlers: { ...handlers },
  };
}
