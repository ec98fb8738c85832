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
  const tally = new Tally();
  for (const entry of entries) tally.add(entry);
  return tally.balances();
}

/** Sums of any number of entries, of which none is kept. */
export class Tally {
  readonly #byCurrency = new Map<string, Map<string, number>>();

  add({ currency, amountMinor, payerId, owed }: Entry): void {
    const people = this.#byCurrency.get(currency) ?? new Map<string, number>();
    this.#byCurrency.set(currency, people);
    const add = (userId: string, change: number): void => void people.set(userId, (people.get(userId) ?? 0) + change);
    add(payerId, amountMinor);
    for (const share of owed) add(share.userId, -share.amountMinor);
  }

  balances(): readonly CurrencyBalance[] {
    return [...this.#byCurrency]
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([currency, people]) => {
        const balances = [...people]
          .filter(([, amountMinor]) => amountMinor !== 0)
          .sort(([one], [other]) => (one < other ? -1 : 1))
          .map(([userId, amountMinor]) => ({ userId, amountMinor }));
        return { currency, digits: digitsOf(currency), balances, ...settle(balances) };
      });
  }
}
