/** Webhooks of a running node: what rooms say becomes events, which are entered, delivered, and repaired after a death. */
import type { BlockList } from "node:net";
import type { WebhookEvent } from "#protocol";
import type { RoomWord } from "../chat/room-broadcast.ts";
import type { DueWorker, DueWorkerOptions } from "../keeping/due-worker.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Archive } from "../store/archive.ts";
import { deliveryWorker } from "./deliveries.ts";
import { EventJournal, repairWorker } from "./event-journal.ts";
import { webhookMetrics } from "./webhook-metrics.ts";
import { Webhooks } from "./webhooks.ts";

export interface RoomEventsParts extends Pick<DueWorkerOptions, "clock" | "log" | "random"> {
  readonly archive: Archive;
  readonly metrics: Pick<Metrics, "registry">;
  /** Networks beside the public Internet that webhooks may reach. */
  readonly allowed: BlockList;
  /** Between two looks for what is due; default: each kind's own. */
  readonly everyMs?: number;
}

export interface RoomEvents {
  readonly webhooks: Webhooks;
  readonly workers: readonly DueWorker[];
  /** Before something is stored in a room. Throws StoreUnavailableError. */
  before(roomId: string): Promise<void>;
  /** Something was said in a room, on this node first. Never throws. */
  said(roomId: string, word: RoomWord): void;
  /** When the workers have stopped. */
  stop(): Promise<void>;
}

export function roomEvents(parts: RoomEventsParts): RoomEvents {
  const { archive, metrics, allowed, ...due } = parts;
  const { clock, log } = due;
  const count = webhookMetrics(metrics.registry);
  const webhooks: Webhooks = new Webhooks({ archive, clock, log, allowed, count, nudge: () => deliveries.nudge() });
  const deliveries = deliveryWorker(archive, { ...due, allowed, count });
  const journal = new EventJournal({ archive, clock, log, wants: (roomId) => webhooks.hearsMessages(roomId) });
  return {
    webhooks,
    workers: [deliveries, repairWorker(archive, (...event) => webhooks.enter(...event), due)],
    before: (roomId) => journal.open(roomId),
    said: (roomId, word) => {
      const event = eventOf(word);
      if (event === undefined) return;
      const isText = word.type === "message" || word.type === "messageUpdated";
      if (!isText) webhooks.tell(roomId, { event, data: word });
      else webhooks.tell(roomId, { event, data: word, key: word.message.changeId ?? word.message.id }, journal);
    },
    stop: () => journal.stop(),
  };
}

/** Files, happenings and expenses are told of where they change, with what they are then. */
function eventOf(word: RoomWord): WebhookEvent | undefined {
  switch (word.type) {
    case "message":
      return "message.posted";
    case "messageUpdated":
      return "message.changed";
    case "roomUpdated":
      return "room.changed";
    case "memberUpdated":
      return "member.changed";
    case "read":
    case "typing":
    case "roomLife":
      return undefined;
  }
}
