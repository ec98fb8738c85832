/** Which language, and filling its texts. Pure. */
export const LOCALES = ["en", "vi", "nl"] as const;
export type Locale = (typeof LOCALES)[number];
export const LOCALE_NAMES: Readonly<Record<Locale, string>> = { en: "English", vi: "Tiếng Việt", nl: "Nederlands" };

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
