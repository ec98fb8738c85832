/** Starts the page: words, person, address, then the splash becomes the page. */
import { render } from "preact";
import { App } from "./app.tsx";
import { startUser } from "./state/app.ts";
import { startLocale } from "./state/i18n.ts";
import { startRouter } from "./state/router.ts";
import { startTheme } from "./state/theme.ts";

async function start(): Promise<void> {
  startTheme();
  startRouter();
  await Promise.all([startLocale(), startUser()]);
  const root = document.getElementById("app");
  if (root === null) return;
  root.replaceChildren();
  render(<App />, root);
}

void start();
