import { expect, test } from "@jest/globals";
import { callSuite, framesOf, until, videoOf } from "./call-suite.ts";

const suite = callSuite();

test("[E9] a viewer whose link loses 5 % both ways, 60 ms away, sees on, as what was lost is repaired", async () => {
  const started = await suite.startPlane();
  const path = { lossRatio: 0.05, delayMs: 30 };
  const link = await suite.link(started, { seed: 1, toNode: path, fromNode: path });
  const ann = await suite.join(suite.chromium(), started.plane, { peerId: "ann" });
  const bob = await suite.join(suite.chromium(), started.plane, { peerId: "bob", silent: true, via: link });
  bob.watch(ann.options.peerId);
  const first = await until("sees", bob, (stats) => framesOf(stats) > 30);
  const enough = await until(
    "sees on and much was repaired",
    bob,
    (stats) => framesOf(stats) > framesOf(first) + 300 && (videoOf(stats)?.retransmitted ?? 0) > 10,
    60_000,
  );
  expect(videoOf(enough)?.nacks).toBeGreaterThan(5);
  expect(link.counts().fromNode.lost).toBeGreaterThan(10);
  // Losses alone do not take the picture away.
  const later = await until("sees on", bob, (stats) => framesOf(stats) > framesOf(enough) + 60);
  expect(later.state).toBe("connected");
  const { down } = (await started.plane.peerStats("bob")) ?? {};
  expect(down?.lossRatio).toBeGreaterThan(0);
}, 120_000);
