import { expect, test } from "@jest/globals";
import { LossGauge } from "./loss-gauge.ts";

const reading = (packetsReceived: number, packetsLost: number, more: object = {}) => ({
  ...{ trunkId: "t", packetsReceived, packetsLost, packetsRepaired: 0 },
  ...more,
});

test("[Y76] loss is what did not come at first, repaired or not, of all that was sent", () => {
  const gauge = new LossGauge();
  gauge.note("a", reading(0, 0), 0);
  expect(gauge.ratioOf("a", 0)).toBeNull();
  gauge.note("a", reading(90, 4, { packetsRepaired: 6 }), 1_000);
  expect(gauge.ratioOf("a", 1_000)).toBeCloseTo(0.1);
  gauge.note("a", reading(190, 4, { packetsRepaired: 6 }), 2_000);
  expect(gauge.ratioOf("a", 2_000)).toBeCloseTo(0.05);
});

test("[Y76] few packets, new trunks and streams that ended say nothing; old measurements are forgotten", () => {
  const gauge = new LossGauge();
  gauge.note("a", reading(0, 0), 0);
  gauge.note("a", reading(10, 10), 1_000);
  expect(gauge.ratioOf("a", 1_000)).toBeNull();
  gauge.note("a", reading(100, 10), 2_000);
  gauge.note("a", reading(5, 0, { trunkId: "u" }), 3_000);
  expect(gauge.ratioOf("a", 3_000)).toBeCloseTo(10 / 110);
  gauge.note("a", reading(200, 0, { trunkId: "u" }), 4_000);
  gauge.note("a", reading(400, -50, { trunkId: "u" }), 5_000);
  expect(gauge.ratioOf("a", 5_000)).toBeGreaterThanOrEqual(0);
  expect(gauge.ratioOf("a", 400_000)).toBeNull();
  gauge.forget("a");
  expect(gauge.ratioOf("a", 5_000)).toBeNull();
});
