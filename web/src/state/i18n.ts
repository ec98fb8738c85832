/** Words of the page. A locale is loaded when it is needed; a missing word falls back to its key. */
import { signal } from "@preact/signals";
import type english from "../locales/en.json";
import { fill, type Locale, pickLocale } from "./words.ts";

export { LOCALE_NAMES, LOCALES, type Locale } from "./words.ts";

export type Key = keyof typeof english;
type Words = Readonly<Record<Key, string>>;

const STORE_KEY = "hearsay.locale";
const LOADERS: Readonly<Record<Locale, () => Promise<{ readonly default: Words }>>> = {
  en: () => import("../locales/en.json", { with: { type: "json" } }),
  vi: () => import("../locales/vi.json", { with: { type: "json" } }),
  nl: () => import("../locales/nl.json", { with: { type: "json" } }),
};

const words = signal<Partial<Words>>({});
export const locale = signal<Locale>("en");

/** The words for `key`; reading it in a component makes the component follow the language. */
export function t(key: Key, values: Readonly<Record<string, string | number>> = {}): string {
  return fill(words.value[key] ?? key, values);
}

/** For keys that are put together from codes; undefined when there are no words for it. */
export function maybe(key: string): string | undefined {
  return (words.value as Readonly<Record<string, string>>)[key];
}

export async function setLocale(next: Locale, options: { readonly remember: boolean }): Promise<void> {
  const loaded = await LOADERS[next]();
  words.value = loaded.default;
  locale.value = next;
  document.documentElement.lang = next;
  if (options.remember) localStorage.setItem(STORE_KEY, next);
}

export async function startLocale(): Promise<void> {
  const stored = localStorage.getItem(STORE_KEY);
  await setLocale(pickLocale([...(stored === null ? [] : [stored]), ...navigator.languages]), { remember: false });
}
