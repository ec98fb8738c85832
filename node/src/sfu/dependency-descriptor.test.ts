import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { descriptor } from "../../test/sfu/bit-writer.ts";
import { DependencyDescriptor } from "./dependency-descriptor.ts";
import { LayerFilter } from "./layer-filter.ts";
import { patchDescriptor, RtpRewrite } from "./rtp-rewrite.ts";

const read = (into: DependencyDescriptor, bytes: Buffer): boolean => into.read(bytes, 0, bytes.length);

test("a keyframe's descriptor tells the layers, their sizes and who needs what", () => {
  const it = new DependencyDescriptor();

  expect(read(it, descriptor(0, { frameNumber: 700, structure: true }))).toBe(true);

  expect(it).toMatchObject({ startsFrame: true, endsFrame: true, frameNumber: 700, spatialId: 0, hasStructure: true });
  expect([it.maxSpatialId, it.maxTemporalId]).toEqual([1, 0]);
  expect([...it.widths.subarray(0, 2), ...it.heights.subarray(0, 2)]).toEqual([320, 640, 180, 360]);
  expect(it.isSwitch(1, 0)).toBe(true);
});

test("later frames are known by their template", () => {
  const it = new DependencyDescriptor();
  read(it, descriptor(0, { frameNumber: 1, structure: true }));

  expect(read(it, descriptor(3, { frameNumber: 2 }))).toBe(true);

  expect(it).toMatchObject({ spatialId: 1, hasStructure: false });
  expect([it.isNeeded(1, 0), it.isNeeded(0, 0)]).toEqual([true, false]);
  expect(it.isSwitch(1, 0)).toBe(false);
});

test("[L1] a template that was never told, or is not among those told, is refused", () => {
  const it = new DependencyDescriptor();

  expect(read(it, descriptor(0, { frameNumber: 1 }))).toBe(false);
  read(it, descriptor(0, { frameNumber: 1, structure: true }));
  expect(read(it, descriptor(40, { frameNumber: 2 }))).toBe(false);
  expect(read(it, Buffer.of(1, 2))).toBe(false);
});

test("[L1] any bytes are read or refused, and what was known stays usable", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 255 }), { maxLength: 4 }), (pieces) => {
      const it = new DependencyDescriptor();
      read(it, descriptor(0, { frameNumber: 1, structure: true }));
      for (const piece of pieces) it.read(piece, 0, piece.length);
      for (let layer = 0; layer < 8; layer++) it.isNeeded(layer, layer);
      expect(it.maxSpatialId).toBeLessThan(8);
      expect(read(it, descriptor(0, { frameNumber: 9, structure: true }))).toBe(true);
    }),
    { seed: 11, numRuns: 500 },
  );
});

test("[L1] a cut or bent structure is refused", () => {
  const whole = descriptor(0, { frameNumber: 5, structure: true });
  for (let length = 4; length < whole.length - 1; length++) {
    expect(read(new DependencyDescriptor(), whole.subarray(0, length))).toBe(false);
  }
});

/** Of a keyframe of Chromium's VP9 with three spatial and three temporal layers (L3T3_KEY). */
const CAPTURED = Buffer.from(
  "c0005bc0081485214eaaaaa8000600004000100002aa80a8000600004000100002a000a800060000400016d549241b5524906d54923157e001974ca864330e222396eca8655304224390eca8775300ef008601df010d03bf021b1f80",
  "hex",
);

/** What the viewer of these layers gets of the captured descriptor. */
function narrowed(spatial: number, temporal: number): Buffer {
  const it = new DependencyDescriptor();
  expect(read(it, CAPTURED)).toBe(true);
  const filter = new LayerFilter();
  filter.spatial = spatial;
  filter.temporal = temporal;
  const rewrite = new RtpRewrite();
  rewrite.frameNumber = 7;
  filter.narrow(rewrite, it);
  const copy = Buffer.concat([Buffer.from([0xee]), CAPTURED, Buffer.from([0xee])]);
  patchDescriptor(rewrite, copy, 1);
  expect([copy[0], copy.at(-1)]).toEqual([0xee, 0xee]);
  return copy.subarray(1, -1);
}

test("[L7] the active decode targets of a captured keyframe are narrowed to the viewer's layers, and nothing else is changed", () => {
  const whole = new DependencyDescriptor();
  read(whole, CAPTURED);
  // The largest of the three sizes is not sent at that moment.
  expect(whole).toMatchObject({ active: 0b111_111, activeBits: 9, hasStructure: true });
  expect([whole.maxSpatialId, whole.maxTemporalId]).toEqual([2, 2]);

  // Targets go from the lowest up, three for each size; the first is the lowest bit.
  for (const [spatial, temporal, count] of [
    [0, 0, 1],
    [0, 2, 3],
    [1, 1, 4],
    [2, 2, 6],
    [99, 99, 6],
  ] as const) {
    const it = new DependencyDescriptor();
    const bytes = narrowed(spatial, temporal);
    expect(read(it, bytes)).toBe(true);
    expect(it.frameNumber).toBe(7);
    expect(it.active.toString(2).replaceAll("0", "")).toHaveLength(count);
    expect([...it.widths]).toEqual([...whole.widths]);
    for (let layer = 0; layer < 3; layer++) expect(it.isNeeded(layer, 2)).toBe(whole.isNeeded(layer, 2));
  }
});

test("[L7] where the publisher tells no mask, none is added", () => {
  const it = new DependencyDescriptor();
  read(it, descriptor(0, { frameNumber: 1, structure: true }));

  expect(it.activeBitAt).toBe(0);
});
