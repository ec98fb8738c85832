/** A browser that reaches the node only through coturn, as node/src/media/TURN.md describes it. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, expect, test } from "@jest/globals";
import { createMediaPlane } from "../../src/media/media-plane.ts";
import { CallPage, type CallStats, servePage } from "../browser/call-page.ts";
import { eventually, launchChromium } from "../browser/harness.ts";
import { freePort } from "../free-port.ts";

const SECRET = "of-this-test-alone";
const cleanups: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function hasCoturn(): boolean {
  const isThere = spawnSync("turnserver", ["--version"]).status === 0;
  if (!isThere && process.env["REQUIRE_INTEROP"] === "1")
    throw new Error("turnserver (coturn) is not installed and REQUIRE_INTEROP=1");
  return isThere;
}

/** The system is asked for a port until coturn listens there. */
async function startCoturn(): Promise<{ readonly port: number; readonly output: () => string }> {
  const port = await freePort();
  const server: ChildProcess = spawn("turnserver", [
    ...["-n", "--listening-ip=127.0.0.1", `--listening-port=${port}`, "--relay-ip=127.0.0.1"],
    ...["--min-port=23400", "--max-port=23499", "--realm=turn.test", "--fingerprint"],
    ...["--use-auth-secret", `--static-auth-secret=${SECRET}`, "--allow-loopback-peers"],
    ...["--no-tls", "--no-dtls", "--no-cli", "--pidfile=/dev/null", "--log-file=stdout", "--db=:memory:"],
  ]);
  let output = "";
  server.stdout?.on("data", (chunk) => (output += String(chunk)));
  const ended = once(server, "exit");
  cleanups.push(async () => {
    server.kill();
    await ended;
  });
  await eventually(
    "coturn listens",
    async () => {
      const socket = connect(port, "127.0.0.1");
      const isUp = await Promise.race([
        once(socket, "connect").then(() => true),
        once(socket, "error").then(() => false),
      ]).catch(() => false);
      socket.destroy();
      return isUp;
    },
    (isUp) => isUp,
  );
  return { port, output: () => output };
}

/** Time-limited credentials of the TURN REST API, as TURN.md describes. */
function credentials(): { readonly username: string; readonly credential: string } {
  const username = `${Math.floor(Date.now() / 1_000) + 600}:ann`;
  return { username, credential: createHmac("sha1", SECRET).update(username).digest("base64") };
}

const video = (stats: CallStats) => stats.inbound.find(({ kind }) => kind === "video");

const isHere = hasCoturn();
if (!isHere) {
  test("TURN was not tried: coturn is not installed", () => {
    process.stderr.write("TURN was not tried: coturn is not installed\n");
    expect(isHere).toBe(false);
  });
} else {
  test("a browser behind TURN is one more client: it is seen, and sees, through the relay", async () => {
    const { port, output } = await startCoturn();
    const site = await servePage();
    cleanups.push(() => site.close());
    const chromium = await launchChromium();
    cleanups.push(() => chromium.close());
    const plane = createMediaPlane({ threads: false });
    await plane.start();
    cleanups.push(() => plane.stop());
    const turn = { urls: `turn:127.0.0.1:${port}?transport=tcp`, ...credentials() };
    const ann = await CallPage.join(chromium, site.url, plane, { peerId: "ann", roomId: "red", turn });
    const bob = await CallPage.join(chromium, site.url, plane, { peerId: "bob", roomId: "red" });
    ann.watch("bob");
    bob.watch("ann");
    for (const call of [ann, bob]) {
      await eventually(
        `${call.options.peerId} sees`,
        () => call.stats(),
        (now) => (video(now)?.frames ?? 0) >= 60,
        40_000,
      ).catch((error: unknown) => {
        throw new Error(`no picture; coturn said: ${output().slice(-2_000)}`, { cause: error });
      });
    }
    expect((await ann.stats()).candidateType).toBe("relay");
    expect((await bob.stats()).candidateType).not.toBe("relay");
  }, 90_000);
}
