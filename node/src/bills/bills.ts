/** Expenses of a room, and what follows from them. */
import { ulid } from "ulid";
import type { Balances, Expense, ExpenseInput, ExpensePage } from "#protocol";
import { ApiError } from "../http/problems.ts";
import type { OnRoomChange } from "../keeping/room-change.ts";
import type { Clock } from "../mesh/clock.ts";
import type { Archive, UserRecord } from "../store/archive.ts";
import { MAX_PAGE } from "../store/archive.ts";
import type { StoredRecord } from "../store/records.ts";
import { Tally } from "./balances.ts";
import { isCurrency } from "./currency.ts";
import { owedOf, type ShareFault } from "./shares.ts";

/** Times MAX_AMOUNT_MINOR this is below 2^53, so sums are exact; some more, which nodes add at once, do no harm. */
export const MAX_EXPENSES = 5_000;

const FAULTS: Readonly<Record<ShareFault, string>> = {
  nobody: "somebody must share it",
  twice: "everybody is named once",
  weight: "weights are whole numbers, and not all 0",
  exact: "exact shares are whole minor units",
  sum: "exact shares add up to the amount",
  extra: "a share has a weight or an exact amount only where it is split so",
};

export type ExpenseValue = Omit<Expense, "expenseId">;

export interface BillsOptions {
  readonly archive: Archive;
  readonly clock: Clock;
  readonly changed: OnRoomChange;
}

export class Bills {
  readonly #options: BillsOptions;

  constructor(options: BillsOptions) {
    this.#options = options;
  }

  /** A settlement is a payment from the payer to the one person who shares it. Throws ApiError invalid_input, too_many. */
  async add(
    roomId: string,
    user: UserRecord,
    input: ExpenseInput & { readonly settlement: boolean },
  ): Promise<Expense> {
    const { archive, clock } = this.#options;
    if (!isCurrency(input.currency)) throw invalid("currency", "must be a code of ISO 4217");
    const shared = owedOf(input);
    if ("fault" in shared) throw invalid("shares", FAULTS[shared.fault]);
    const [only, ...others] = input.shares;
    if (input.settlement && (others.length > 0 || only?.userId === input.payerId))
      throw invalid("shares", "a payment goes to one other person");
    await this.#assertMembers(roomId, user, [input.payerId, ...input.shares.map(({ userId }) => userId)]);
    if ((await archive.records.weigh("expense", roomId)).count >= MAX_EXPENSES) throw new ApiError("too_many");
    const value: ExpenseValue = { ...input, createdBy: user.id, createdAtMs: clock.wallMs(), owed: shared.owed };
    const { record } = await archive.records.add({ kind: "expense", id: ulid(clock.wallMs()), owner: roomId, value });
    if (record === undefined) throw new ApiError("internal");
    const expense = expenseOf(record);
    this.#tell(record, { change: "added", userId: user.id, data: expense });
    return expense;
  }

  /** Throws ApiError unknown_expense. */
  async get(roomId: string, id: string): Promise<StoredRecord> {
    const found = await this.#options.archive.records.get({ kind: "expense", id });
    if (found?.owner !== roomId) throw new ApiError("unknown_expense");
    return found;
  }

  async remove(record: StoredRecord, user: UserRecord): Promise<void> {
    await this.#options.archive.records.remove(record);
    this.#tell(record, { change: "removed", userId: user.id, data: { expenseId: record.id, removed: true } });
  }

  /** Newest first. */
  async list(roomId: string, page: { readonly before?: string; readonly limit: number }): Promise<ExpensePage> {
    const range = { kind: "expense", owner: roomId, ...page, limit: page.limit + 1 } as const;
    const found = await this.#options.archive.records.list(range);
    const shown = found.slice(0, page.limit);
    const last = shown.at(-1);
    const more = found.length > page.limit && last !== undefined ? { nextCursor: last.id } : {};
    return { expenses: shown.map(expenseOf), ...more };
  }

  /** Of all there are, page by page; other requests come in between. */
  async balances(roomId: string): Promise<Balances> {
    const { records } = this.#options.archive;
    const tally = new Tally();
    for (let before: string | undefined; ; ) {
      const page = await records.list({
        ...{ kind: "expense", owner: roomId, limit: MAX_PAGE },
        ...(before === undefined ? {} : { before }),
      });
      for (const record of page) tally.add(expenseOf(record));
      before = page.at(-1)?.id;
      if (page.length < MAX_PAGE) return { currencies: tally.balances() };
      // The embedded store answers without letting the event loop turn.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Whoever was a member and left stays in old expenses, and comes into no new one. */
  async #assertMembers(roomId: string, user: UserRecord, userIds: readonly string[]): Promise<void> {
    const { archive } = this.#options;
    const asked = [...new Set(userIds)].filter((userId) => userId !== user.id);
    const known = await Promise.all(asked.map((userId) => archive.getMember({ roomId, userId })));
    const stranger = asked.find((_, index) => known[index] === undefined);
    if (stranger !== undefined) throw invalid("shares", "only people of the room share an expense");
  }

  #tell(
    record: StoredRecord,
    by: { readonly change: "added" | "removed"; readonly userId: string; readonly data: object },
  ): void {
    const { owner: roomId, id } = record;
    this.#options.changed({ roomId, what: "expense", id, event: "expense.changed", ...by });
  }
}

const expenseOf = (record: StoredRecord): Expense => ({ expenseId: record.id, ...(record.value as ExpenseValue) });

const invalid = (path: string, message: string): ApiError =>
  new ApiError("invalid_input", { errors: [{ path, message }] });
