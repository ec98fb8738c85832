import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { systemClock } from "../mesh/clock.ts";
import type { Archive } from "../store/archive.ts";
import { balancesOf } from "./balances.ts";
import { Bills, MAX_EXPENSES } from "./bills.ts";
import { digitsOf, isCurrency } from "./currency.ts";
import { type Balance, MAX_EXACT, settle } from "./settle.ts";
import { apportion, MAX_AMOUNT_MINOR, MAX_WEIGHT, owedOf } from "./shares.ts";

const SEED = 20_261_122;
const people = (count: number) => Array.from({ length: count }, (_, index) => ({ userId: `p${index}` }));

test("[B1] the parts of any amount add up to it, and each is its quota rounded down or up", () => {
  const amount = fc.oneof(fc.integer({ min: 0, max: 1_000 }), fc.integer({ min: 0, max: MAX_AMOUNT_MINOR }));
  const weights = fc
    .array(fc.integer({ min: 0, max: MAX_WEIGHT }), { minLength: 1, maxLength: 30 })
    .filter((w) => w.some((x) => x > 0));
  fc.assert(
    fc.property(amount, weights, (whole, shares) => {
      const parts = apportion(whole, shares);
      expect(parts.reduce((sum, part) => sum + part, 0)).toBe(whole);
      const total = shares.reduce((sum, weight) => sum + BigInt(weight), 0n);
      for (const [index, part] of parts.entries()) {
        const quota = BigInt(whole) * BigInt(shares[index] ?? 0);
        expect(BigInt(part) === quota / total || (BigInt(part) === quota / total + 1n && quota % total > 0n)).toBe(
          true,
        );
      }
    }),
    { seed: SEED },
  );
});

test.each([
  [1000, [1, 1, 1], [334, 333, 333]],
  [1, [1, 1, 1], [1, 0, 0]],
  [100, [1, 2, 4], [14, 29, 57]],
  [0, [1, 1], [0, 0]],
  [5, [0, 1], [0, 5]],
])("[B1] %d by the weights %j is %j", (amount, weights, parts) => {
  expect(apportion(amount, weights)).toEqual(parts);
});

test.each([
  ["nobody", { split: "equal", shares: [] }],
  ["twice", { split: "equal", shares: [...people(1), ...people(1)] }],
  ["weight", { split: "weight", shares: people(2) }],
  ["weight", { split: "weight", shares: people(2).map((each) => ({ ...each, weight: 0 })) }],
  ["weight", { split: "weight", shares: people(2).map((each) => ({ ...each, weight: 0.5 })) }],
  ["exact", { split: "exact", shares: people(2) }],
  [
    "exact",
    {
      split: "exact",
      shares: [
        { userId: "a", exactMinor: 200 },
        { userId: "b", exactMinor: -100 },
      ],
    },
  ],
  ["sum", { split: "exact", shares: [{ userId: "a", exactMinor: 99 }] }],
  ["extra", { split: "equal", shares: [{ userId: "a", weight: 1 }] }],
] as const)("[B2] an expense is faulty: %s", (fault, expense) => {
  expect(owedOf({ amountMinor: 100, ...expense })).toEqual({ fault });
});

/** Balances of `count` people that add up to 0; small amounts, so that groups happen. */
const zeroSum = (count: number, max: number): fc.Arbitrary<readonly Balance[]> =>
  fc.array(fc.integer({ min: -max, max }), { minLength: count, maxLength: count }).map((amounts) => {
    const rest = -amounts.slice(1).reduce((sum, amount) => sum + amount, 0);
    return [rest, ...amounts.slice(1)].map((amountMinor, index) => ({ userId: `p${index}`, amountMinor }));
  });

function applied(balances: readonly Balance[], payments: ReturnType<typeof settle>["payments"]): readonly number[] {
  const left = new Map(balances.map(({ userId, amountMinor }) => [userId, amountMinor]));
  for (const { from, to, amountMinor } of payments) {
    expect(amountMinor).toBeGreaterThan(0);
    left.set(from, (left.get(from) ?? 0) + amountMinor);
    left.set(to, (left.get(to) ?? 0) - amountMinor);
  }
  return [...left.values()];
}

test("[B3] payments settle all balances, and are fewer than the people", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }).chain((count) => zeroSum(count, 50)),
      (balances) => {
        const { payments, fewest } = settle(balances);
        expect(applied(balances, payments).every((left) => left === 0)).toBe(true);
        const open = balances.filter(({ amountMinor }) => amountMinor !== 0).length;
        expect(payments.length).toBeLessThanOrEqual(Math.max(0, open - 1));
        expect(fewest).toBe(open <= MAX_EXACT);
        expect(settle([...balances].reverse())).toEqual({ payments, fewest });
      },
    ),
    { seed: SEED, numRuns: 150 },
  );
});

/** The slow twin: tries every payment of one person's whole balance to every other. */
function fewestByTrying(amounts: readonly number[]): number {
  const open = amounts.filter((amount) => amount !== 0);
  const [first, ...others] = open;
  if (first === undefined) return 0;
  let best = Number.POSITIVE_INFINITY;
  for (const [index, other] of others.entries())
    if (other > 0 !== first > 0) best = Math.min(best, 1 + fewestByTrying(others.with(index, other + first)));
  return best;
}

test("[B4] for small groups no other way needs fewer payments", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 8 }).chain((count) => zeroSum(count, 6)),
      (balances) => {
        expect(settle(balances).payments.length).toBe(fewestByTrying(balances.map(({ amountMinor }) => amountMinor)));
      },
    ),
    { seed: SEED, numRuns: 300 },
  );
});

test("[B4] the largest group that is settled exactly takes no longer than a request may", () => {
  const balances = people(MAX_EXACT).map((each, index) => ({
    ...each,
    amountMinor: index < 8 ? index + 1 : -(index - 7),
  }));
  expect(settle(balances).payments).toHaveLength(8);
});

test("[B5] balances add up to 0 in each currency, whatever was spent", () => {
  const expense = fc.record({
    currency: fc.constantFrom("EUR", "VND"),
    amountMinor: fc.integer({ min: 1, max: 100_000 }),
    payerId: fc.constantFrom("p0", "p1", "p2", "p9"),
    weights: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 }),
  });
  fc.assert(
    fc.property(fc.array(expense, { maxLength: 20 }), (expenses) => {
      const entries = expenses.map(({ weights, ...rest }) => {
        const shares = weights.map((weight, index) => ({ userId: `p${index}`, weight }));
        const owed = owedOf({ ...rest, split: "weight", shares });
        return { ...rest, owed: "owed" in owed ? owed.owed : [] };
      });
      const currencies = balancesOf(entries);
      for (const { balances, payments } of currencies) {
        expect(balances.reduce((sum, { amountMinor }) => sum + amountMinor, 0)).toBe(0);
        expect(applied(balances, payments).every((left) => left === 0)).toBe(true);
      }
      expect(currencies.map(({ currency }) => currency)).toEqual(
        [...new Set(expenses.map(({ currency }) => currency))].sort(),
      );
    }),
    { seed: SEED },
  );
});

test("[B6] currencies are those of ISO 4217, with their own number of digits", () => {
  expect(["EUR", "VND", "XYZ", "eur", ""].map(isCurrency)).toEqual([true, true, false, false, false]);
  expect(["EUR", "VND", "JPY", "KWD"].map(digitsOf)).toEqual([2, 0, 0, 3]);
});

test("[B5] balances are of all expenses there are, however many", async () => {
  const count = MAX_EXPENSES + 3;
  const all = Array.from({ length: count }, (_, index) => ({
    ...{ kind: "expense", id: `e${String(count - index).padStart(6, "0")}`, owner: "room", weight: 0, version: 1 },
    value: {
      currency: "EUR",
      amountMinor: 2,
      payerId: "p0",
      owed: people(2).map((who) => ({ ...who, amountMinor: 1 })),
    },
  }));
  const list = ({ before, limit }: { readonly before?: string; readonly limit: number }) =>
    Promise.resolve(all.filter(({ id }) => before === undefined || id < before).slice(0, limit));
  const bills = new Bills({
    archive: { records: { list } } as unknown as Archive,
    clock: systemClock,
    changed: () => undefined,
  });
  expect((await bills.balances("room")).currencies).toMatchObject([
    { currency: "EUR", payments: [{ from: "p1", to: "p0", amountMinor: count }] },
  ]);
});
