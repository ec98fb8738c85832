/** Who paid what for whom, and the fewest payments that make everybody even. */
import { useSignal } from "@preact/signals";
import type { Balances, Bills, Expense } from "../../../client-sdk/src/index.ts";
import { moneyText } from "../state/amounts.ts";
import { client } from "../state/app.ts";
import type { Call } from "../state/call.ts";
import { locale, t } from "../state/i18n.ts";
import { useDeed, useLoaded } from "../state/load.ts";
import { AddExpense } from "./add-expense.tsx";
import { FormError } from "./field.tsx";
import { Icon } from "./icons.tsx";

type NameOf = (userId: string) => string;

interface SettleProps {
  readonly bills: Bills;
  readonly balances: Balances;
  readonly nameOf: NameOf;
  readonly onDone: () => void;
}

function Settle({ bills, balances, nameOf, onDone }: SettleProps) {
  const deed = useDeed();
  const payments = balances.currencies.flatMap(({ currency, payments: list }) =>
    list.map((payment) => ({ ...payment, currency })),
  );
  const paid = async (payment: (typeof payments)[number]): Promise<void> => {
    if (await deed.run(() => bills.settle({ ...payment, title: t("bills.settlement") }))) onDone();
  };
  if (balances.currencies.length === 0) return null;
  return (
    <section class="entry" data-testid="bill-settle">
      <h3>{t("bills.toSettle")}</h3>
      {payments.length === 0 && <p>{t("bills.settled")}</p>}
      <ul class="entries">
        {payments.map((payment) => (
          <li class="payment" key={`${payment.from} ${payment.to} ${payment.currency}`}>
            <span>
              {t("bills.pays", {
                from: nameOf(payment.from),
                to: nameOf(payment.to),
                amount: moneyText(payment.amountMinor, payment.currency, locale.value),
              })}
            </span>
            <button type="button" class="button small" disabled={deed.busy.value} onClick={() => void paid(payment)}>
              {t("bills.paid")}
            </button>
          </li>
        ))}
      </ul>
      <FormError text={deed.error.value} />
    </section>
  );
}

function Spent({ expense, nameOf }: { readonly expense: Expense; readonly nameOf: NameOf }) {
  return (
    <li class="payment" data-testid="expense">
      <span>
        <strong>{expense.title}</strong>
        <small>{t("bills.by", { name: nameOf(expense.payerId) })}</small>
      </span>
      <span>{moneyText(expense.amountMinor, expense.currency, locale.value)}</span>
    </li>
  );
}

export function BillsTab({ call, bills }: { readonly call: Call; readonly bills: Bills }) {
  const isAdding = useSignal(false);
  const { value, error, reload } = useLoaded(async () => {
    const slug = call.address.value;
    const [page, balances, members] = await Promise.all([
      bills.list({ limit: 50 }),
      bills.balances(),
      client.rooms.allMembers(slug),
    ]);
    return { expenses: page.expenses, balances, members };
  }, call.life.value.expense);
  const all = value.value;
  const nameOf: NameOf = (userId) =>
    all?.members.find((member) => member.userId === userId)?.displayName ?? t("bills.someone");
  const done = (): void => {
    isAdding.value = false;
    reload();
  };
  return (
    <>
      <button
        type="button"
        class="button wide"
        aria-expanded={isAdding.value}
        disabled={all === undefined}
        onClick={() => {
          isAdding.value = !isAdding.value;
        }}
        data-testid="bill-add"
      >
        <Icon name="plus" />
        {t("bills.add")}
      </button>
      {isAdding.value && all !== undefined && <AddExpense bills={bills} members={all.members} onDone={done} />}
      <FormError text={error.value} />
      {all === undefined && error.value === undefined && <div class="skeleton" />}
      {all !== undefined && <Settle bills={bills} balances={all.balances} nameOf={nameOf} onDone={done} />}
      {all?.expenses.length === 0 && <p class="empty">{t("bills.empty")}</p>}
      <ul class="entries">
        {all?.expenses.map((expense) => (
          <Spent key={expense.expenseId} expense={expense} nameOf={nameOf} />
        ))}
      </ul>
    </>
  );
}
