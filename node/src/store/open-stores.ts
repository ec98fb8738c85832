// Which adapters a node uses, from what its configuration says.

import type { Archive } from "./archive.ts";
import { openMongoArchive } from "./mongo/mongo-archive.ts";
import type { Presence } from "./presence.ts";
import { openRedisPresence } from "./redis/redis-presence.ts";
import { type Flush, openSqliteArchive } from "./sqlite/sqlite-archive.ts";
import { openSqlitePresence } from "./sqlite/sqlite-presence.ts";

/** The part of a pino logger that the stores use. */
export interface StoreLog {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
}

export interface OpenStoresOptions {
  /** Archive on a server speaking MongoDB's protocol; its path names the database. Absent: the embedded file. */
  readonly mongodbUrl?: string;
  /** Presence on Redis (or a Redis Cluster's node). Absent: the embedded file. */
  readonly redisUrl?: string;
  /** The embedded store's file; made only when one of the two above is absent. Presence has one of its own beside it. */
  readonly sqlitePath: string;
  readonly log: StoreLog;
}

export interface Stores {
  readonly archive: Archive;
  readonly presence: Presence;
  /** Of the embedded archive: tells each of its transactions, to one listener. */
  readonly onFlush?: (listener: (flush: Flush) => void) => void;
  /** True when anything lives in the embedded file: such a node cannot be part of a mesh over more than one machine. */
  readonly embedded: boolean;
  /** Idempotent; closes both. */
  close(): Promise<void>;
}

/**
 * Opens both stores. An unreachable server does not stop a node from starting: it is logged, every operation answers
 * StoreUnavailableError, and works from the moment the server is there. What does throw: an embedded file that cannot be
 * opened (StoreUnavailableError), a database that a newer program has migrated (StoreUsageError "schema_too_new").
 */
export async function openStores(options: OpenStoresOptions): Promise<Stores> {
  const { sqlitePath: path, mongodbUrl, redisUrl, log } = options;
  let told: (flush: Flush) => void = () => undefined;
  const archive =
    mongodbUrl === undefined
      ? openSqliteArchive({ path, onFlush: (flush) => told(flush) })
      : await openMongoArchive({ url: mongodbUrl, log });
  try {
    const presence =
      redisUrl === undefined ? openSqlitePresence({ path }) : await openRedisPresence({ url: redisUrl, log });
    return {
      archive,
      presence,
      onFlush: (listener) => {
        told = listener;
      },
      embedded: mongodbUrl === undefined || redisUrl === undefined,
      close: async () => {
        await Promise.all([archive.close(), presence.close()]);
      },
    };
  } catch (error) {
    await archive.close();
    throw error;
  }
}
