import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import type { Browser } from "puppeteer-core";
import type { MediaEvent, MediaPlane } from "../../src/media/control.ts";
import { createMediaPlane } from "../../src/media/media-plane.ts";
import { CallPage, type CallStats, servePage } from "./call-page.ts";
import { createNetwork, eventually, type IsolatedNetwork, launchChromium, launchFirefox } from "./harness.ts";

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

async function startPlane(): Promise<{ readonly plane: MediaPlane; readonly events: MediaEvent[] }> {
  const plane = createMediaPlane({ threads: false });
  const events: MediaEvent[] = [];
  plane.onEvent((event) => events.push(event));
  await plane.start();
  cleanups.push(() => plane.stop());
  return { plane, events };
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

async function decodes(viewer: CallPage, publisher: CallPage, codec: string): Promise<CallStats> {
  viewer.watch(publisher.options.peerId);
  const stats = await eventually(
    `${viewer.options.peerId} decodes ${codec}`,
    () => viewer.stats(),
    (now) => (video(now)?.frames ?? 0) >= 60,
    30_000,
  );
  expect(video(stats)?.codec.toLowerCase()).toBe(codec.toLowerCase());
  return stats;
}

describe("Chromium to Chromium", () => {
  test.each([
    ["video/H264", undefined],
    ["video/VP9", undefined],
    ["video/VP9", "L3T3_KEY"],
    ["video/AV1", undefined],
    ["video/AV1", "L1T3"],
    ["video/AV1", "L3T3_KEY"],
  ])(
    "%s with %s is agreed, sent and decoded",
    async (codec, scalabilityMode) => {
      const { plane } = await startPlane();
      const ann = await join(chromium, plane, {
        peerId: "ann",
        codec,
        ...(scalabilityMode ? { scalabilityMode } : {}),
      });
      const bob = await join(chromium, plane, { peerId: "bob", silent: true });
      expect(ann.result?.tracks[1]?.codec.name).toBe(codec.replace("video/", ""));
      await decodes(bob, ann, codec);
    },
    60_000,
  );

  test("the same slot shows a track in VP8 and then one in H264", async () => {
    const { plane, events } = await startPlane();
    const ann = await join(chromium, plane, { peerId: "ann" });
    const eve = await join(chromium, plane, { peerId: "eve", codec: "video/H264" });
    const bob = await join(chromium, plane, { peerId: "bob", silent: true });
    const before = await decodes(bob, ann, "video/VP8");
    bob.watch("eve");
    const frames = video(before)?.frames ?? 0;
    await eventually(
      "bob decodes H264",
      () => bob.stats(),
      (now) => video(now)?.codec === "video/H264" && (video(now)?.frames ?? 0) > frames + 60,
    );
    expect(eve.result?.tracks[1]?.codec.name).toBe("H264");
    expect(events.filter(({ kind }) => kind === "slotState")).toEqual([]);
  }, 60_000);

  test("a viewer that decodes VP8 alone is told that it cannot see H264, and that it can see VP8 again", async () => {
    const { plane, events } = await startPlane();
    const ann = await join(chromium, plane, { peerId: "ann", codec: "video/H264" });
    const eve = await join(chromium, plane, { peerId: "eve" });
    const bob = await join(chromium, plane, { peerId: "bob", silent: true, decodes: ["video/VP8"] });
    expect(bob.result?.slots.find(({ kind }) => kind === "video")?.codecs).toEqual(["VP8"]);
    bob.watch("ann");
    const states = () =>
      events.flatMap((event) => (event.kind === "slotState" ? [`${event.trackId} ${event.state}`] : []));
    await eventually(
      "the state",
      async () => states(),
      (now) => now.length === 1,
    );
    await decodes(bob, eve, "video/VP8");
    expect(states()).toEqual(["ann-cam unsupportedCodec"]);
    expect(ann.result?.tracks[1]?.codec.name).toBe("H264");
  }, 60_000);
});

describe("Chromium and Firefox", () => {
  let network: IsolatedNetwork;
  let firefox: Browser;
  beforeAll(async () => {
    network = await createNetwork();
    await network.forward(site.url);
    firefox = await launchFirefox(network);
  }, 60_000);
  afterAll(async () => {
    await firefox?.close();
    await network?.close();
  });

  test.each(["video/VP9", "video/AV1"])(
    "%s of Chromium is decoded by Firefox",
    async (codec) => {
      const { plane } = await startPlane();
      const ann = await join(chromium, plane, { peerId: "ann", codec });
      const fox = await join(firefox, plane, { peerId: "fox", silent: true });
      await decodes(fox, ann, codec);
    },
    70_000,
  );

  test("VP9 of Firefox is decoded by Chromium", async () => {
    const { plane } = await startPlane();
    const fox = await join(firefox, plane, { peerId: "fox", codec: "video/VP9" });
    const ann = await join(chromium, plane, { peerId: "ann", silent: true });
    await decodes(ann, fox, "video/VP9");
  }, 70_000);
});
