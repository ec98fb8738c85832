/** Everything about text on a running node: sending, changing, reading, markers, and telling rooms. */
import { flushMetrics } from "../keeping/flush-metrics.ts";
import type { Clock } from "../mesh/clock.ts";
import type { Log } from "../mesh/log.ts";
import type { Mesh } from "../mesh/mesh.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { TypingPerson } from "../signalling/live-session.ts";
import type { Archive } from "../store/archive.ts";
import type { Stores } from "../store/open-stores.ts";
import type { Presence } from "../store/presence.ts";
import { ChangeIds } from "./change-ids.ts";
import { ChatChanges } from "./chat-changes.ts";
import { ChatReader } from "./chat-reader.ts";
import { ChatService } from "./chat-service.ts";
import { ReadMarkerService } from "./read-markers.ts";
import { RoomBroadcast, type RoomBroadcastParts } from "./room-broadcast.ts";

export interface TalkParts {
  readonly archive: Archive;
  readonly presence: Presence;
  readonly mesh: Mesh;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly log: Log;
  /** In [0, 1). */
  readonly random: () => number;
  readonly nodesOf: RoomBroadcastParts["nodesOf"];
  readonly deliver: RoomBroadcastParts["deliver"];
  readonly said: NonNullable<RoomBroadcastParts["said"]>;
  /** Called before something is stored in a room. Throws StoreUnavailableError: then nothing is. */
  readonly before?: (roomId: string) => Promise<void>;
  /** Of the embedded archive; its transactions become metrics. */
  readonly onFlush?: Stores["onFlush"];
}

export interface Talk {
  readonly posts: ChatService;
  readonly changes: ChatChanges;
  readonly reader: ChatReader;
  readonly markers: ReadMarkerService;
  readonly broadcast: RoomBroadcast;
  /** Somebody of this node writes, or stopped. */
  typing(person: TypingPerson): void;
}

export function createTalk(parts: TalkParts): Talk {
  const { archive, clock, metrics, random, before = () => Promise.resolve() } = parts;
  parts.onFlush?.(flushMetrics(metrics.registry));
  const ids = new ChangeIds({ archive, clock, random });
  const broadcast = new RoomBroadcast(parts);
  return {
    posts: new ChatService({ archive, broadcast, ids, metrics, clock, before }),
    changes: new ChatChanges({ archive, broadcast, ids, clock, before }),
    reader: new ChatReader({ archive, ids, clock }),
    markers: new ReadMarkerService({ archive, broadcast }),
    broadcast,
    typing: ({ roomId, ...person }) => broadcast.hint(roomId, { type: "typing", ...person }, person.userId),
  };
}
