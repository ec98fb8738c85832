import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { descriptor } from "../../test/sfu/bit-writer.ts";
import { DependencyDescriptor } from "./dependency-descriptor.ts";

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
