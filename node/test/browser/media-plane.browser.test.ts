import { describe, expect, test } from "@jest/globals";
import type { CallPage, CallStats } from "./call-page.ts";
import { audioOf as audio, callSuite, firefoxFor, type StartedPlane, videoOf as video } from "./call-suite.ts";
import { eventually } from "./harness.ts";
import { type Loss, lossyPlane } from "./lossy-plane.ts";

const SIMULCAST = ["q", "h", "f"];
const suite = callSuite();
const { join } = suite;
const startPlane = (loss?: Loss): Promise<StartedPlane> =>
  suite.startPlane(loss && ((plane) => lossyPlane(plane, loss)));

/** Decodes the other's picture and hears them. */
const live = (frames: number) => (stats: CallStats) =>
  (video(stats)?.frames ?? 0) >= frames && (audio(stats)?.packets ?? 0) >= 50 && (audio(stats)?.audioEnergy ?? 0) > 0;

async function decodesEachOther(a: CallPage, b: CallPage): Promise<readonly CallStats[]> {
  a.watch(b.options.peerId);
  b.watch(a.options.peerId);
  return await Promise.all(
    [a, b].map((call) => eventually(`${call.options.peerId} sees`, () => call.stats(), live(60), 30_000)),
  );
}

describe("two Chromium peers on one plane", () => {
  test("decode each other's video and audio and lose nothing", async () => {
    const { plane, events } = await startPlane();
    const [ann, bob] = [
      await join(suite.chromium(), plane, { peerId: "ann" }),
      await join(suite.chromium(), plane, { peerId: "bob" }),
    ];
    for (const stats of await decodesEachOther(ann, bob)) {
      expect(stats.state).toBe("connected");
      expect(video(stats)).toMatchObject({ lost: 0 });
    }
    expect(events).toEqual(
      expect.arrayContaining([expect.objectContaining({ kind: "peerState", peerId: "ann", state: "connected" })]),
    );
  });

  test("all simulcast layers arrive, the bitrate ramps, and a slot shows the layer of its size", async () => {
    const { plane } = await startPlane();
    const ann = await join(suite.chromium(), plane, { peerId: "ann", rids: SIMULCAST, width: 1_280, height: 720 });
    const bob = await join(suite.chromium(), plane, { peerId: "bob" });
    bob.watch("ann", { width: 200, height: 120 });
    await eventually(
      "the smallest layer",
      () => bob.stats(),
      (stats) => live(20)(stats) && video(stats)?.width === 320,
      60_000,
    );
    const sent = await eventually(
      "all layers are sent and the estimate has left 300 kbit/s",
      () => ann.stats(),
      ({ outbound, availableBps }) =>
        availableBps > 1_500_000 &&
        SIMULCAST.every((rid) => outbound.some((out) => out.rid === rid && out.packets > 50)),
      60_000,
    );
    expect(sent.outbound.filter(({ kind }) => kind === "video")).toHaveLength(3);
    bob.watch("ann", { width: 640, height: 360 });
    await eventually(
      "the middle layer",
      () => bob.stats(),
      (stats) => video(stats)?.width === 640,
      60_000,
    );
    bob.watch("ann", { width: 1_280, height: 720 });
    await eventually(
      "the largest layer",
      () => bob.stats(),
      (stats) => (video(stats)?.width ?? 0) > 640,
      60_000,
    );
    bob.watch("ann", { width: 160, height: 90 });
    await eventually(
      "the smallest layer again",
      () => bob.stats(),
      (stats) => video(stats)?.width === 320,
      60_000,
    );
  }, 180_000);

  test("with 5 % loss both ways NACKs and retransmissions keep the picture moving", async () => {
    const { plane } = await startPlane({ inRatio: 0.05, outRatio: 0.05 });
    const [ann, bob] = [
      await join(suite.chromium(), plane, { peerId: "ann" }),
      await join(suite.chromium(), plane, { peerId: "bob" }),
    ];
    await decodesEachOther(ann, bob);
    const stats = await eventually(
      "repaired",
      () => bob.stats(),
      (now) => (video(now)?.frames ?? 0) > 300 && (video(now)?.retransmitted ?? 0) > 5,
      40_000,
    );
    expect(video(stats)?.nacks).toBeGreaterThan(5);
    const sender = await ann.stats();
    expect(sender.outbound.find(({ kind }) => kind === "video")?.nacks).toBeGreaterThan(5);
    expect((await plane.stats()).counters).toMatchObject({ nacks_sent: expect.any(Number) });
  });

  test("a slot added by a later offer works beside the first, which is not disturbed", async () => {
    const { plane } = await startPlane();
    const [ann, bob] = [
      await join(suite.chromium(), plane, { peerId: "ann" }),
      await join(suite.chromium(), plane, { peerId: "bob" }),
    ];
    await decodesEachOther(ann, bob);
    await bob.addVideoSlot();
    const slots = (await bob.negotiate(false)).slots.filter(({ kind }) => kind === "video");
    expect(slots).toHaveLength(2);
    bob.watch("ann");
    const both = await eventually(
      "both slots decode",
      () => bob.stats(),
      (stats) => stats.inbound.filter(({ kind, frames }) => kind === "video" && frames > 60).length === 2,
    );
    expect(both.inbound.filter(({ kind }) => kind === "video").map(({ lost }) => lost)).toEqual([0, 0]);
  });

  test("a camera switched on by a later offer sends all layers and ramps, too", async () => {
    const { plane } = await startPlane();
    const ann = await join(suite.chromium(), plane, {
      peerId: "ann",
      rids: ["q", "h"],
      width: 1_280,
      height: 720,
      silent: true,
    });
    const bob = await join(suite.chromium(), plane, { peerId: "bob" });
    await eventually(
      "ann is connected",
      () => ann.stats(),
      ({ state }) => state === "connected",
    );
    await ann.publish();
    await ann.negotiate(false);
    bob.watch("ann");
    await eventually("bob sees ann", () => bob.stats(), live(30), 30_000);
    await eventually(
      "both layers are sent and the estimate has left 300 kbit/s",
      () => ann.stats(),
      ({ outbound, availableBps }) =>
        availableBps > 1_000_000 &&
        ["q", "h"].every((rid) => outbound.some((out) => out.rid === rid && out.packets > 50)),
      30_000,
    );
  });

  test("an ICE restart keeps the call", async () => {
    const { plane, events } = await startPlane();
    const [ann, bob] = [
      await join(suite.chromium(), plane, { peerId: "ann" }),
      await join(suite.chromium(), plane, { peerId: "bob" }),
    ];
    const before = await decodesEachOther(ann, bob);
    await bob.restartIce();
    await bob.negotiate(false);
    const frames = video(before[1] as CallStats)?.frames ?? 0;
    const after = await eventually(
      "more frames",
      () => bob.stats(),
      (stats) => (video(stats)?.frames ?? 0) > frames + 90,
    );
    expect(after.state).toBe("connected");
    expect(video(after)?.lost).toBe(0);
    await eventually(
      "the pair has moved to the new credentials",
      () => plane.stats(),
      ({ counters }) => (counters["ice_restarts"] ?? 0) === 1,
    );
    expect(events.filter((event) => event.kind === "peerState" && event.state !== "connected")).toEqual([]);
  });
});

test("two planes joined by a trunk: a publisher on one is seen and heard on the other", async () => {
  const [a, b] = [await startPlane(), await startPlane()];
  const ann = await join(suite.chromium(), a.plane, { peerId: "ann", rids: ["q", "h"] });
  const bob = await join(suite.chromium(), b.plane, { peerId: "bob" });
  const offer = await a.plane.createTrunk({ trunkId: "t", role: "offerer" });
  const answer = await b.plane.createTrunk({ trunkId: "t", role: "answerer" });
  b.plane.connectTrunk({ trunkId: "t", remote: offer });
  a.plane.connectTrunk({ trunkId: "t", remote: answer });
  bob.watch("ann");
  for (const { mid: _mid, ...track } of ann.result?.tracks ?? []) {
    const layer = track.layers.at(-1) ?? "";
    const opened = await b.plane.openTrunkIngress({ trunkId: "t", stream: { roomId: "red", track, layer } });
    const stream = { roomId: "red", track, layer, ...opened };
    await eventually(
      "the track is there",
      () => a.plane.openTrunkEgress({ trunkId: "t", stream }),
      (opened) => opened,
    );
  }
  const stats = await eventually("bob sees and hears", () => bob.stats(), live(60), 30_000);
  expect(video(stats)?.width).toBe(640);
  const [trunk] = (await b.plane.stats()).trunks;
  expect(trunk).toMatchObject({ ingressStreams: 2 });
  expect(trunk?.packetsReceived).toBeGreaterThan(100);
});

describe("Firefox", () => {
  const firefox = firefoxFor(suite);

  test("and Chromium decode each other's video and audio, both with simulcast", async () => {
    const { plane } = await startPlane();
    const fox = await join(firefox.browser(), plane, { peerId: "fox", rids: ["q", "h"] });
    const ann = await join(suite.chromium(), plane, { peerId: "ann", rids: ["q", "h"] });
    const [seenByFox, seenByAnn] = await decodesEachOther(fox, ann);
    expect([seenByFox?.state, seenByAnn?.state]).toEqual(["connected", "connected"]);
    await eventually(
      "Firefox sends both layers",
      () => fox.stats(),
      ({ outbound }) => ["q", "h"].every((rid) => outbound.some((out) => out.rid === rid && out.packets > 20)),
    );
  }, 70_000);
});
