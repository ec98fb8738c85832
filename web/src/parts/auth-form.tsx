/** Coming in: as a guest, with an account, or by making one. */
import { useSignal } from "@preact/signals";
import { enterAsGuest, login, messageOf, register } from "../state/app.ts";
import { t } from "../state/i18n.ts";
import { Field, FormError } from "./field.tsx";

type Way = "guest" | "login" | "register";
const WAYS: readonly Way[] = ["guest", "login", "register"];
const BUTTONS = { guest: "auth.enterGuest", login: "auth.login", register: "auth.register" } as const;

function Ways({ way, onWay }: { readonly way: Way; readonly onWay: (way: Way) => void }) {
  return (
    <fieldset class="tabs" aria-labelledby="auth-title">
      {WAYS.map((option) => (
        <button
          type="button"
          key={option}
          aria-pressed={way === option}
          data-testid={`auth-tab-${option}`}
          onClick={() => onWay(option)}
        >
          {t(`auth.${option}`)}
        </button>
      ))}
    </fieldset>
  );
}

export function AuthForm({ first = "guest" }: { readonly first?: Way }) {
  const way = useSignal<Way>(first);
  const name = useSignal("");
  const handle = useSignal("");
  const password = useSignal("");
  const busy = useSignal(false);
  const error = useSignal<string | undefined>(undefined);

  const enter = async (): Promise<void> => {
    busy.value = true;
    error.value = undefined;
    try {
      if (way.value === "guest") await enterAsGuest(name.value.trim());
      else if (way.value === "login") await login(handle.value.trim(), password.value);
      else await register(handle.value.trim(), name.value.trim(), password.value);
    } catch (thrown) {
      error.value = messageOf(thrown);
    }
    busy.value = false;
  };

  return (
    <section class="card" aria-labelledby="auth-title" data-testid="auth">
      <h2 id="auth-title">{t("auth.title")}</h2>
      <Ways
        way={way.value}
        onWay={(chosen) => {
          way.value = chosen;
          error.value = undefined;
        }}
      />
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void enter();
        }}
      >
        {way.value !== "guest" && (
          <Field
            label={t("auth.handle")}
            bind={handle}
            hint={way.value === "register" ? t("auth.handleHint") : ""}
            autoComplete="username"
            minLength={2}
            maxLength={32}
            required
            testId="auth-handle"
          />
        )}
        {way.value !== "login" && (
          <Field
            label={t("auth.name")}
            bind={name}
            placeholder={t("auth.namePlaceholder")}
            autoComplete="name"
            maxLength={64}
            required
            testId="auth-name"
          />
        )}
        {way.value !== "guest" && (
          <Field
            label={t("auth.password")}
            type="password"
            bind={password}
            hint={way.value === "register" ? t("auth.passwordHint") : ""}
            autoComplete={way.value === "login" ? "current-password" : "new-password"}
            minLength={way.value === "register" ? 8 : 1}
            maxLength={256}
            required
            testId="auth-password"
          />
        )}
        <FormError text={error.value} />
        <button type="submit" class="button primary wide" disabled={busy.value} data-testid="auth-submit">
          {t(BUTTONS[way.value])}
        </button>
        {way.value === "guest" && <p class="hint center">{t("auth.guestHint")}</p>}
      </form>
    </section>
  );
}
