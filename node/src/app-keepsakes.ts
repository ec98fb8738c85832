/** What rooms keep beside their text: built from the stores, begun when the mesh runs. */
import type { Unsequenced } from "#protocol";
import { Bills } from "./bills/bills.ts";
import type { RoomWord } from "./chat/room-broadcast.ts";
import type { NodeConfig } from "./config.ts";
import { type Forget, Retentions, retentionWorker } from "./export/retention.ts";
import { Feeds } from "./happenings/feeds.ts";
import { Happenings } from "./happenings/happenings.ts";
import { type Announce, reminderWorker } from "./happenings/reminders.ts";
import { billRoutes } from "./http/bill-routes.ts";
import { exportRoutes } from "./http/export-routes.ts";
import { fileRoutes } from "./http/file-routes.ts";
import { happeningRoutes } from "./http/happening-routes.ts";
import { integrationRoutes } from "./http/integration-routes.ts";
import { RoomDoor } from "./http/room-door.ts";
import type { ApiRoute } from "./http/route.ts";
import type { DueWorker } from "./keeping/due-worker.ts";
import type { OnRoomChange } from "./keeping/room-change.ts";
import { sweepTempFolders } from "./keeping/temp-folders.ts";
import { Avatars } from "./memories/avatars.ts";
import { Memories } from "./memories/memories.ts";
import { Pictures } from "./memories/pictures.ts";
import { uploadsSweep } from "./memories/uploads-sweep.ts";
import type { Clock } from "./mesh/clock.ts";
import type { Log } from "./mesh/log.ts";
import type { Metrics } from "./metrics/metrics.ts";
import type { Joining } from "./session/joining.ts";
import type { Archive } from "./store/archive.ts";
import { ApiTokens } from "./webhooks/api-tokens.ts";
import { networks } from "./webhooks/public-address.ts";
import { roomEvents } from "./webhooks/room-events.ts";

export interface KeepsakeParts {
  readonly config: NodeConfig;
  readonly archive: Archive;
  readonly joining: Joining;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Pick<Metrics, "registry">;
  /** In [0, 1). */
  readonly random: () => number;
  /** Between two looks for what is due; default: each kind's own. */
  readonly dueEveryMs?: number;
}

/** What only a running mesh can do. */
export interface KeepsakeVoice {
  /** Base URL of this node. */
  readonly url: string;
  /** Tells everybody in the room, on all its nodes. */
  tell(roomId: string, word: Unsequenced & { readonly type: "roomLife" }): Promise<void>;
  /** Posts in the room in the name of nobody; the same key is the same message. */
  readonly announce: Announce;
  readonly forget: Forget;
}

export interface Keepsakes {
  readonly routes: readonly ApiRoute[];
  readonly apiTokens: ApiTokens;
  /** What a person has apart from rooms: tokens and pictures. */
  forgetPerson(userId: string): Promise<void>;
  /** Something is about to be stored in a room: what webhooks hear of it outlives this node. */
  before(roomId: string): Promise<void>;
  /** Something was said in a room, on this node first: webhooks hear of it. */
  said(roomId: string, word: RoomWord): void;
  begin(voice: KeepsakeVoice): void;
  stop(): Promise<void>;
}

export function keepsakes(parts: KeepsakeParts): Keepsakes {
  const { archive, clock, log, random, config, dueEveryMs } = parts;
  let voice: KeepsakeVoice | undefined;
  const allowed = networks(config.webhookNetworks);
  const every = dueEveryMs === undefined ? {} : { everyMs: dueEveryMs };
  const events = roomEvents({ archive, clock, log, random, allowed, metrics: parts.metrics, ...every });
  const { webhooks } = events;
  const apiTokens = new ApiTokens({ archive, clock });
  const changed: OnRoomChange = ({ roomId, what, change, id, userId, event, data }) => {
    webhooks.tell(roomId, { event, data });
    voice?.tell(roomId, { type: "roomLife", what, change, id, userId }).catch((error: unknown) => {
      log.debug({ roomId, err: error }, "a room was not told of a change");
    });
  };
  const door = new RoomDoor(parts);
  const pictures = new Pictures();
  const tempDir = config.dataDir;
  const memories = new Memories({ archive, pictures, clock, changed, tempDir, limits: limitsOf(config) });
  const avatars = new Avatars({ archive, pictures, clock, tempDir });
  const happenings = new Happenings({ archive, clock, changed });
  const feeds = new Feeds(archive);
  const bills = new Bills({ archive, clock, changed });
  const announce: Announce = async (...words) => {
    await voice?.announce(...words);
  };
  const forget: Forget = async (...message) => {
    await voice?.forget(...message);
  };
  const retentions = new Retentions({ archive, clock });
  const carried = {
    archive,
    memories,
    happenings,
    clock,
    tempDir,
    maxBytes: 2 * limitsOf(config).maxRoomBytes,
  };
  const workers: readonly DueWorker[] = [
    ...events.workers,
    uploadsSweep(archive, { clock, log, random }),
    retentionWorker({ archive, memories, forget }, { clock, log, random, ...every }),
    reminderWorker(archive, { clock, log, random, announce, ...every }),
  ];
  return {
    routes: [
      ...fileRoutes({ door, memories, avatars }),
      ...billRoutes({ door, bills, clock }),
      ...integrationRoutes({ door, webhooks, apiTokens }),
      ...exportRoutes({ door, retentions, parts: carried }),
      ...happeningRoutes({ archive, door, happenings, feeds, clock, url: () => voice?.url ?? "" }),
    ],
    apiTokens,
    forgetPerson: async (userId) => {
      await apiTokens.forget(userId);
      await avatars.forget(userId);
    },
    before: (roomId) => events.before(roomId),
    said: (roomId, word) => events.said(roomId, word),
    begin: (given) => {
      voice = given;
      sweepTempFolders(tempDir, Date.now()).catch((error: unknown) => {
        log.debug({ err: error }, "abandoned folders were not removed");
      });
      for (const worker of workers) worker.start();
    },
    stop: async () => {
      await Promise.all(workers.map((worker) => worker.stop()));
      await events.stop();
    },
  };
}

const MEGABYTE = 1024 ** 2;

const limitsOf = ({ fileMegabytes, roomMegabytes }: NodeConfig) => ({
  maxFileBytes: fileMegabytes * MEGABYTE,
  maxRoomBytes: roomMegabytes * MEGABYTE,
});
