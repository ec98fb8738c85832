/** What the room plans, and whether one comes. */
import { useSignal } from "@preact/signals";
import type { Happening, Happenings, Reply } from "../../../client-sdk/src/index.ts";
import { user } from "../state/app.ts";
import type { Call } from "../state/call.ts";
import { locale, t } from "../state/i18n.ts";
import { useDeed, useLoaded } from "../state/load.ts";
import { CopyText } from "./copy-link.tsx";
import { Field, FormError } from "./field.tsx";
import { Icon } from "./icons.tsx";

const REPLIES: readonly Reply[] = ["yes", "maybe", "no"];
/** What began less than a day ago is still shown. */
const DAY_MS = 86_400_000;
const REMIND_MINUTES = [60, 1_440];

function whenText(happening: Happening): string {
  const { startsAtMs, timeZone } = happening;
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const style = { dateStyle: "full", timeStyle: "short" } as const;
  const here = new Intl.DateTimeFormat(locale.value, style).format(startsAtMs);
  if (own === timeZone) return here;
  const there = new Intl.DateTimeFormat(locale.value, { timeStyle: "short", timeZone }).format(startsAtMs);
  return `${here} (${there} ${timeZone})`;
}

function Plan({
  call,
  happenings,
  plan,
}: {
  readonly call: Call;
  readonly happenings: Happenings;
  readonly plan: Happening;
}) {
  const deed = useDeed();
  const own = plan.answers.find(({ userId }) => userId === user.value?.userId)?.reply;
  const count = (reply: Reply): number => plan.answers.filter((answer) => answer.reply === reply).length;
  const download = async (): Promise<void> => {
    const address = URL.createObjectURL(await happenings.calendar(plan.happeningId));
    const link = document.createElement("a");
    link.href = address;
    link.download = "happening.ics";
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 1_000);
  };
  return (
    <li class="entry" data-testid="plan">
      <h3>{plan.title}</h3>
      <p>{whenText(plan)}</p>
      {plan.place !== undefined && <p>{plan.place}</p>}
      {plan.text !== undefined && <p class="hint">{plan.text}</p>}
      <fieldset class="tabs" aria-label={plan.title}>
        {REPLIES.map((reply) => (
          <button
            type="button"
            key={reply}
            aria-pressed={own === reply}
            disabled={deed.busy.value}
            onClick={() => void deed.run(() => happenings.answer(plan.happeningId, own === reply ? "none" : reply))}
            data-testid={`plan-${reply}`}
          >
            {t(`plans.${reply}`)}
          </button>
        ))}
      </fieldset>
      <p class="hint" title={plan.answers.map(({ displayName }) => displayName).join(", ")}>
        {t("plans.coming", { yes: count("yes"), maybe: count("maybe") })}
      </p>
      <div class="row">
        <button type="button" class="link" onClick={() => void deed.run(download)}>
          {t("plans.calendar")}
        </button>
        {(plan.createdBy === user.value?.userId || call.canModerate.value) && (
          <button type="button" class="link" onClick={() => void deed.run(() => happenings.remove(plan.happeningId))}>
            {t("room.remove")}
          </button>
        )}
      </div>
      <FormError text={deed.error.value} />
    </li>
  );
}

function AddPlan({ happenings, onDone }: { readonly happenings: Happenings; readonly onDone: () => void }) {
  const title = useSignal("");
  const place = useSignal("");
  const start = useSignal("");
  const deed = useDeed();
  const add = async (): Promise<void> => {
    const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
    const where = place.value.trim() === "" ? {} : { place: place.value.trim() };
    const plan = {
      title: title.value.trim(),
      startsAt: start.value,
      timeZone,
      remindMinutes: REMIND_MINUTES,
      ...where,
    };
    if (await deed.run(() => happenings.add(plan))) onDone();
  };
  return (
    <form
      class="entry"
      onSubmit={(event) => {
        event.preventDefault();
        void add();
      }}
    >
      <Field label={t("plans.title")} bind={title} required maxLength={200} testId="plan-title" />
      <Field label={t("plans.place")} bind={place} maxLength={300} testId="plan-place" />
      <label class="field">
        <span>{t("plans.start")}</span>
        <input
          type="datetime-local"
          required
          value={start.value}
          data-testid="plan-start"
          onInput={(event) => {
            start.value = event.currentTarget.value;
          }}
        />
      </label>
      <FormError text={deed.error.value} />
      <button type="submit" class="button primary" disabled={deed.busy.value} data-testid="plan-save">
        {t("plans.save")}
      </button>
    </form>
  );
}

/** A secret address for calendar programs; it is told once, and a new one ends the old. */
function Feed({ happenings }: { readonly happenings: Happenings }) {
  const url = useSignal<string | undefined>(undefined);
  const ended = useSignal(false);
  const deed = useDeed();
  const make = (): Promise<boolean> =>
    deed.run(async () => {
      url.value = await happenings.feed();
      ended.value = false;
    });
  const end = (): Promise<boolean> =>
    deed.run(async () => {
      await happenings.endFeed();
      url.value = undefined;
      ended.value = true;
    });
  return (
    <details class="entry feed">
      <summary data-testid="feed">{t("plans.feed")}</summary>
      <p class="hint">{t("plans.feedText")}</p>
      {url.value !== undefined && <CopyText text={url.value} testId="feed-url" />}
      <p class="hint" role="status">
        {ended.value ? t("plans.feedEnded") : ""}
      </p>
      <div class="row">
        <button
          type="button"
          class="button small"
          disabled={deed.busy.value}
          onClick={() => void make()}
          data-testid="feed-make"
        >
          {t(url.value === undefined ? "plans.feedMake" : "plans.feedAnew")}
        </button>
        <button type="button" class="button quiet small" disabled={deed.busy.value} onClick={() => void end()}>
          {t("plans.feedEnd")}
        </button>
      </div>
      <FormError text={deed.error.value} />
    </details>
  );
}

export function Plans({ call, happenings }: { readonly call: Call; readonly happenings: Happenings }) {
  const isAdding = useSignal(false);
  const { value, error, reload } = useLoaded(
    () => happenings.list({ fromMs: Date.now() - DAY_MS, limit: 50 }),
    call.life.value.happening,
  );
  const plans = value.value?.happenings;
  return (
    <>
      <button
        type="button"
        class="button wide"
        aria-expanded={isAdding.value}
        onClick={() => {
          isAdding.value = !isAdding.value;
        }}
        data-testid="plan-add"
      >
        <Icon name="plus" />
        {t("plans.add")}
      </button>
      {isAdding.value && (
        <AddPlan
          happenings={happenings}
          onDone={() => {
            isAdding.value = false;
            reload();
          }}
        />
      )}
      <FormError text={error.value} />
      {plans === undefined && error.value === undefined && <div class="skeleton" />}
      {plans?.length === 0 && <p class="empty">{t("plans.empty")}</p>}
      <ul class="entries">
        {plans?.map((plan) => (
          <Plan key={plan.happeningId} call={call} happenings={happenings} plan={plan} />
        ))}
      </ul>
      <Feed happenings={happenings} />
    </>
  );
}
