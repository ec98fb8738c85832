import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { createApp } from "../../src/app.ts";
import { leave } from "../../src/cli/leave.ts";
import { resolveConfig } from "../../src/config.ts";
import { FakeMediaPlane } from "../fakes/fake-media-plane.ts";

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  if (address === null || typeof address === "string") throw new Error("the system gave no port");
  return address.port;
}

test("a node whose gossip was told to leave over the RPC says that it is time to stop", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "hearsay-left-"));
  const port = await freePort();
  const rpcAddr = { host: "127.0.0.1", port };
  const config = resolveConfig({ name: "ada", httpPort: 0, gossipPort: 0, mediaPort: 0, dataDir, rpcAddr });
  const app = createApp(config, { media: new FakeMediaPlane("ada") });
  const left = new Promise<void>((resolve) => app.onLeft(resolve));
  try {
    await app.start();
    const printed: string[] = [];
    const io = {
      out: (text: string) => void printed.push(text),
      err: (text: string) => void printed.push(text),
      env: {},
      interrupted: () => new Promise<void>(() => undefined),
    };
    expect(await leave.run([`-rpc-addr=127.0.0.1:${port}`], io)).toBe(0);
    expect(printed.join("")).toBe("Graceful leave complete\n");
    await left;
  } finally {
    await app.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
});
