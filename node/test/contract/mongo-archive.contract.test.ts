import { randomBytes } from "node:crypto";
import { createConnection } from "mongoose";
import { openMongoArchive } from "../../src/store/mongo/mongo-archive.ts";
import type { ArchiveHarness } from "./archive-contract.ts";
import { registerArchiveContract } from "./archive-contract.ts";
import { registerArchiveMisuseContract } from "./archive-misuse-contract.ts";
import { registerChangesContract } from "./changes-contract.ts";
import { FlakyProxy } from "./flaky-proxy.ts";
import { registerKeepingContract } from "./keeping-contract.ts";
import { registerRecordsContract } from "./records-contract.ts";
import type { ServerAddress } from "./servers.ts";
import { findServer, updatesAtomically } from "./servers.ts";
import { registerTextsContract } from "./texts-contract.ts";

const server = findServer("MongoDB");

async function makeHarness(address: ServerAddress): Promise<ArchiveHarness> {
  const database = `contract_${randomBytes(6).toString("hex")}`;
  const proxy = new FlakyProxy(address);
  await proxy.start();
  return {
    open: async () =>
      await openMongoArchive({
        url: `mongodb://127.0.0.1:${proxy.port}/${database}?directConnection=true`,
        timeoutMs: 600,
      }),
    break: async () => await proxy.stop(),
    heal: async () => await proxy.heal(),
    stall: async () => proxy.stall(),
    elapse: async () => {},
    dispose: async () => {
      await proxy.stop();
      const connection = createConnection(`mongodb://${address.host}:${address.port}/${database}`);
      await connection.asPromise();
      await connection.dropDatabase();
      await connection.close();
    },
  };
}

if (server !== undefined) {
  const atomicUpdates = updatesAtomically(server);
  registerArchiveContract("MongoDB", () => makeHarness(server), { atomicUpdates });
  registerRecordsContract("MongoDB", () => makeHarness(server), { propertyRuns: 10, atomicUpdates });
  registerKeepingContract("MongoDB", () => makeHarness(server));
  registerChangesContract("MongoDB", () => makeHarness(server));
  registerTextsContract("MongoDB", () => makeHarness(server), { propertyRuns: 10, atomicUpdates });
  registerArchiveMisuseContract("MongoDB", () => makeHarness(server), { propertyRuns: 10, stalls: true });
}
