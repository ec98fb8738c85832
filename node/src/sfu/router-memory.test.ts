import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "@jest/globals";
import { CoreHarness, vp8 } from "../../test/sfu/core-harness.ts";
import type { IngressId } from "./index.ts";
import { Producer } from "./producer.ts";

const VIDEO = { roomId: "r", kind: "video", codec: "VP8", clockRateHz: 90_000, layers: [""], remote: false } as const;

/** Somebody with one camera, the track of which bears the same name. */
function arrive({ core }: CoreHarness, peerId: string): IngressId {
  core.addPeer(peerId, { feedbackSsrc: 77 }, 0);
  core.addTrack({ trackId: peerId, ...VIDEO }, 0);
  const ingress = core.addIngress({ trackId: peerId, layer: "", peerId, ssrc: 1, nack: true }, 0);
  if (ingress === undefined) throw new Error("the core took no stream");
  return ingress;
}

/** What ends from now on, held weakly. */
function watchEnds(): readonly WeakRef<Producer>[] {
  const ended: WeakRef<Producer>[] = [];
  const { close } = Producer.prototype;
  Producer.prototype.close = function (this: Producer): void {
    ended.push(new WeakRef(this));
    close.call(this);
  };
  return ended;
}

test("a stream that ended is let go of by all who showed it, also by those who show another by now", async () => {
  setFlagsFromString("--expose-gc");
  const ended = watchEnds();
  const harness = new CoreHarness();
  const { core } = harness;
  const lasting = arrive(harness, "who stays");
  const viewers = Array.from({ length: 20 }, (_, i) => harness.viewer(`viewer ${i}`, i + 1));
  for (const [i, egress] of viewers.entries()) {
    const ingress = arrive(harness, `visitor ${i}`);
    harness.watch(egress, { trackId: `visitor ${i}` });
    harness.rtp(ingress, vp8(1, { keyframe: true }), 0);
    harness.watch(egress, { trackId: "who stays" });
    harness.rtp(lasting, vp8(i, { keyframe: true }), 0);
    core.removeTrack(`visitor ${i}`);
    core.removePeer(`visitor ${i}`);
  }
  expect(new Set(harness.takeSent().map(({ egress }) => egress)).size).toBe(20);
  // A weak reference holds until the turn is over.
  await new Promise((resolve) => setImmediate(resolve));
  (runInNewContext("gc") as () => void)();
  expect([ended.length, ended.filter((ref) => ref.deref() !== undefined).length]).toEqual([20, 0]);
  expect(core.trackCount).toBe(1);
});
