// npm run bench:join: how long after joining a running call the first remote frame is shown. One Chromium publishes on
// node 0; viewers join on the other nodes (first a cold trunk, then a warm one) and on node 0 itself as the peer of the
// comparison. Measured in the viewer's page from the call of join() to the first presented frame. Needs Chromium.
//   --rounds N (9)
import { createReadStream } from "node:fs";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import puppeteer from "puppeteer-core";
import { startMesh } from "../lib/mesh.mjs";
import { median, sleep } from "../lib/proc.mjs";

const { values: options } = parseArgs({ options: { rounds: { type: "string", default: "9" } } });
const SLUG = "bench-join";
const FLAGS = [
  "--no-sandbox",
  "--use-fake-device-for-media-stream",
  "--use-fake-ui-for-media-stream",
  "--autoplay-policy=no-user-gesture-required",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--mute-audio",
  "--disable-background-timer-throttling",
  "--disable-renderer-backgrounding",
  "--disable-backgrounding-occluded-windows",
];

/** The page and the SDK's bundle, from a server of our own: an application that embeds rooms. */
function serveSdk() {
  const bundle = fileURLToPath(new URL("../../dist/client-sdk/hearsay-client.js", import.meta.url));
  const server = createServer((request, response) => {
    const script = request.url === "/sdk.js";
    response.setHeader("content-type", script ? "text/javascript" : "text/html");
    if (script) createReadStream(bundle).pipe(response);
    else response.end("<!doctype html><title>bench</title><body></body>");
  });
  return new Promise((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve({ server, url: `http://127.0.0.1:${server.address().port}` })),
  );
}

async function publish(page, url) {
  await page.evaluate(
    async ({ url, slug }) => {
      const { Hearsay } = await import("/sdk.js");
      const client = new Hearsay({ url });
      await client.register({ handle: "publisher", displayName: "Publisher", password: "a long enough password" });
      await client.createRoom({ slug });
      const nodes = await client.nodes();
      const node = nodes.nodes.find((n) => n.url === url);
      window.room = await client.join(slug, {
        audio: true,
        video: true,
        path: { node, rttMs: 0, why: "bench", alternatives: [] },
      });
    },
    { url, slug: SLUG },
  );
}

/** Runs in the viewer's page: joins at `url`, resolves with the milliseconds to the first presented frame. */
function view(page, url, name) {
  return page.evaluate(
    async ({ url, slug, name }) => {
      const { Hearsay } = await import("/sdk.js");
      const client = new Hearsay({ url, storage: { getItem: () => null, setItem: () => undefined } });
      await client.guest({ displayName: name });
      const { nodes } = await client.nodes();
      const node = nodes.find((n) => n.url === url);
      const video = document.createElement("video");
      Object.assign(video, { muted: true, autoplay: true, playsInline: true, width: 640, height: 360 });
      document.body.append(video);
      const shown = new Promise((resolve) => video.requestVideoFrameCallback(() => resolve(performance.now())));
      const startedAt = performance.now();
      const room = await client.join(slug, {
        path: { node, rttMs: 0, why: "bench", alternatives: [] },
        onRoom: (joining) =>
          joining.on("trackSubscribed", ({ track }) => {
            if (track.kind === "video") track.attach(video);
          }),
      });
      const late = new Promise((_, reject) => setTimeout(() => reject(new Error("no frame in 15 s")), 15_000));
      const took = (await Promise.race([shown, late])) - startedAt;
      room.leave();
      video.remove();
      return took;
    },
    { url, slug: SLUG, name },
  );
}

const mesh = await startMesh(3);
const { server, url: origin } = await serveSdk();
const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  headless: true,
  args: FLAGS,
});
const result = { coldTrunkMs: [], trunkMs: [], sameNodeMs: [] };
try {
  const publisher = await browser.newPage();
  await publisher.goto(origin);
  await publish(publisher, mesh.nodes[0].url);
  await sleep(4_000);
  const viewer = await browser.newPage();
  await viewer.goto(origin);
  for (const node of mesh.nodes.slice(1)) result.coldTrunkMs.push(await view(viewer, node.url, `cold ${node.name}`));
  for (let round = 0; round < Number(options.rounds); round += 1) {
    result.trunkMs.push(await view(viewer, mesh.nodes[1 + (round % 2)].url, `warm ${round}`));
    await sleep(500);
    result.sameNodeMs.push(await view(viewer, mesh.nodes[0].url, `same ${round}`));
    await sleep(500);
  }
} finally {
  await browser.close();
  server.close();
  await mesh.stop();
}
const rounded = (values) => values.map((v) => Math.round(v));
console.log(
  JSON.stringify({
    bench: "join",
    medianMs: {
      trunk: Math.round(median(result.trunkMs)),
      coldTrunk: Math.round(median(result.coldTrunkMs)),
      sameNode: Math.round(median(result.sameNodeMs)),
    },
    trunkMs: rounded(result.trunkMs),
    coldTrunkMs: rounded(result.coldTrunkMs),
    sameNodeMs: rounded(result.sameNodeMs),
  }),
);
