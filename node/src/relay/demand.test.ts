import { expect, test } from "@jest/globals";
import type { TrackDescription } from "../media/control.ts";
import { Demand, type FindOwner, LINGER_MS, MAX_WANTED_TRACKS } from "./demand.ts";

function track(trackId: string, layers: readonly string[] = [""]): TrackDescription {
  return { trackId, kind: "video", source: "camera", codec: { name: "VP8", clockRateHz: 90_000 }, layers };
}

function owners(
  table: Readonly<Record<string, { readonly node: string; readonly track: TrackDescription }>>,
): FindOwner {
  return (_roomId, trackId) => table[trackId];
}

function layersFrom(demand: Demand, node: string): readonly string[] {
  return [...demand.streamsFrom(node).values()].map((stream) => `${stream.track.trackId}/${stream.layer}`).sort();
}

test("[Y1] each layer of a track is wanted once, from the node that publishes it", () => {
  const demand = new Demand();
  const find = owners({ t1: { node: "x", track: track("t1", ["q", "h"]) }, t2: { node: "y", track: track("t2") } });
  demand.want("r", "t1", ["q", "h", "q"]);
  demand.want("r", "t2", [""]);
  demand.want("r", "unknown", [""]);
  demand.update(find, 0);
  expect(layersFrom(demand, "x")).toEqual(["t1/h", "t1/q"]);
  expect(layersFrom(demand, "y")).toEqual(["t2/"]);
  expect([...demand.nodes()].sort()).toEqual(["x", "y"]);
});

test("[Y2] who does not know the layers gets the lowest", () => {
  const demand = new Demand();
  demand.want("r", "t1", [""]);
  demand.update(owners({ t1: { node: "x", track: track("t1", ["q", "h"]) } }), 0);
  expect(layersFrom(demand, "x")).toEqual(["t1/q"]);
});

test("[Y3] an unwanted stream lingers, and stays when it is wanted again in time", () => {
  const demand = new Demand();
  const find = owners({ t1: { node: "x", track: track("t1", ["q", "h"]) } });
  demand.want("r", "t1", ["q"]);
  demand.update(find, 0);
  demand.want("r", "t1", ["h"]);
  demand.update(find, 100);
  expect(layersFrom(demand, "x")).toEqual(["t1/h", "t1/q"]);
  expect(demand.deadlineMs()).toBe(100 + LINGER_MS);
  demand.want("r", "t1", ["q"]);
  demand.update(find, 1_000);
  expect(demand.deadlineMs()).toBe(1_000 + LINGER_MS);
  demand.update(find, 1_000 + LINGER_MS);
  expect(layersFrom(demand, "x")).toEqual(["t1/q"]);
  expect(demand.deadlineMs()).toBe(Number.POSITIVE_INFINITY);
});

test("[Y3] a stream whose track is gone, or has moved, ends at once", () => {
  const demand = new Demand();
  demand.want("r", "t1", [""]);
  demand.update(owners({ t1: { node: "x", track: track("t1") } }), 0);
  demand.update(owners({ t1: { node: "y", track: track("t1") } }), 10);
  expect(layersFrom(demand, "x")).toEqual([]);
  expect(layersFrom(demand, "y")).toEqual(["t1/"]);
  demand.update(owners({}), 20);
  expect(demand.nodes().size).toBe(0);
  demand.update(owners({ t1: { node: "y", track: track("t1") } }), 30);
  expect(layersFrom(demand, "y")).toEqual(["t1/"]);
});

test("[Y4] the number of wanted tracks is bounded; what is released makes place", () => {
  const demand = new Demand();
  for (let i = 0; i < MAX_WANTED_TRACKS; i += 1) expect(demand.want("r", `t${i}`, [""])).toBe(true);
  expect(demand.want("r", "late", [""])).toBe(false);
  expect(demand.want("r", "t5", ["h"])).toBe(true);
  expect(demand.want("r", "t5", [])).toBe(true);
  expect(demand.want("r", "late", [""])).toBe(true);
});

test("[Y4] at the bound a wanted track that nobody publishes any more makes place", () => {
  const demand = new Demand();
  for (let i = 0; i < MAX_WANTED_TRACKS; i += 1) demand.want("r", `t${i}`, [""]);
  demand.update((_, trackId) => (trackId === "t9" ? undefined : { node: "x", track: track(trackId) }), 0);
  expect(demand.want("r", "late", [""])).toBe(true);
  expect(demand.want("r", "later", [""])).toBe(false);
});
