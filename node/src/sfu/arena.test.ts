import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { PacketArena } from "./arena.ts";

test("[R13] pieces never overlap, never leave the buffer, and are reused when given back", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ bytes: fc.integer({ min: 1, max: 3000 }), keep: fc.boolean() }), { maxLength: 80 }),
      (requests) => {
        const arena = new PacketArena(new ArrayBuffer(64 * 1024));
        const held: { at: number; bytes: number }[] = [];
        for (const { bytes, keep } of requests) {
          const at = arena.allocate(bytes);
          if (at === 0) continue;
          expect(at + bytes).toBeLessThanOrEqual(arena.limitBytes - 128);
          for (const other of held) expect(at + bytes <= other.at || other.at + other.bytes <= at).toBe(true);
          if (keep) held.push({ at, bytes });
          else arena.release(at, bytes);
        }
        for (const { at, bytes } of held) arena.release(at, bytes);
        expect(arena.usedBytes).toBe(0);
      },
    ),
    { seed: 29, numRuns: 100 },
  );
});

test("[R13] a full arena says so and counts it", () => {
  const arena = new PacketArena(new ArrayBuffer(16 * 1024));
  const at = arena.allocate(10_000);

  expect(at).toBeGreaterThan(0);
  expect(arena.allocate(10_000)).toBe(0);
  expect(arena.refusals).toBe(1);
  arena.release(0, 5);
  arena.release(at, 10_000);
  expect(arena.allocate(10_000)).toBe(at);
});
