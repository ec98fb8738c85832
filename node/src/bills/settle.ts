/**
 * The payments that settle a room's balances. People whose balances cancel out among themselves can settle among themselves:
 * a group of k needs k - 1 payments, so the most groups mean the fewest payments. Finding them is hard in general (it holds
 * the partition problem), so it is exact for up to MAX_EXACT people with a balance and greedy beyond. Pure.
 */

export interface Balance {
  readonly userId: string;
  /** Positive: is owed money. */
  readonly amountMinor: number;
}
export interface Payment {
  readonly from: string;
  readonly to: string;
  readonly amountMinor: number;
}

/** 2^16 sets of people, 16 steps each: some ten milliseconds. */
export const MAX_EXACT = 16;

/** Balances add up to 0; throws RangeError otherwise. The same balances give the same payments, in whatever order they come. */
export function settle(balances: readonly Balance[]): {
  readonly payments: readonly Payment[];
  readonly fewest: boolean;
} {
  const open = balances
    .filter(({ amountMinor }) => amountMinor !== 0)
    .sort((one, other) => (one.userId < other.userId ? -1 : 1));
  if (open.reduce((sum, { amountMinor }) => sum + amountMinor, 0) !== 0)
    throw new RangeError("balances that do not add up to 0 cannot be settled");
  // Two who cancel each other out are a group in some best solution, but not in every one; only beyond the bound it is done first.
  const groups = open.length <= MAX_EXACT ? mostGroups(open) : pairsFirst(open);
  return { payments: groups.flatMap(settleGroup), fewest: open.length <= MAX_EXACT };
}

/**
 * For each set of people the most groups that add up to 0 among those who can be taken one after the other:
 * groups(S) = max over p in S of groups(S without p), and one more when S itself adds up to 0.
 */
function mostGroups(open: readonly Balance[]): readonly (readonly Balance[])[] {
  const size = 1 << open.length;
  const sums = new Float64Array(size);
  const groups = new Int8Array(size);
  const last = new Int8Array(size);
  for (let set = 1; set < size; set++) {
    const lowest = 31 - Math.clz32(set & -set);
    sums[set] = (sums[set & (set - 1)] ?? 0) + (open[lowest]?.amountMinor ?? 0);
    let best = -1;
    for (let person = 0; person < open.length; person++) {
      if ((set & (1 << person)) === 0) continue;
      const without = groups[set ^ (1 << person)] ?? 0;
      if (without > best) {
        best = without;
        last[set] = person;
      }
    }
    groups[set] = best + (sums[set] === 0 ? 1 : 0);
  }
  return cutGroups(open, last, sums);
}

/** Takes people off in the order that was best; whenever the rest adds up to 0, those taken since the last time are a group. */
function cutGroups(open: readonly Balance[], last: Int8Array, sums: Float64Array): readonly (readonly Balance[])[] {
  const groups: Balance[][] = [];
  let group: Balance[] = [];
  for (let set = (1 << open.length) - 1; set !== 0; ) {
    const person = last[set] ?? 0;
    const balance = open[person];
    if (balance !== undefined) group.push(balance);
    set ^= 1 << person;
    if (sums[set] !== 0) continue;
    groups.push(group);
    group = [];
  }
  return groups;
}

function pairsFirst(open: readonly Balance[]): readonly (readonly Balance[])[] {
  const pairs: Balance[][] = [];
  const waiting = new Map<number, Balance[]>();
  for (const balance of open) {
    const partner = waiting.get(-balance.amountMinor)?.pop();
    if (partner !== undefined) pairs.push([partner, balance]);
    else waiting.set(balance.amountMinor, [...(waiting.get(balance.amountMinor) ?? []), balance]);
  }
  return [...pairs, [...waiting.values()].flat()];
}

/** The largest debt goes to the largest claim; each payment ends at least one of them, the last one both. */
function settleGroup(group: readonly Balance[]): readonly Payment[] {
  const rest = group.map(({ userId, amountMinor }) => ({ userId, left: amountMinor }));
  const payments: Payment[] = [];
  while (rest.some(({ left }) => left !== 0)) {
    rest.sort((one, other) => one.left - other.left || (one.userId < other.userId ? -1 : 1));
    const [debtor, creditor] = [rest[0], rest.at(-1)];
    if (debtor === undefined || creditor === undefined) break;
    const amountMinor = Math.min(-debtor.left, creditor.left);
    payments.push({ from: debtor.userId, to: creditor.userId, amountMinor });
    debtor.left += amountMinor;
    creditor.left -= amountMinor;
  }
  return payments;
}
