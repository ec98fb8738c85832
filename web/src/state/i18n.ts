/** Words of the page. A locale is loaded when it is needed; a missing word falls back to its key. */
import { signal } from "@preact/signals";
import type english from "../locales/en.json";

export type Key = keyof typeof english;
type Words = Readonly<Record<Key, string>>;

export const LOCALES = ["en", "vi", "nl"] as const;
export type Locale = (typeof LOCALES)[number];
export const LOCALE_NAMES: Readonly<Record<Locale, string>> = { en: "English", vi: "Tiếng Việt", nl: "Nederlands" };

const STORE_KEY = "hearsay.locale";
const LOADERS: Readonly<Record<Locale, () => Promise<{ readonly default: Words }>>> = {
  en: () => import("../locales/en.json", { with: { type: "json" } }),
  vi: () => import("../locales/vi.json", { with: { type: "json" } }),
  nl: () => import("../locales/nl.json", { with: { type: "json" } }),
};

const words = signal<Partial<Words>>({});
export const locale = signal<Locale>("en");

/** The first of the wanted languages that we speak; English otherwise. */
export function pickLocale(wanted: readonly string[]): Locale {
  for (const tag of wanted) {
    const language = tag.toLowerCase().split("-")[0];
    const known = LOCALES.find((candidate) => candidate === language);
    if (known !== undefined) return known;
  }
  return "en";
}

/** Fills {names} of a text; a name without a value stays as it is. */
export function fill(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole));
}

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
