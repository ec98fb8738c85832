/** Dark, light, or as the system says. */
import { signal } from "@preact/signals";

export type Theme = "auto" | "dark" | "light";
const STORE_KEY = "hearsay.theme";

export const theme = signal<Theme>("auto");

export function setTheme(next: Theme): void {
  theme.value = next;
  if (next === "auto") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = next;
  localStorage.setItem(STORE_KEY, next);
}

export function startTheme(): void {
  const stored = localStorage.getItem(STORE_KEY);
  if (stored === "dark" || stored === "light") setTheme(stored);
}

/** The opposite of what is seen now. */
export function flipTheme(): void {
  const dark = theme.value === "auto" ? matchMedia("(prefers-color-scheme: dark)").matches : theme.value === "dark";
  setTheme(dark ? "light" : "dark");
}
