import { describe, expect, test } from "@jest/globals";
import type { CallPage, CallStats } from "./call-page.ts";
import { callSuite, firefoxFor, videoOf as video } from "./call-suite.ts";
import { eventually } from "./harness.ts";

const suite = callSuite();
const { join, startPlane } = suite;

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
      const ann = await join(suite.chromium(), plane, {
        peerId: "ann",
        codec,
        ...(scalabilityMode ? { scalabilityMode } : {}),
      });
      const bob = await join(suite.chromium(), plane, { peerId: "bob", silent: true });
      expect(ann.result?.tracks[1]?.codec.name).toBe(codec.replace("video/", ""));
      await decodes(bob, ann, codec);
    },
    60_000,
  );

  test("the same slot shows a track in VP8 and then one in H264", async () => {
    const { plane, events } = await startPlane();
    const ann = await join(suite.chromium(), plane, { peerId: "ann" });
    const eve = await join(suite.chromium(), plane, { peerId: "eve", codec: "video/H264" });
    const bob = await join(suite.chromium(), plane, { peerId: "bob", silent: true });
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
  }, 180_000);

  test("a viewer that decodes VP8 alone is told that it cannot see H264, and that it can see VP8 again", async () => {
    const { plane, events } = await startPlane();
    const ann = await join(suite.chromium(), plane, { peerId: "ann", codec: "video/H264" });
    const eve = await join(suite.chromium(), plane, { peerId: "eve" });
    const bob = await join(suite.chromium(), plane, { peerId: "bob", silent: true, decodes: ["video/VP8"] });
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
  }, 180_000);
});

describe("Chromium and Firefox", () => {
  const firefox = firefoxFor(suite);

  test.each(["video/VP9", "video/AV1"])(
    "%s of Chromium is decoded by Firefox",
    async (codec) => {
      const { plane } = await startPlane();
      const ann = await join(suite.chromium(), plane, { peerId: "ann", codec });
      const fox = await join(firefox.browser(), plane, { peerId: "fox", silent: true });
      await decodes(fox, ann, codec);
    },
    70_000,
  );

  test("VP9 of Firefox is decoded by Chromium", async () => {
    const { plane } = await startPlane();
    const fox = await join(firefox.browser(), plane, { peerId: "fox", codec: "video/VP9" });
    const ann = await join(suite.chromium(), plane, { peerId: "ann", silent: true });
    await decodes(ann, fox, "video/VP9");
  }, 70_000);
});
