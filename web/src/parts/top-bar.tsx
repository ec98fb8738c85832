/** Name, way to the mesh, language and light: on every page but the call. */
import { LOCALE_NAMES, LOCALES, type Locale, locale, setLocale, t } from "../state/i18n.ts";
import { flipTheme } from "../state/theme.ts";
import { Icon, Mark } from "./icons.tsx";

export function TopBar({ here }: { readonly here: "home" | "mesh" | "room" | "other" }) {
  return (
    <header class="top-bar">
      <a class="brand" href="/" aria-current={here === "home" ? "page" : undefined}>
        <Mark />
        <span>Hearsay</span>
      </a>
      <nav class="top-nav">
        <a class="ghost" href="/mesh" aria-current={here === "mesh" ? "page" : undefined} data-testid="nav-mesh">
          <Icon name="mesh" />
          <span class="wide-only">{t("app.mesh")}</span>
        </a>
        <label class="ghost language">
          <Icon name="globe" />
          <span class="hidden">{t("app.language")}</span>
          <select
            value={locale.value}
            data-testid="language"
            onChange={(event) => void setLocale(event.currentTarget.value as Locale, { remember: true })}
          >
            {LOCALES.map((name) => (
              <option value={name} key={name}>
                {LOCALE_NAMES[name]}
              </option>
            ))}
          </select>
        </label>
        <button type="button" class="ghost icon-only" onClick={flipTheme} title={t("app.theme")} data-testid="theme">
          <Icon name="moon" />
          <span class="hidden">{t("app.theme")}</span>
        </button>
      </nav>
    </header>
  );
}
