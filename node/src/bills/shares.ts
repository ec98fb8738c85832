/** Who owes what of an expense. Whole minor units only; the parts always add up to the whole. Pure. */
import type { ExpenseInput } from "#protocol";

export type Owed = { readonly userId: string; readonly amountMinor: number };
/** What is wrong with an expense, from a closed list. */
export type ShareFault = "nobody" | "twice" | "weight" | "exact" | "sum" | "extra";

export const MAX_AMOUNT_MINOR = 1_000_000_000_000;
export const MAX_WEIGHT = 10_000;

/** In the order of the shares. Equal shares are weights of one. */
export function owedOf(
  expense: Pick<ExpenseInput, "amountMinor" | "split" | "shares">,
): { readonly owed: readonly Owed[] } | { readonly fault: ShareFault } {
  const { amountMinor, split, shares } = expense;
  if (shares.length === 0) return { fault: "nobody" };
  if (new Set(shares.map(({ userId }) => userId)).size < shares.length) return { fault: "twice" };
  const isExtra = shares.some(
    ({ weight, exactMinor }) =>
      (split !== "weight" && weight !== undefined) || (split !== "exact" && exactMinor !== undefined),
  );
  if (isExtra) return { fault: "extra" };
  if (split === "exact") return exact(amountMinor, shares);
  const weights = shares.map(({ weight }) => (split === "equal" ? 1 : weight));
  if (!weights.every(isWeight) || weights.every((weight) => weight === 0)) return { fault: "weight" };
  const parts = apportion(amountMinor, weights);
  return { owed: shares.map(({ userId }, index) => ({ userId, amountMinor: parts[index] ?? 0 })) };
}

function exact(amountMinor: number, shares: ExpenseInput["shares"]): { owed: readonly Owed[] } | { fault: ShareFault } {
  const parts = shares.map(({ exactMinor }) => exactMinor);
  if (!parts.every((part) => part !== undefined && Number.isSafeInteger(part) && part >= 0)) return { fault: "exact" };
  if (parts.reduce<number>((sum, part) => sum + (part ?? 0), 0) !== amountMinor) return { fault: "sum" };
  return { owed: shares.map(({ userId, exactMinor = 0 }) => ({ userId, amountMinor: exactMinor })) };
}

const isWeight = (weight: number | undefined): weight is number =>
  weight !== undefined && Number.isSafeInteger(weight) && weight >= 0 && weight <= MAX_WEIGHT;

/**
 * Parts in proportion to the weights by the largest remainder: each is its quota rounded down or up. Of equal remainders the
 * earlier gets the unit, so the same input always gives the same parts.
 */
export function apportion(amount: number, weights: readonly number[]): readonly number[] {
  const total = weights.reduce((sum, weight) => sum + BigInt(weight), 0n);
  // Products go beyond 2^53.
  const quotas = weights.map((weight) => BigInt(amount) * BigInt(weight));
  const parts = quotas.map((quota) => quota / total);
  let left = BigInt(amount) - parts.reduce((sum, part) => sum + part, 0n);
  const byRemainder = quotas
    .map((quota, index) => ({ index, remainder: quota % total }))
    .sort((one, other) =>
      one.remainder === other.remainder ? one.index - other.index : one.remainder > other.remainder ? -1 : 1,
    );
  for (const { index } of byRemainder) {
    if (left === 0n) break;
    parts[index] = (parts[index] ?? 0n) + 1n;
    left -= 1n;
  }
  return parts.map(Number);
}
