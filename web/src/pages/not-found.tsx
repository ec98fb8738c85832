/** An address that leads nowhere. */
import { Icon } from "../parts/icons.tsx";
import { TopBar } from "../parts/top-bar.tsx";
import { t } from "../state/i18n.ts";

export function NotFoundPage() {
  return (
    <>
      <TopBar here="other" />
      <main class="notice" data-testid="not-found">
        <Icon name="mesh" class="notice-icon" />
        <h1>{t("notFound.title")}</h1>
        <p>{t("notFound.text")}</p>
        <a class="button primary" href="/">
          {t("lobby.goHome")}
        </a>
      </main>
    </>
  );
}
