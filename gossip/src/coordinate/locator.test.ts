import { expect, test } from "@jest/globals";
import { Harness } from "../../test/harness.ts";
import { encodeCoordinatePayload } from "../wire/meta.ts";

const PEER = { vec: [0.01, 0, 0, 0, 0, 0, 0, 0], error: 0.4, adjustment: 0, height: 1e-5 };

/** Every probe is answered after so long with this payload. */
function answer(h: Harness, delayMs: number, payload: Uint8Array): void {
  const mark = h.sent.length;
  while (h.of("ping").length === 0) h.advance(10);
  const ping = h.of("ping").at(-1);
  expect(mark).toBeGreaterThanOrEqual(0);
  h.advance(delayMs);
  if (ping !== undefined) h.feed({ kind: "ack", seqNo: ping.seqNo, payload }, ping.to);
  h.sent.length = 0;
}

test("[C6] an estimate needs both coordinates, and our own measurements stand beside it", () => {
  const h = new Harness();
  h.meet(2, 3);
  h.sent.length = 0;
  expect(h.core.rtt("p2")).toBeUndefined();
  for (let i = 0; i < 6; i += 1) answer(h, 20, encodeCoordinatePayload(PEER));
  const rtt = h.core.rtt("p2");
  expect(rtt?.measuredMs).toBeGreaterThanOrEqual(20);
  expect(rtt?.measuredMs).toBeLessThan(31);
  expect(rtt?.estimateMs).toBeGreaterThan(0);
  expect(rtt?.error).toBeLessThan(2);
  expect(h.core.rtt("p2", "p3")).toMatchObject({ estimateMs: expect.any(Number) });
  expect(h.core.rtt("p2", "p3")?.measuredMs).toBeUndefined();
  expect([...h.core.measuredRtts().keys()].toSorted()).toEqual(["p2", "p3"]);
  expect(h.core.coordinate("p2")?.vec).toEqual(PEER.vec);
  expect(h.core.coordinate("nobody")).toBeUndefined();
});

test("[C3] a bad coordinate in an ack is counted and moves nothing, an absent one is no offence", () => {
  const h = new Harness();
  h.meet(2);
  h.clear();
  const before = h.core.coordinate();
  const bad = [
    Uint8Array.of(2, 0x80),
    encodeCoordinatePayload({ ...PEER, vec: new Array<number>(16).fill(0) }),
    encodeCoordinatePayload({ ...PEER, error: Number.NaN }),
    new Uint8Array(0),
  ];
  for (const payload of bad) answer(h, 1, payload);
  expect(h.drops).toEqual(["bad_coordinate", "bad_coordinate", "bad_coordinate"]);
  expect(h.core.coordinate()).toEqual(before);
});

test("[C5] the measured value follows the least of the last five", () => {
  const h = new Harness();
  h.meet(2);
  h.clear();
  for (const delayMs of [50, 40, 30, 100, 100]) answer(h, delayMs, new Uint8Array(0));
  const least = h.core.measuredRtts().get("p2" as never) ?? 0;
  expect(least).toBeGreaterThanOrEqual(30);
  expect(least).toBeLessThan(41);
  for (let i = 0; i < 5; i += 1) answer(h, 80, new Uint8Array(0));
  expect(h.core.measuredRtts().get("p2" as never)).toBeGreaterThanOrEqual(80);
});
