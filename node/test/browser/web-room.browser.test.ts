/** What a room keeps, in real browsers on two nodes: text in all its changes, memories, plans, bills, invites, accounts. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Browser, ElementHandle, Page } from "puppeteer-core";
import sharp from "sharp";
import { type Cluster, startCluster } from "./cluster.ts";
import { eventually, launchChromium, openPage } from "./harness.ts";

const PHONE = { width: 390, height: 844 };
const DESKTOP = { width: 1280, height: 800 };
const SLUG = "🍜-bún-chả";
let chromium: Browser;
let cluster: Cluster;
let folder: string;
let maker: Page;
let guest: Page;

const id = (name: string): string => `[data-testid="${name}"]`;
const click = (page: Page, name: string): Promise<void> => page.locator(id(name)).setTimeout(15_000).click();
const type = (page: Page, name: string, text: string): Promise<void> =>
  page.locator(id(name)).setTimeout(15_000).fill(text);
const textOf = (page: Page, name: string): Promise<string> =>
  page.$$eval(id(name), (elements) => elements.map((element) => element.textContent ?? "").join("\n"));
const shows = (page: Page, name: string, text: string): Promise<unknown> =>
  eventually(
    `${name} shows ${text}`,
    () => textOf(page, name),
    (shown) => shown.includes(text),
    20_000,
  );
const overflow = (page: Page): Promise<unknown> =>
  page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");

/** For people to look at, when $BROWSER_SHOTS names a folder. */
async function shoot(page: Page, name: string): Promise<void> {
  const place = process.env["BROWSER_SHOTS"];
  if (place === undefined) return;
  mkdirSync(place, { recursive: true });
  await page.screenshot({ path: join(place, `${name}.png`) as `${string}.png` });
}

async function visitor(url: string, viewport: { readonly width: number; readonly height: number }): Promise<Page> {
  const context = await chromium.createBrowserContext();
  const page = await openPage(context as unknown as Browser, url);
  await page.setViewport(viewport);
  return page;
}

/** Opens the menu of the newest message and chooses there. */
async function choose(page: Page, action: string): Promise<void> {
  const script = `[...document.querySelectorAll('${id("message")}')].at(-1).querySelector("details").open = true`;
  await page.evaluate(script);
  const buttons = await page.$$(`details[open] ${id(action)}`);
  await buttons[0]?.click();
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "hearsay-web-"));
  cluster = await startCluster(2);
  chromium = await launchChromium();
  const [ada, bell] = [cluster.node(0), cluster.node(1)];
  maker = await visitor(`${ada.url}/`, DESKTOP);
  await click(maker, "auth-tab-register");
  await type(maker, "auth-handle", "linh");
  await type(maker, "auth-name", "Linh Tran");
  await type(maker, "auth-password", "correct horse battery staple");
  await click(maker, "auth-submit");
  await type(maker, "create-slug", SLUG);
  await click(maker, "create-submit");
  await maker.waitForSelector(id("room-made"), { timeout: 20_000 });
  await maker.goto(`${ada.url}/r/${encodeURIComponent(SLUG)}?node=ada`);
  await click(maker, "lobby-join");
  await maker.waitForSelector(`${id("call")}[data-connection="connected"]`, { timeout: 30_000 });
  guest = await visitor(`${bell.url}/r/${encodeURIComponent(SLUG)}?node=bell`, PHONE);
}, 150_000);
afterAll(async () => {
  await chromium.close();
  await cluster.stop();
  rmSync(folder, { recursive: true, force: true });
});

test("an invite is made with a QR code, and whoever has no account comes by it as a guest", async () => {
  await click(maker, "toggle-room");
  await click(maker, "tab-invites");
  await click(maker, "invite-make");
  await maker.waitForSelector(id("invite-qr"), { timeout: 15_000 });
  await shoot(maker, "invite");
  const link = await textOf(maker, "invite-link");
  await guest.goto(link.replace(cluster.node(0).url, cluster.node(1).url));
  await type(guest, "invite-name", "Oma");
  await shoot(guest, "invited");
  expect(await overflow(guest)).toBe(0);
  await click(guest, "invite-accept");
  await click(guest, "lobby-join");
  await guest.waitForSelector(`${id("call")}[data-connection="connected"]`, { timeout: 30_000 });
}, 180_000);

test("messages are answered, changed, taken back, reacted to, threaded and found on the other node", async () => {
  await click(guest, "toggle-chat");
  await click(maker, "toggle-chat");
  await type(guest, "chat-input", "Mấy giờ ăn tối?");
  await shows(maker, "typing", "Oma");
  await click(guest, "chat-send");
  await shows(maker, "message", "Mấy giờ ăn tối?");
  await choose(maker, "react");
  await shows(guest, "reaction", "👍 1");
  await choose(maker, "message-reply");
  await type(maker, "chat-input", "At seven");
  await click(maker, "chat-send");
  await shows(guest, "message", "At seven");
  await choose(maker, "message-edit");
  await type(maker, "chat-input", "At eight");
  await click(maker, "chat-send");
  await shows(guest, "message", "At eight");
  await choose(guest, "message-thread");
  await guest.waitForSelector(id("thread-back"), { timeout: 15_000 });
  await type(guest, "chat-input", "I bring dessert");
  await click(guest, "chat-send");
  await shows(maker, "thread-size", "1");
  await shoot(maker, "chat");
  await shoot(guest, "thread");
  expect(await overflow(guest)).toBe(0);
  await click(guest, "thread-back");
  await type(maker, "chat-input", "oops");
  await click(maker, "chat-send");
  await shows(guest, "message", "oops");
  await choose(maker, "message-delete");
  await eventually(
    "the words are gone",
    () => textOf(guest, "message"),
    (text) => !text.includes("oops"),
    20_000,
  );
  await type(maker, "chat-search", "dessert");
  await shows(maker, "chat-found", "dessert");
  await shoot(maker, "search");
  await type(maker, "chat-search", "");
}, 120_000);

test("a picture of one is a memory of all", async () => {
  const picture = join(folder, "garden.png");
  writeFileSync(
    picture,
    await sharp({ create: { width: 640, height: 480, channels: 3, background: "#2f7d4f" } })
      .png()
      .toBuffer(),
  );
  await click(maker, "toggle-room");
  await guest.locator(`${id("chat")} > header button`).click();
  await click(guest, "toggle-room");
  const input = await maker.waitForSelector(`input${id("files-add")}`);
  await (input as ElementHandle<never> | null)?.uploadFile(picture);
  for (const page of [maker, guest]) await page.waitForSelector(`${id("memory")} img`, { timeout: 20_000 });
  await shoot(guest, "gallery");
  expect(await overflow(guest)).toBe(0);
}, 180_000);

test("something is planned and answered, an expense is shared and settled", async () => {
  for (const page of [maker, guest]) await click(page, "tab-plans");
  await click(maker, "plan-add");
  await type(maker, "plan-title", "Tết dinner");
  await maker.$eval(id("plan-start"), (input) => {
    const field = input as unknown as { value: string; dispatchEvent(event: unknown): void };
    field.value = "2030-02-02T18:30";
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
  await click(maker, "plan-save");
  await shows(guest, "plan", "Tết dinner");
  await click(guest, "plan-yes");
  await shows(maker, "plan", "1 come");
  await shoot(maker, "plans");
  for (const page of [maker, guest]) await click(page, "tab-bills");
  await click(maker, "bill-add");
  await type(maker, "bill-title", "Noodles");
  await type(maker, "bill-amount", "25,50");
  await click(maker, "bill-save");
  await shows(guest, "expense", "Noodles");
  await shows(guest, "bill-settle", "12.75");
  await shoot(maker, "bills");
  await shoot(guest, "bills-phone");
}, 180_000);

test("a person changes their name on the account page", async () => {
  await maker.goto(`${cluster.node(0).url}/account`);
  await type(maker, "account-name", "Linh T.");
  await click(maker, "account-save");
  await maker.waitForFunction(`document.body.textContent.includes("Saved.")`, { timeout: 15_000 });
  await shoot(maker, "account");
  await maker.goto(`${cluster.node(0).url}/`);
  await shows(maker, "greeting", "Linh T.");
  await shoot(maker, "home");
}, 180_000);
