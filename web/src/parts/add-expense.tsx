/** Noting an expense: what for, how much, who paid, and who bears which part of it. */
import { type Signal, useSignal } from "@preact/signals";
import type { Bills, MemberInfo } from "../../../client-sdk/src/index.ts";
import { minorOf, moneyText } from "../state/amounts.ts";
import { user } from "../state/app.ts";
import { locale, t } from "../state/i18n.ts";
import { useDeed } from "../state/load.ts";
import { type Split, splitOf, type Way } from "../state/split.ts";
import { Field, FormError } from "./field.tsx";

const CURRENCIES = ["EUR", "VND", "USD", "GBP", "JPY", "CHF"];
const WAYS: readonly Way[] = ["equal", "weight", "exact"];

interface SharesProps {
  readonly way: Way;
  readonly members: readonly MemberInfo[];
  readonly left: Signal<ReadonlySet<string>>;
  readonly typed: Signal<ReadonlyMap<string, string>>;
  readonly split: Split;
}

function Shares({ way, members, left, typed, split }: SharesProps) {
  const toggle = (userId: string): void => {
    const next = new Set(left.value);
    if (!next.delete(userId)) next.add(userId);
    left.value = next;
  };
  return (
    <fieldset class={way === "equal" ? "checks" : "checks uneven"}>
      <legend>{t("bills.sharedBy")}</legend>
      {members.map(({ userId, displayName }) => (
        <div class="share" key={userId}>
          <label>
            <input type="checkbox" checked={!left.value.has(userId)} onChange={() => toggle(userId)} />
            {displayName}
          </label>
          {way !== "equal" && !left.value.has(userId) && (
            <input
              type="text"
              inputMode={way === "weight" ? "numeric" : "decimal"}
              value={typed.value.get(userId) ?? (way === "weight" ? "1" : "")}
              placeholder={way === "weight" ? "1" : "0"}
              aria-label={t(way === "weight" ? "bills.sharesOf" : "bills.amountOf", { name: displayName })}
              aria-invalid={split.wrong.has(userId)}
              data-testid="bill-share"
              onInput={(event) => {
                typed.value = new Map(typed.value).set(userId, event.currentTarget.value);
              }}
            />
          )}
        </div>
      ))}
    </fieldset>
  );
}

/** What is left to be given out, in words. */
function restText({ restMinor, wrong }: Split, amountMinor: number | undefined, currency: string): string {
  if (wrong.size > 0) return t("bills.wrong");
  if (amountMinor === undefined || restMinor === 0) return "";
  const amount = moneyText(Math.abs(restMinor), currency, locale.value);
  return t(restMinor > 0 ? "bills.rest" : "bills.over", { amount });
}

function Choice(props: { label: string; bind: Signal<string>; options: readonly (readonly [string, string])[] }) {
  const { label, bind, options } = props;
  return (
    <label class="field">
      <span>{label}</span>
      <select
        value={bind.value}
        onChange={(event) => {
          bind.value = event.currentTarget.value;
        }}
      >
        {options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

interface AddProps {
  readonly bills: Bills;
  readonly members: readonly MemberInfo[];
  readonly onDone: () => void;
}

export function AddExpense({ bills, members, onDone }: AddProps) {
  const title = useSignal("");
  const amount = useSignal("");
  const currency = useSignal(locale.value === "vi" ? "VND" : "EUR");
  const payer = useSignal(user.value?.userId ?? "");
  const way = useSignal<Way>("equal");
  const left = useSignal<ReadonlySet<string>>(new Set());
  const typed = useSignal<ReadonlyMap<string, string>>(new Map());
  const deed = useDeed();
  const amountMinor = minorOf(amount.value, currency.value);
  const people = members.map(({ userId }) => userId).filter((userId) => !left.value.has(userId));
  const split = splitOf({ way: way.value, people, typed: typed.value, amountMinor, currency: currency.value });
  const add = async (): Promise<void> => {
    const { shares } = split;
    if (amountMinor === undefined || shares === undefined) return;
    const about = { title: title.value.trim(), amountMinor, currency: currency.value, payerId: payer.value };
    if (await deed.run(() => bills.add({ ...about, split: way.value, shares }))) onDone();
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
      <div class="field-row two">
        <Field label={t("bills.amount")} bind={amount} required placeholder="12.50" testId="bill-amount" />
        <Choice label={t("bills.currency")} bind={currency} options={CURRENCIES.map((code) => [code, code])} />
      </div>
      <Choice
        label={t("bills.payer")}
        bind={payer}
        options={members.map(({ userId, displayName }) => [userId, displayName])}
      />
      <fieldset class="tabs" aria-label={t("bills.way")}>
        {WAYS.map((name) => (
          <button
            type="button"
            key={name}
            aria-pressed={way.value === name}
            onClick={() => {
              way.value = name;
              typed.value = new Map();
            }}
            data-testid={`bill-${name}`}
          >
            {t(`bills.way.${name}`)}
          </button>
        ))}
      </fieldset>
      <Shares way={way.value} members={members} left={left} typed={typed} split={split} />
      <p class="hint rest" role="status" data-testid="bill-rest">
        {restText(split, amountMinor, currency.value)}
      </p>
      <FormError text={deed.error.value} />
      <button
        type="submit"
        class="button primary"
        disabled={deed.busy.value || amountMinor === undefined || split.shares === undefined}
        data-testid="bill-save"
      >
        {t("bills.save")}
      </button>
    </form>
  );
}
