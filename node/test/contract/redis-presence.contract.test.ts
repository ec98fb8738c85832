import { randomBytes } from "node:crypto";
import { Redis } from "ioredis";
import { openRedisPresence } from "../../src/store/redis/redis-presence.ts";
import { FlakyProxy } from "./flaky-proxy.ts";
import type { PresenceHarness } from "./presence-contract.ts";
import { registerPresenceContract } from "./presence-contract.ts";
import { registerPresenceMisuseContract } from "./presence-misuse-contract.ts";
import { registerPresenceRoomContract } from "./presence-room-contract.ts";
import { findServer } from "./servers.ts";

const server = findServer("Redis");

async function makeHarness(address: { readonly host: string; readonly port: number }): Promise<PresenceHarness> {
  const prefix = `contract-${randomBytes(6).toString("hex")}`;
  const proxy = new FlakyProxy(address);
  await proxy.start();
  return {
    open: async () => await openRedisPresence({ url: `redis://127.0.0.1:${proxy.port}`, prefix, timeoutMs: 400 }),
    break: async () => await proxy.stop(),
    heal: async () => await proxy.heal(),
    stall: async () => proxy.stall(),
    elapse: async (durationMs) => await new Promise((resolve) => setTimeout(resolve, durationMs)),
    dispose: async () => {
      await proxy.stop();
      const redis = new Redis(address.port, address.host);
      for await (const keys of redis.scanStream({ match: `${prefix}:*` })) {
        if (keys.length > 0) await redis.unlink(keys as string[]);
      }
      redis.disconnect();
    },
  };
}

if (server !== undefined) {
  registerPresenceContract("Redis", () => makeHarness(server));
  registerPresenceRoomContract("Redis", () => makeHarness(server));
  registerPresenceMisuseContract("Redis", () => makeHarness(server), { propertyRuns: 60, stalls: true });
}
