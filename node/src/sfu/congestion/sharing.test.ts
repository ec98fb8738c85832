import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { PAUSED, type Shown, share } from "./sharing.ts";

const shown = (costs: readonly number[], input: Partial<Shown> = {}): Shown => ({
  costs,
  priority: 0,
  area: 1,
  isFree: false,
  ...input,
});
const CAMERA = [150, 500, 1500];

test("[E18] everybody's least comes before anybody's more", () => {
  expect(share([shown(CAMERA), shown(CAMERA), shown(CAMERA)], 1000)).toEqual([1, 0, 0]);
  expect(share([shown(CAMERA), shown(CAMERA), shown(CAMERA)], 400)).toEqual([0, 0, PAUSED]);
});

test("[E18] the important one rises first, then the large one", () => {
  expect(share([shown(CAMERA), shown(CAMERA, { area: 9 })], 700)).toEqual([0, 1]);
  expect(share([shown(CAMERA, { area: 9 }), shown(CAMERA, { priority: 1 })], 1700)).toEqual([0, 2]);
});

test("[E18] equals rise in turn", () => {
  expect(share([shown(CAMERA), shown(CAMERA)], 1000)).toEqual([1, 1]);
});

test("[E18] what nothing is known of is never paused", () => {
  expect(share([shown([1500], { isFree: true })], 600)).toEqual([0]);
  expect(share([shown([1500])], 600)).toEqual([PAUSED]);
});

test("[E18] a share never costs more than the budget", () => {
  const arbitrary = fc.record({
    costs: fc.array(fc.integer({ min: 1, max: 2000 }), { minLength: 1, maxLength: 8 }),
    priority: fc.integer({ min: 0, max: 2 }),
    area: fc.integer({ min: 0, max: 3 }),
    isFree: fc.constant(false),
  });
  fc.assert(
    fc.property(fc.array(arbitrary, { maxLength: 12 }), fc.integer({ min: 0, max: 9000 }), (slots, budget) => {
      const chosen = share(slots, budget);
      const cost = chosen.reduce((sum, level, i) => sum + (level === PAUSED ? 0 : slots[i]!.costs[level]!), 0);
      expect(cost).toBeLessThanOrEqual(budget);
    }),
    { seed: 13 },
  );
});
