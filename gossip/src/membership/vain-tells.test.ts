import { expect, test } from "@jest/globals";
import { Harness, seq } from "../../test/harness.ts";
import { incarnation, lamportTime, nodeName } from "../types.ts";

const deadOf = (number: number) =>
  ({ kind: "dead", node: nodeName(`p${number}`), incarnation: incarnation(1), from: nodeName("p9") }) as const;

test("[M18, B2] news reaches the one who lives among many dead as often as if there were none", () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const h = new Harness({}, seed);
    h.meet(2, 3, 4, 5, 6, 7, 8);
    for (const number of [3, 4, 5, 6, 7, 8]) h.feed(deadOf(number));
    h.advanceAnswering(10_000);
    h.clear();
    h.feedSerf({ kind: "join", lamportTime: lamportTime(50), node: nodeName("p2") });
    h.advanceAnswering(2_000);
    const tells = h.of("user").filter(({ to }) => to.host === "10.0.0.2");
    // Eight members are known to either layer: four times.
    expect(tells).toHaveLength(4);
    expect(h.of("user").length).toBeLessThanOrEqual(3 * 4);
  }
});

test("[B2] with nobody alive the dead hear news as often as anybody would, and it is over", () => {
  const h = new Harness();
  h.meet(2, 3);
  for (const number of [2, 3]) h.feed(deadOf(number));
  h.clear();
  h.advance(5_000);
  expect(h.of("dead").length).toBeGreaterThan(0);
  expect(h.of("dead").length).toBeLessThanOrEqual(2 * 4);
});

test("[B7] a ping on behalf of another carries nothing else", () => {
  const h = new Harness();
  h.meet(2, 3);
  h.clear();
  const source = { addr: Uint8Array.of(10, 0, 0, 2), port: 7946, node: nodeName("p2") };
  const target = Uint8Array.of(10, 0, 0, 3);
  h.feed({ kind: "indirectPing", seqNo: seq(9), target, port: 7946, node: nodeName("p3"), nack: false, source });
  expect(h.sent.map(({ messages }) => messages.map(({ kind }) => kind))).toEqual([["ping"]]);
});
