import { describe, expect, test } from "@jest/globals";
import { availableLayer, wantedLayer } from "./layer-selector.ts";

const layer = (width: number, active = true) => ({ width, height: Math.round((width * 9) / 16), active });
const THREE = [layer(320), layer(640), layer(1280)];

describe("the wanted layer", () => {
  test.each([
    [{ width: 160, height: 90 }, 0],
    [{ width: 320, height: 180 }, 0],
    [{ width: 360, height: 200 }, 0],
    [{ width: 400, height: 225 }, 1],
    [{ width: 640, height: 360 }, 1],
    [{ width: 900, height: 506 }, 2],
    [{ width: 3840, height: 2160 }, 2],
  ])("[R12] for %j is number %i of three", (target, index) => {
    expect(wantedLayer(THREE, target)).toBe(index);
  });

  test("[R12] a slot of another shape needs only one side covered", () => {
    expect(wantedLayer(THREE, { width: 180, height: 640 })).toBe(0);
  });

  test("[R12] before sizes are known, each layer is taken for half of the next, the highest for 720p", () => {
    const unknown = [layer(0), layer(0), layer(0)];
    expect(wantedLayer(unknown, { width: 320, height: 180 })).toBe(0);
    expect(wantedLayer(unknown, { width: 600, height: 340 })).toBe(1);
    expect(wantedLayer([layer(0)], { width: 60, height: 34 })).toBe(0);
  });
});

test("[R12] what is not sent is replaced by the nearest lower, else the nearest higher", () => {
  expect(availableLayer([layer(320), layer(640), layer(1280, false)], 2)).toBe(1);
  expect(availableLayer([layer(320, false), layer(640, false), layer(1280)], 0)).toBe(2);
  expect(availableLayer([layer(320, false), layer(640, false)], 1)).toBe(-1);
});
