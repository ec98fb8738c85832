import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { seededRandom } from "#gossip";
import { maxId, NewestIds, nextMessageId } from "./message-clock.ts";

const draw = seededRandom(5);
const random = () => draw.next();

describe("ids of messages", () => {
  test("[A17] are above the floor whatever the clock says, and ULIDs in any case", () => {
    const time = fc.integer({ min: 1, max: 281_474_976_710_000 });
    fc.assert(
      fc.property(time, time, (floorMs, nowMs) => {
        const floor = nextMessageId(undefined, floorMs, random);
        const id = nextMessageId(floor, nowMs, random);
        expect(id > floor).toBe(true);
        expect(id).toMatch(/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/);
      }),
      { seed: 17, numRuns: 300 },
    );
  });

  test("[A17] a random part that is used up moves to the next millisecond", () => {
    const floor = `01ARZ3NDEK${"Z".repeat(16)}`;
    const id = nextMessageId(floor, 1, random);
    expect([id > floor, id.slice(0, 10)]).toEqual([true, "01ARZ3NDEM"]);
  });

  test("[A17] the newest of each room is remembered, for so many rooms", () => {
    const newest = new NewestIds(2);
    newest.saw("r1", "B");
    newest.saw("r1", "A");
    newest.saw("r2", "C");
    newest.saw("r1", "A");
    newest.saw("r3", "D");
    expect(["r1", "r2", "r3"].map((room) => newest.get(room))).toEqual(["B", undefined, "D"]);
    expect([maxId(undefined, "A"), maxId("B", "A"), maxId("A", undefined), maxId(undefined, undefined)]).toEqual([
      "A",
      "B",
      "A",
      undefined,
    ]);
  });
});
