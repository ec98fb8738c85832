/** Shared screens against cameras on one narrow path. */
import { describe, expect, test } from "@jest/globals";
import { CoreHarness } from "../../../test/sfu/core-harness.ts";
import { videoPayload } from "../../../test/sfu/marked-video.ts";
import { rtpPacket } from "../../../test/sfu/srtp-client.ts";
import { TwccReceiver } from "../twcc.ts";
import type { EgressId, IngressId } from "../types.ts";
import { type LayerLevel, withDetail } from "./layer-ladder.ts";

const VP8 = [{ name: "VP8", payloadType: 100, rtxPayloadType: 101 }] as const;
const FRAME_MS = 33;
const LAYER_BYTES = [700, 3000];
const TEMPORAL_IDS = [0, 2, 1, 2];

interface Sent {
  readonly egress: number;
  readonly temporalId: number;
  readonly bytes: number;
  readonly atMs: number;
}

/** A publisher's camera and screen, two layers each, and a viewer of both behind a path of one rate. */
class Call {
  readonly harness = new CoreHarness({ memoryBytes: 16 << 20 });
  readonly sent: Sent[] = [];
  readonly #ingresses: readonly IngressId[];
  readonly #rateBps: number;
  readonly #far = new TwccReceiver();
  #freeAtMs = 0;
  #wanted = true;

  constructor(rateBps: number, screen: { priority?: number; prefersDetail?: boolean }) {
    this.#rateBps = rateBps;
    const { core } = this.harness;
    const cameras = this.harness.camera(["q", "f"]);
    const base = { roomId: "r", kind: "video", codec: "VP8", clockRateHz: 90_000, remote: false } as const;
    core.addTrack({ ...base, trackId: "screen", layers: ["q", "f"], ...screen }, 0);
    const screens = ["q", "f"].map((layer, i) => {
      const input = { trackId: "screen", layer, peerId: "alice", ssrc: 1100 + i, nack: true };
      return core.addIngress(input, 0)!;
    });
    this.#ingresses = [...cameras, ...screens];
    for (const egress of [1, 2]) this.harness.viewer("bob", egress, { codecs: VP8, transportFeedback: true });
    this.harness.watch(1 as EgressId);
    this.harness.watch(2 as EgressId, { trackId: "screen", width: 640, height: 360 });
  }

  /** What each slot shows in the last three of 20 s. */
  run() {
    for (let frame = 0; frame * FRAME_MS < 20_000; frame++) this.#turn(frame, frame * FRAME_MS);
    const told = [1, 2].map((egress) => {
      const late = this.sent.filter((it) => it.egress === egress && it.atMs > 17_000);
      const bytes = late.reduce((sum, it) => sum + it.bytes, 0);
      const layer = this.harness.core.streamSummary(egress as EgressId)?.layer;
      return { layer, bytes, temporals: new Set(late.map(({ temporalId }) => temporalId)).size };
    });
    return { camera: told[0]!, screen: told[1]! };
  }

  #turn(frame: number, nowMs: number): void {
    const keyframe = this.#wanted;
    for (const [i, ingress] of this.#ingresses.entries()) this.#publish(ingress, i, { frame, keyframe });
    for (let atMs = nowMs; atMs < nowMs + FRAME_MS; atMs += 11) {
      this.harness.advance(atMs);
      this.#travel(atMs);
    }
    this.#wanted = this.harness.takeRtcp().some(({ type }) => type === 206);
    for (let told = this.#far.build(1, 2); told !== undefined; told = this.#far.build(1, 2)) {
      this.harness.core.handleRtcp("bob", Buffer.from(told), nowMs + FRAME_MS);
    }
  }

  #publish(ingress: IngressId, i: number, { frame, keyframe }: { frame: number; keyframe: boolean }): void {
    const layer = i % 2;
    const parts = Math.ceil(LAYER_BYTES[layer]! / 1000);
    const mark = { layer, frame, parts, temporalId: keyframe ? 0 : TEMPORAL_IDS[frame % 4]!, keyframe };
    const picture = { pictureId: frame, tl0: frame & 255, sync: true, width: 320 * (layer * 3 + 1) };
    for (let part = 0; part < parts; part++) {
      const payload = videoPayload({ ...mark, part }, picture, LAYER_BYTES[layer]! / parts);
      const seq = (frame * parts + part) & 0xffff;
      const shape = { payloadType: 96, seq, timestamp: frame * 2970, ssrc: 1000 + i, marker: part === parts - 1 };
      this.harness.rtp(ingress, rtpPacket({ ...shape, payload }), frame * FRAME_MS);
    }
  }

  /** One packet after the other through the narrow place; the viewer notes when each comes. */
  #travel(atMs: number): void {
    for (const { transportSeq, payload, egress, originalSeq, isPadding } of this.harness.takeSent()) {
      this.#freeAtMs = Math.max(atMs, this.#freeAtMs) + ((payload.length + 66) * 8000) / this.#rateBps;
      this.#far.receive(transportSeq, this.#freeAtMs);
      if (originalSeq >= 0 || isPadding || payload.length < 6) continue;
      this.sent.push({ egress, temporalId: payload[5]! >> 6, bytes: payload.length, atMs });
    }
  }
}

describe("one path for a camera in a large slot and a screen in a small one", () => {
  test("[E20] without regard to what they are, the larger slot gets more; a shared screen goes first", () => {
    const equal = new Call(1.3e6, {}).run();
    const shared = new Call(1.3e6, { priority: 1, prefersDetail: true }).run();

    expect(equal.camera.bytes).toBeGreaterThan(equal.screen.bytes * 1.4);
    expect(shared.screen.bytes).toBeGreaterThan(shared.camera.bytes * 1.4);
    expect(shared.screen).toMatchObject({ layer: "f", temporals: 3 });
  });

  test("[E20] where not all of its pictures fit, a screen keeps its size and a camera its movement", () => {
    expect(new Call(400_000, { priority: 1, prefersDetail: true }).run().screen).toMatchObject({
      layer: "f",
      temporals: 1,
    });
    expect(new Call(400_000, { priority: 1 }).run().screen).toMatchObject({ layer: "q", temporals: 3 });
  });
});

test("[E13] a paused slot that is emptied is said to go on, as whatever comes next is not paused", () => {
  const call = new Call(80_000, {});
  call.run();
  const { core, events } = call.harness;
  const paused = (): unknown[] => events.filter((event) => event.kind === "slotPaused").map((event) => event.paused);
  const egress = [1, 2].find((it) => core.streamSummary(it as EgressId)?.paused === true) as EgressId;
  expect(egress).toBeDefined();
  const before = paused().length;

  core.assign(egress, null, 20_001);
  expect(paused().slice(before)).toEqual([false]);
  core.assign(egress, null, 20_002);
  expect(paused().slice(before)).toEqual([false]);
});

test("[E20] a ladder with detail climbs by size at the fewest pictures, and adds pictures to the largest only", () => {
  const level = (rank: number, temporal: number): LayerLevel => ({ index: 0, spatial: rank, temporal, bps: 0, rank });
  const ladder = [0, 1, 2].flatMap((rank) => [0, 1, 99].map((temporal) => level(rank, temporal)));

  const told = withDetail(ladder).map(({ rank, temporal }) => [rank, temporal]);
  expect(told).toEqual([
    [0, 0],
    [1, 0],
    [2, 0],
    [2, 1],
    [2, 99],
  ]);
  expect(withDetail([])).toEqual([]);
});
