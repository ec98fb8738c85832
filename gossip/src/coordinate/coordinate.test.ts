import { expect, test } from "@jest/globals";
import { type Coordinate, distance, isValidCoordinate, originCoordinate, SERF_VIVALDI } from "./coordinate.ts";

const at = (vec: readonly number[], change: Partial<Coordinate> = {}): Coordinate => ({
  vec,
  error: 1.5,
  adjustment: 0,
  height: 0,
  ...change,
});

const A = at([-0.5, 1.3, 2.4]);
const B = at([1.2, -2.3, 3.4]);

test("[C1] the distance of the reference's example, in whole nanoseconds", () => {
  expect(distance(A, A)).toBe(0);
  expect(distance(A, B)).toBeCloseTo(4.104875150354758, 8);
  expect(distance(A, B)).toBe(distance(B, A));
  expect(distance(A, B) * 1e9).toBeCloseTo(4_104_875_150, 1);
});

test("[C1] adjustments add, unless they would make a distance negative", () => {
  const [plus, more] = [
    { ...A, adjustment: 0.1 },
    { ...B, adjustment: 0.2 },
  ];
  expect(distance(plus, more)).toBeCloseTo(4.404875150354758, 8);
  expect(distance({ ...A, adjustment: -1e6 }, B)).toBeCloseTo(4.104875150354758, 8);
});

test("[C1] heights add", () => {
  expect(distance({ ...A, height: 0.7 }, { ...B, height: 0.1 })).toBeCloseTo(4.904875150354758, 8);
});

test("a coordinate starts at the origin, and is valid only with the right dimensions and finite numbers", () => {
  const origin = originCoordinate(SERF_VIVALDI);
  expect(origin).toEqual({ vec: [0, 0, 0, 0, 0, 0, 0, 0], error: 1.5, adjustment: 0, height: 1e-5 });
  expect(isValidCoordinate(origin, 8)).toBe(true);
  expect(isValidCoordinate(origin, 3)).toBe(false);
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    expect(isValidCoordinate({ ...origin, vec: [bad, 0, 0, 0, 0, 0, 0, 0] }, 8)).toBe(false);
    expect(isValidCoordinate({ ...origin, error: bad }, 8)).toBe(false);
    expect(isValidCoordinate({ ...origin, adjustment: bad }, 8)).toBe(false);
    expect(isValidCoordinate({ ...origin, height: bad }, 8)).toBe(false);
  }
});
