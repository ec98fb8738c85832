/** Profile, password, and the way out. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { UserInfo } from "../../../client-sdk/src/index.ts";
import { AuthForm } from "../parts/auth-form.tsx";
import { Avatar } from "../parts/avatar.tsx";
import { Field, FormError } from "../parts/field.tsx";
import { TopBar } from "../parts/top-bar.tsx";
import { client, logout, renew, user } from "../state/app.ts";
import { t } from "../state/i18n.ts";
import { useDeed } from "../state/load.ts";
import { navigate } from "../state/router.ts";

function Profile({ person }: { readonly person: UserInfo }) {
  const name = useSignal(person.displayName);
  const saved = useSignal(false);
  const deed = useDeed();
  const change = async (work: () => Promise<UserInfo>): Promise<void> => {
    saved.value = await deed.run(() => renew(work));
  };
  return (
    <section class="card">
      <div class="greeting">
        <Avatar id={person.userId} name={person.displayName} pictureId={person.pictureId} />
        <div class="row">
          <label class="button small file-button">
            {t("account.choosePicture")}
            <input
              type="file"
              class="hidden"
              accept="image/*"
              data-testid="account-picture"
              onChange={(event) => {
                const [file] = event.currentTarget.files ?? [];
                if (file !== undefined) void change(() => client.account.setPicture(file));
              }}
            />
          </label>
          {person.pictureId !== undefined && (
            <button
              type="button"
              class="button quiet small"
              onClick={() => void change(() => client.account.setPicture(null))}
            >
              {t("account.removePicture")}
            </button>
          )}
        </div>
      </div>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void change(() => client.account.rename(name.value.trim()));
        }}
      >
        <Field label={t("auth.name")} bind={name} required maxLength={64} testId="account-name" />
        <FormError text={deed.error.value} />
        <p class="hint" aria-live="polite">
          {saved.value ? t("account.saved") : ""}
        </p>
        <button type="submit" class="button primary" disabled={deed.busy.value} data-testid="account-save">
          {t("account.save")}
        </button>
      </form>
    </section>
  );
}

function Password() {
  const current = useSignal("");
  const next = useSignal("");
  const saved = useSignal(false);
  const deed = useDeed();
  const change = async (): Promise<void> => {
    saved.value = await deed.run(() => renew(() => client.account.changePassword(current.value, next.value)));
    if (saved.value) current.value = next.value = "";
  };
  return (
    <section class="card">
      <h2>{t("account.password")}</h2>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void change();
        }}
      >
        <Field
          label={t("account.current")}
          type="password"
          bind={current}
          required
          autoComplete="current-password"
          testId="account-current"
        />
        <Field
          label={t("account.next")}
          type="password"
          bind={next}
          required
          minLength={8}
          hint={t("auth.passwordHint")}
          autoComplete="new-password"
          testId="account-next"
        />
        <FormError text={deed.error.value} />
        <p class="hint" aria-live="polite">
          {saved.value ? t("account.saved") : ""}
        </p>
        <div class="row">
          <button type="submit" class="button primary" disabled={deed.busy.value} data-testid="account-change">
            {t("account.change")}
          </button>
          <button
            type="button"
            class="button quiet"
            onClick={() => void deed.run(() => renew(() => client.account.signOutEverywhere()))}
          >
            {t("account.everywhere")}
          </button>
        </div>
      </form>
    </section>
  );
}

function Delete({ person }: { readonly person: UserInfo }) {
  const password = useSignal("");
  const deed = useDeed();
  const remove = async (): Promise<void> => {
    const known = person.guest ? undefined : password.value;
    if (!(await deed.run(() => client.account.delete(known)))) return;
    logout();
    navigate("/");
  };
  return (
    <details class="card">
      <summary data-testid="account-delete">{t("account.delete")}</summary>
      <p class="hint">{t("account.deleteText")}</p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void remove();
        }}
      >
        {!person.guest && (
          <Field
            label={t("auth.password")}
            type="password"
            bind={password}
            required
            autoComplete="current-password"
            testId="account-delete-password"
          />
        )}
        <FormError text={deed.error.value} />
        <button type="submit" class="button danger" disabled={deed.busy.value} data-testid="account-delete-now">
          {t("account.delete")}
        </button>
      </form>
    </details>
  );
}

export function AccountPage() {
  const person = user.value;
  useEffect(() => {
    document.title = `${t("account.title")} · Hearsay`;
  }, []);
  return (
    <>
      <TopBar here="other" />
      <main class="narrow stack" data-testid="account">
        <h1>{t("account.title")}</h1>
        {person === null || person === undefined ? (
          <AuthForm first="login" />
        ) : (
          <>
            <Profile person={person} />
            {!person.guest && <Password />}
            <Delete person={person} />
          </>
        )}
      </main>
    </>
  );
}
