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
}, 180_000);

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

test.each([
  ["an ICE restart", false],
  ["a fresh transport", true],
])(
  "a client that changes its network goes on after %s",
  async (_what, fresh) => {
    const network = await createNetwork();
    cleanups.push(() => network.close());
    await network.forward(site.url);
    const plane = await startPlane();
    const mobile = await launchChromium({ network });
    cleanups.push(() => mobile.close());
    const [ann, bob] = [await join(mobile, plane, { peerId: "ann" }), await join(chromium, plane, { peerId: "bob" })];
    await decodesEachOther(ann, bob);
    await network.addAddress();
    // The browser looks at its networks every two seconds.
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    for (const call of [ann, bob]) await call.page.evaluate("window.stillnessMs = 0");
    const before = await Promise.all([ann, bob].map(async (call) => video(await call.stats())?.frames ?? 0));
    await network.dropAddress();
    await (fresh ? ann.rebuild() : ann.restartIce());
    await ann.negotiate(fresh);
    // A fresh connection counts its frames from 0.
    if (fresh) await decodesEachOther(ann, bob);
    for (const [index, call] of [ann, bob].entries()) {
      const first = fresh && call === ann ? 0 : (before[index] ?? 0);
      await eventually(
        `${call.options.peerId} sees on`,
        () => call.stats(),
        (stats) => (video(stats)?.frames ?? 0) > first + 60,
      );
      const stillnessMs = Number(await call.page.evaluate("window.stillnessMs"));
      process.stderr.write(`${call.options.peerId} saw nothing new for ${Math.round(stillnessMs)} ms\n`);
      expect(stillnessMs).toBeLessThan(fresh ? 2_000 : 12_000);
    }
    expect((await ann.stats()).protocol).toBe("udp");
  },
  120_000,
);
