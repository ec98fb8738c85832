/** What people of a room owe each other, by currency: nothing is exchanged. Pure. */
import type { CurrencyBalance } from "#protocol";
import { digitsOf } from "./currency.ts";
import { settle } from "./settle.ts";
import type { Owed } from "./shares.ts";

export interface Entry {
  readonly currency: string;
  readonly amountMinor: number;
  readonly payerId: string;
  readonly owed: readonly Owed[];
}

/** In the order of the currencies' codes; within one by person. Nobody with 0 is listed. */
export function balancesOf(entries: Iterable<Entry>): readonly CurrencyBalance[] {
  const byCurrency = new Map<string, Map<string, number>>();
  for (const { currency, amountMinor, payerId, owed } of entries) {
    const people = byCurrency.get(currency) ?? new Map<string, number>();
    byCurrency.set(currency, people);
    const add = (userId: string, change: number): void => void people.set(userId, (people.get(userId) ?? 0) + change);
    add(payerId, amountMinor);
    for (const share of owed) add(share.userId, -share.amountMinor);
  }
  return [...byCurrency]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([currency, people]) => {
      const balances = [...people]
        .filter(([, amountMinor]) => amountMinor !== 0)
        .sort(([one], [other]) => (one < other ? -1 : 1))
        .map(([userId, amountMinor]) => ({ userId, amountMinor }));
      return { currency, digits: digitsOf(currency), balances, ...settle(balances) };
    });
}
