/** Which page the address means. Links are plain `<a href>`; clicks on them stay in the page. */
import { computed, signal } from "@preact/signals";
import { routeOf } from "./routes.ts";

export type { Route } from "./routes.ts";

const path = signal(globalThis.location?.pathname ?? "/");
export const route = computed(() => routeOf(path.value));

export function navigate(to: string): void {
  history.pushState(null, "", to);
  path.value = location.pathname;
  scrollTo(0, 0);
}

function onClick(event: MouseEvent): void {
  const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
  if (!(link instanceof HTMLAnchorElement) || link.origin !== location.origin || link.target !== "") return;
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
  if (link.hash !== "" || /^\/(v1|docs|metrics)/.test(link.pathname)) return;
  event.preventDefault();
  navigate(link.pathname);
}

export function startRouter(): void {
  addEventListener("popstate", () => {
    path.value = location.pathname;
  });
  document.addEventListener("click", onClick);
}
