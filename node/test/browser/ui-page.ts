/** People in the web client, for tests of it: pages in contexts of their own, found by test ids, and looked at. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "puppeteer-core";
import { eventually, openPage } from "./harness.ts";

export const PHONE = { width: 390, height: 844 };
export const DESKTOP = { width: 1280, height: 800 };
const WAIT_MS = 20_000;

export const id = (name: string): string => `[data-testid="${name}"]`;

export interface Look {
  readonly width: number;
  readonly height: number;
  readonly theme?: "dark" | "light";
}

export async function visit(browser: Browser, url: string, { theme = "dark", ...viewport }: Look): Promise<Page> {
  const context = await browser.createBrowserContext();
  const page = await openPage(context as unknown as Browser, "about:blank");
  await page.emulateMediaFeatures([
    { name: "prefers-color-scheme", value: theme },
    { name: "prefers-reduced-motion", value: "reduce" },
  ]);
  await page.setViewport(viewport);
  await page.goto(url);
  return page;
}

// Locators wait until a thing is there, visible, enabled and still, and look again when it was drawn anew meanwhile.
export const click = (page: Page, name: string): Promise<void> => page.locator(id(name)).setTimeout(WAIT_MS).click();
export const fill = (page: Page, name: string, text: string): Promise<void> =>
  page.locator(id(name)).setTimeout(WAIT_MS).fill(text);
export const there = (page: Page, selector: string): Promise<unknown> =>
  page.waitForSelector(selector, { timeout: WAIT_MS });

export const textOf = (page: Page, name: string): Promise<string> =>
  page.$$eval(id(name), (elements) => elements.map((element) => element.textContent ?? "").join("\n"));
export const shows = (page: Page, name: string, text: string): Promise<unknown> =>
  eventually(
    `${name} shows ${text}`,
    () => textOf(page, name),
    (shown) => shown.includes(text),
    WAIT_MS,
  );
/** Width of what is shown beyond the window, in pixels. */
export const overflow = (page: Page): Promise<unknown> =>
  page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");

/** For people to look at, when $BROWSER_SHOTS names a folder. */
export async function shoot(page: Page, name: string): Promise<void> {
  const place = process.env["BROWSER_SHOTS"];
  if (place === undefined) return;
  mkdirSync(place, { recursive: true });
  await page.screenshot({ path: join(place, `${name}.png`) as `${string}.png` });
}

export async function register(page: Page, handle: string, displayName: string): Promise<void> {
  await click(page, "auth-tab-register");
  await fill(page, "auth-handle", handle);
  await fill(page, "auth-name", displayName);
  await fill(page, "auth-password", "correct horse battery staple");
  await click(page, "auth-submit");
  await there(page, id("greeting"));
}

export async function enter(page: Page, url: string): Promise<void> {
  await page.goto(url);
  await click(page, "lobby-join");
  await page.waitForSelector(`${id("call")}[data-connection="connected"]`, { timeout: 30_000 });
}

/** Opens the menu of the newest message that says this, and chooses there. */
export async function choose(page: Page, text: string, action: string): Promise<void> {
  const said = JSON.stringify(text);
  await page.evaluate(
    `[...document.querySelectorAll('${id("message")}')].findLast((m) => m.textContent.includes(${said})).querySelector("details").open = true`,
  );
  await page
    .locator(`details[open] ${id(action)}`)
    .setTimeout(WAIT_MS)
    .click();
}
