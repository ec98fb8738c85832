/** Who paid what for whom, and the fewest payments that make everybody even. */
import { useSignal } from "@preact/signals";
import type { Balances, Bills, Expense, MemberInfo } from "../../../client-sdk/src/index.ts";
import { minorOf, moneyText } from "../state/amounts.ts";
import { client, user } from "../state/app.ts";
import type { Call } from "../state/call.ts";
import { locale, t } from "../state/i18n.ts";
import { useDeed, useLoaded } from "../state/load.ts";
import { Field, FormError } from "./field.tsx";
import { Icon } from "./icons.tsx";

const CURRENCIES = ["EUR", "VND", "USD", "GBP", "JPY", "CHF"];
type NameOf = (userId: string) => string;

interface AddProps {
  readonly bills: Bills;
  readonly members: readonly MemberInfo[];
  readonly onDone: () => void;
}

function AddExpense({ bills, members, onDone }: AddProps) {
  const title = useSignal("");
  const amount = useSignal("");
  const currency = useSignal(locale.value === "vi" ? "VND" : "EUR");
  const payer = useSignal(user.value?.userId ?? "");
  const left = useSignal<ReadonlySet<string>>(new Set());
  const deed = useDeed();
  const amountMinor = minorOf(amount.value, currency.value);
  const sharing = members.filter(({ userId }) => !left.value.has(userId));
  const isReady = amountMinor !== undefined && sharing.length > 0;
  const add = async (): Promise<void> => {
    if (amountMinor === undefined) return;
    const shares = sharing.map(({ userId }) => ({ userId }));
    const about = { title: title.value.trim(), amountMinor, currency: currency.value };
    if (await deed.run(() => bills.add({ ...about, payerId: payer.value, split: "equal", shares }))) onDone();
  };
  const toggle = (userId: string): void => {
    const next = new Set(left.value);
    if (!next.delete(userId)) next.add(userId);
    left.value = next;
  };
  return (
    <form
      class="entry"
      onSubmit={(event) => {
        event.preventDefault();
        void add();
      }}
    >
      <Field label={t("bills.title")} bind={title} required maxLength={200} testId="bill-title" />
      <div class="field-row">
        <Field label={t("bills.amount")} bind={amount} required placeholder="12.50" testId="bill-amount" />
        <label class="field">
          <span>{t("bills.currency")}</span>
          <select value={currency.value} onChange={(event) => (currency.value = event.currentTarget.value)}>
            {CURRENCIES.map((code) => (
              <option key={code}>{code}</option>
            ))}
          </select>
        </label>
      </div>
      <label class="field">
        <span>{t("bills.payer")}</span>
        <select value={payer.value} onChange={(event) => (payer.value = event.currentTarget.value)}>
          {members.map(({ userId, displayName }) => (
            <option key={userId} value={userId}>
              {displayName}
            </option>
          ))}
        </select>
      </label>
      <fieldset class="checks">
        <legend>{t("bills.sharedBy")}</legend>
        {members.map(({ userId, displayName }) => (
          <label key={userId}>
            <input type="checkbox" checked={!left.value.has(userId)} onChange={() => toggle(userId)} />
            {displayName}
          </label>
        ))}
      </fieldset>
      <FormError text={deed.error.value} />
      <button type="submit" class="button primary" disabled={deed.busy.value || !isReady} data-testid="bill-save">
        {t("bills.save")}
      </button>
    </form>
  );
}

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
    const slug = call.room?.slug ?? call.slug;
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
