import { describe, expect, test } from "@jest/globals";
import type { CallPage } from "./call-page.ts";
import { callSuite, framesOf, until, videoOf } from "./call-suite.ts";
import { eventually } from "./harness.ts";

const suite = callSuite();
const LARGE = { width: 1_280, height: 720 };
const SMALL = { width: 160, height: 90 };

async function shows(viewer: CallPage, what: string, holds: (width: number) => boolean): Promise<number> {
  const stats = await until(what, viewer, (now) => framesOf(now) > 20 && holds(videoOf(now)?.width ?? 0), 60_000);
  return videoOf(stats)?.width ?? 0;
}

/** Sees on: so many further pictures. */
async function seesOn(viewer: CallPage, frames: number): Promise<void> {
  const first = framesOf(await viewer.stats());
  await until("sees on", viewer, (stats) => framesOf(stats) > first + frames, 60_000);
}

describe("a viewer whose slot shrinks and grows sees another layer and no break", () => {
  test.each([
    ["video/VP9", { scalabilityMode: "L3T3_KEY" }],
    ["video/AV1", { scalabilityMode: "L3T3_KEY" }],
    ["video/H264", { rids: ["q", "h"] }],
  ])(
    "%s with %j",
    async (codec, layers) => {
      const { plane } = await suite.startPlane();
      const size = { width: 960, height: 540 };
      await suite.join(suite.chromium(), plane, { peerId: "ann", codec, ...size, ...layers });
      const bob = await suite.join(suite.chromium(), plane, { peerId: "bob", silent: true });
      bob.watch("ann", SMALL);
      const lowest = await shows(bob, "a picture", (width) => width > 0 && width <= 480);
      bob.watch("ann", LARGE);
      await shows(bob, "a larger picture", (width) => width > lowest);
      await seesOn(bob, 30);
      const before = videoOf(await bob.stats());
      // An encoder that has just begun may still enlarge all of its layers.
      const highest = before?.width ?? 0;
      bob.watch("ann", SMALL);
      expect(await shows(bob, "a smaller picture", (width) => width < highest)).toBeLessThan(highest);
      await seesOn(bob, 60);
      const after = videoOf(await bob.stats());
      process.stderr.write(
        `${codec}: ${lowest} to ${highest}, ${(after?.freezes ?? 0) - (before?.freezes ?? 0)} freezes\n`,
      );
      // Who misses a picture asks for another.
      expect([after?.lost, after?.plis]).toEqual([before?.lost, before?.plis]);
      expect(after?.codec.toLowerCase()).toBe(codec.toLowerCase());
    },
    180_000,
  );
});

test("[G24] H264 of a profile that a viewer does not decode is said to be unsupported; another viewer sees it", async () => {
  const { plane, events } = await suite.startPlane();
  const ann = await suite.join(suite.chromium(), plane, { peerId: "ann", codec: "video/H264", h264Profile: "4d00" });
  expect(ann.result?.tracks[1]?.codec).toMatchObject({ name: "H264", profile: "main" });
  const bob = await suite.join(suite.chromium(), plane, { peerId: "bob", silent: true, decodes: ["video/H264"] });
  expect(bob.result?.slots.find(({ kind }) => kind === "video")?.h264Profiles).toEqual(
    expect.arrayContaining(["", "main"]),
  );
  const eve = { peerId: "eve", silent: true, decodes: ["video/H264"], h264Profile: "42e0" };
  const limited = await suite.join(suite.chromium(), plane, eve);
  for (const viewer of [bob, limited]) viewer.watch("ann");
  await shows(bob, "a picture", (width) => width > 0);
  const told = (): Promise<string[]> =>
    Promise.resolve(events.flatMap((event) => (event.kind === "slotState" ? [`${event.peerId} ${event.state}`] : [])));
  await eventually("eve is told", told, (states) => states.includes("eve unsupportedCodec"));
  expect(await told()).not.toContain("bob unsupportedCodec");
  expect(framesOf(await limited.stats())).toBe(0);
}, 120_000);
