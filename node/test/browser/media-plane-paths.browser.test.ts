import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import type { Browser } from "puppeteer-core";
import type { MediaPlane } from "../../src/media/control.ts";
import { createMediaPlane } from "../../src/media/media-plane.ts";
import { CallPage, type CallStats, servePage } from "./call-page.ts";
import { createNetwork, eventually, launchChromium, launchFirefox } from "./harness.ts";

let chromium: Browser;
let site: Awaited<ReturnType<typeof servePage>>;
let cleanups: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  site = await servePage();
  chromium = await launchChromium();
});
afterAll(async () => {
  await chromium.close();
  site.close();
});
afterEach(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
  cleanups = [];
});

async function startPlane(): Promise<MediaPlane> {
  const plane = createMediaPlane({ threads: false });
  await plane.start();
  cleanups.push(() => plane.stop());
  return plane;
}

async function join(
  browser: Browser,
  plane: MediaPlane,
  options: Omit<CallPage["options"], "roomId">,
): Promise<CallPage> {
  const call = await CallPage.join(browser, site.url, plane, { roomId: "red", ...options });
  cleanups.push(() => call.page.close().catch(() => undefined));
  return call;
}

const video = (stats: CallStats) => stats.inbound.find(({ kind }) => kind === "video");

async function decodesEachOther(a: CallPage, b: CallPage): Promise<readonly CallStats[]> {
  a.watch(b.options.peerId);
  b.watch(a.options.peerId);
  return await Promise.all(
    [a, b].map((call) =>
      eventually(
        `${call.options.peerId} sees`,
        () => call.stats(),
        (stats) => (video(stats)?.frames ?? 0) >= 60,
        40_000,
      ),
    ),
  );
}

test("Chromium calls by TCP when there are only TCP candidates", async () => {
  const plane = await startPlane();
  const [ann, bob] = [
    await join(chromium, plane, { peerId: "ann", tcpOnly: true }),
    await join(chromium, plane, { peerId: "bob" }),
  ];
  const [byTcp, byUdp] = await decodesEachOther(ann, bob);
  expect([byTcp?.protocol, byUdp?.protocol]).toEqual(["tcp", "udp"]);
}, 60_000);

test("Firefox whose network lets no UDP through calls by TCP", async () => {
  const network = await createNetwork();
  cleanups.push(() => network.close());
  await network.forward(site.url);
  await network.blockUdp();
  const firefox = await launchFirefox(network);
  cleanups.push(() => firefox.close());
  const plane = await startPlane();
  const [fox, ann] = [await join(firefox, plane, { peerId: "fox" }), await join(chromium, plane, { peerId: "ann" })];
  const [byTcp] = await decodesEachOther(fox, ann);
  expect(byTcp?.protocol).toBe("tcp");
}, 120_000);
