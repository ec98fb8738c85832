import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { seededRandom } from "../random.ts";
import { Repeats } from "./repeats.ts";

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

test("[M27] only what was remembered is known, wherever it lies in a packet, as with a set of texts", () => {
  const small = fc.uint8Array({ maxLength: 9 });
  fc.assert(
    fc.property(
      fc.integer(),
      fc.array(small, { maxLength: 60 }),
      fc.array(small, { maxLength: 60 }),
      (seed, told, asked) => {
        const repeats = new Repeats(seededRandom(seed));
        const slow = new Set<string>();
        for (const bytes of told) {
          repeats.remember(viewOf(bytes), 0, bytes.length);
          slow.add(bytes.join());
        }
        for (const bytes of [...asked, ...told]) {
          const packet = Uint8Array.of(9, 9, 9, ...bytes, 8, 8);
          const isKnown = repeats.has(viewOf(packet), 3, 3 + bytes.length);
          // A slot may have been taken over, so what was told may be forgotten; never the other way round.
          if (isKnown) expect(slow.has(bytes.join())).toBe(true);
        }
      },
    ),
    { seed: 16, numRuns: 300 },
  );
});

test("[M27] nearly all of a thousand messages are still known, and none once cleared", () => {
  const repeats = new Repeats(seededRandom(1));
  const messages = Array.from({ length: 1_000 }, (_, i) => Uint8Array.of(4, i & 255, i >> 8, 1, 2, 3, 4, 5, 6));
  for (const bytes of messages) repeats.remember(viewOf(bytes), 0, bytes.length);
  const known = (): number => messages.filter((bytes) => repeats.has(viewOf(bytes), 0, bytes.length)).length;
  expect(known()).toBeGreaterThan(850);
  repeats.clear();
  expect(known()).toBe(0);
});
