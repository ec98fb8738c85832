/** Who paid what for whom. Nothing is paid by this. */
import { type Http, queryOf, roomPath } from "./http.ts";
import type { Balances, Expense, ExpenseInput, ExpensePage } from "./protocol/messages.ts";

export class Bills {
  readonly #http: Http;
  readonly #slug: () => string;

  constructor(http: Http, slug: () => string) {
    this.#http = http;
    this.#slug = slug;
  }

  /** Newest first. */
  list(page: { readonly before?: string; readonly limit?: number } = {}): Promise<ExpensePage> {
    return this.#http.get(roomPath(this.#slug(), `/expenses${queryOf(page)}`));
  }
  add(expense: ExpenseInput & { readonly settlement?: boolean }): Promise<Expense> {
    return this.#http.send("POST", roomPath(this.#slug(), "/expenses"), expense);
  }
  /** Notes that `from` paid `to` what settles a debt. */
  settle(payment: {
    readonly from: string;
    readonly to: string;
    readonly amountMinor: number;
    readonly currency: string;
    readonly title: string;
  }): Promise<Expense> {
    const { from, to, ...rest } = payment;
    return this.add({ ...rest, payerId: from, split: "equal", shares: [{ userId: to }], settlement: true });
  }
  async remove(expenseId: string): Promise<void> {
    await this.#http.send("DELETE", roomPath(this.#slug(), `/expenses/${expenseId}`));
  }
  /** By currency, with the fewest payments that settle it. */
  balances(): Promise<Balances> {
    return this.#http.get(roomPath(this.#slug(), "/balances"));
  }
}
