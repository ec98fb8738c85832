/** Where an invite leads, and taking it: as who one is, or as a guest with a name. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Field, FormError } from "../parts/field.tsx";
import { Icon } from "../parts/icons.tsx";
import { TopBar } from "../parts/top-bar.tsx";
import { acceptInvite, client, user } from "../state/app.ts";
import { t } from "../state/i18n.ts";
import { useDeed, useLoaded } from "../state/load.ts";
import { navigate } from "../state/router.ts";
import { roomPath } from "../state/slug.ts";

export function InvitePage({ code }: { readonly code: string }) {
  const name = useSignal("");
  const deed = useDeed();
  const { value, error } = useLoaded(() => client.invites.get(code), code);
  const invite = value.value;
  const isKnown = user.value !== null && user.value !== undefined;
  useEffect(() => {
    document.title = `${invite?.room.title ?? ""} · Hearsay`;
  }, [invite]);
  const accept = (): Promise<boolean> =>
    deed.run(async () => navigate(roomPath((await acceptInvite(code, name.value.trim())).slug)));
  return (
    <>
      <TopBar here="other" />
      <main class="notice" data-testid="invite-page">
        {invite === undefined && error.value === undefined && <div class="skeleton" />}
        {error.value !== undefined && (
          <>
            <Icon name="door" class="notice-icon bad" />
            <h1>{t("invite.over")}</h1>
            <p>{t("invite.overText")}</p>
            <a class="button quiet" href="/">
              {t("closed.home")}
            </a>
          </>
        )}
        {invite !== undefined && (
          <>
            <Icon name="door" class="notice-icon" />
            <h1>{t("invite.title", { title: invite.room.title })}</h1>
            {invite.room.description !== undefined && <p>{invite.room.description}</p>}
            <form
              class="stack"
              onSubmit={(event) => {
                event.preventDefault();
                void accept();
              }}
            >
              {!isKnown && (
                <Field
                  label={t("auth.name")}
                  placeholder={t("auth.namePlaceholder")}
                  bind={name}
                  required
                  maxLength={64}
                  autoComplete="name"
                  testId="invite-name"
                />
              )}
              <FormError text={deed.error.value} />
              <button type="submit" class="button primary" disabled={deed.busy.value} data-testid="invite-accept">
                {t("invite.accept")}
              </button>
            </form>
          </>
        )}
      </main>
    </>
  );
}
