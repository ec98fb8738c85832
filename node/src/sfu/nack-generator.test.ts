import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { NackGenerator } from "./nack-generator.ts";
import { ROUTER_DEFAULTS } from "./options.ts";

const generator = () => new NackGenerator(ROUTER_DEFAULTS);

describe("when to ask", () => {
  test("[N1] a young hole waits 10 ms, and reordering asks for nothing", () => {
    const nack = generator();
    nack.receive(1, 0);
    nack.receive(3, 5);
    expect(nack.deadlineMs).toBe(15);
    expect(nack.takeDue(14).ask).toEqual([]);

    nack.receive(2, 14);

    expect(nack.deadlineMs).toBe(Number.POSITIVE_INFINITY);
    expect(nack.takeDue(100)).toEqual({ ask: [], givenUp: 0 });
  });

  test("[N1] four later packets are proof enough", () => {
    const nack = generator();
    nack.receive(1, 0);
    for (const extSeq of [3, 4, 5]) nack.receive(extSeq, 1);
    expect(nack.takeDue(2).ask).toEqual([]);

    nack.receive(6, 2);

    expect(nack.takeDue(2).ask).toEqual([2]);
  });

  test("[N2] the pace is the round trip as measured by answers to single requests", () => {
    const nack = generator();
    let extSeq = 1;
    nack.receive(extSeq, 0);
    for (let i = 0; i < 60; i++) {
      const at = 1000 * (i + 1);
      nack.receive(extSeq + 2, at);
      nack.takeDue(at + 10);
      nack.receive(extSeq + 1, at + 10 + 40);
      extSeq += 2;
    }
    expect(nack.rttMs).toBeCloseTo(40, 0);
    nack.receive(extSeq + 2, 100_000);

    expect(nack.takeDue(100_010).ask).toHaveLength(1);
    expect(nack.deadlineMs).toBeCloseTo(100_010 + 40 * 1.25 + 5, 0);
    expect(nack.takeDue(100_050).ask).toHaveLength(0);
    expect(nack.takeDue(nack.deadlineMs).ask).toHaveLength(1);
  });

  test("[N2] after eight requests or one second it is given up", () => {
    const nack = generator();
    nack.receive(1, 0);
    nack.receive(3, 0);
    let [asked, givenUp, last] = [0, 0, 0];
    while (nack.deadlineMs < Number.POSITIVE_INFINITY) {
      last = nack.deadlineMs;
      const due = nack.takeDue(last);
      asked += due.ask.length;
      givenUp += due.givenUp;
    }

    expect(asked).toBeLessThanOrEqual(8);
    expect(asked).toBeGreaterThan(3);
    expect(givenUp).toBe(1);
    expect(last).toBeLessThanOrEqual(1400);
    expect(nack.missingCount).toBe(0);
  });
});

test("[N4] a gap beyond the bound is given up at once", () => {
  const nack = generator();
  nack.receive(1, 0);

  expect(nack.receive(403, 0)).toBe(false);

  expect(nack.takeDue(50)).toEqual({ ask: [], givenUp: 401 });
  expect(nack.receive(804, 0)).toBe(true);
  expect(nack.missingCount).toBe(400);
});

test("[N3] every hole is asked for, no arrival is, whatever comes in which order", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer({ min: 65_500, max: 65_600 }), { minLength: 1, maxLength: 80 }),
      (arrivals) => {
        const nack = generator();
        for (const extSeq of arrivals) nack.receive(extSeq, 0);
        const [first, highest] = [arrivals[0] ?? 0, Math.max(...arrivals)];
        const missing: number[] = [];
        for (let extSeq = first + 1; extSeq < highest; extSeq++) if (!arrivals.includes(extSeq)) missing.push(extSeq);

        expect(nack.takeDue(10).ask).toEqual(missing);
      },
    ),
    { seed: 13, numRuns: 200 },
  );
});

test("clearing forgets the holes", () => {
  const nack = generator();
  nack.receive(1, 0);
  nack.receive(5, 0);
  nack.clear();

  expect(nack.takeDue(50)).toEqual({ ask: [], givenUp: 0 });
});
