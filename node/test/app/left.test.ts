import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { createApp } from "../../src/app.ts";
import { leave } from "../../src/cli/leave.ts";
import { resolveConfig } from "../../src/config.ts";
import { FakeMediaPlane } from "../fakes/fake-media-plane.ts";
import { freePort } from "../free-port.ts";

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
