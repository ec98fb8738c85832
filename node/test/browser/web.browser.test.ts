import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Browser, Page } from "puppeteer-core";
import { type Cluster, startCluster } from "./cluster.ts";
import { eventually, launchChromium, openPage } from "./harness.ts";

const PHONE = { width: 390, height: 844 };
const DESKTOP = { width: 1280, height: 800 };
let chromium: Browser;
let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster(2);
  chromium = await launchChromium();
}, 180_000);
afterAll(async () => {
  await chromium.close();
  await cluster.stop();
});

const id = (name: string): string => `[data-testid="${name}"]`;

async function visitor(url: string, viewport: { readonly width: number; readonly height: number }): Promise<Page> {
  const context = await chromium.createBrowserContext();
  const page = await openPage(context as unknown as Browser, url);
  await page.setViewport(viewport);
  return page;
}

// Locators wait until a thing is there, visible, enabled and still, and look again when it was drawn anew meanwhile.
const click = (page: Page, name: string): Promise<void> => page.locator(id(name)).setTimeout(15_000).click();
const type = (page: Page, name: string, text: string): Promise<void> =>
  page.locator(id(name)).setTimeout(15_000).fill(text);

const textOf = (page: Page, name: string): Promise<string> =>
  page.$$eval(id(name), (elements) => elements.map((element) => element.textContent ?? "").join("\n"));

/** Width of what is shown beyond the window, in pixels: a page on a phone must not scroll sideways. */
const overflow = (page: Page): Promise<unknown> =>
  page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");

async function playing(page: Page): Promise<boolean> {
  const script = `[...document.querySelectorAll('${id("remote-video")}')].some((v) => v.videoWidth > 0 && v.currentTime > 0)`;
  return (await page.evaluate(script)) === true;
}

test("a maker and a guest on a phone meet in an emoji room on two nodes, write, mute and leave", async () => {
  const [ada, bell] = [cluster.node(0), cluster.node(1)];
  const maker = await visitor(`${ada.url}/`, DESKTOP);
  await click(maker, "auth-tab-register");
  await type(maker, "auth-handle", "linh");
  await type(maker, "auth-name", "Linh Tran");
  await type(maker, "auth-password", "correct horse battery staple");
  await click(maker, "auth-submit");
  await type(maker, "create-slug", "🏡-tran-family");
  await click(maker, "create-submit");
  await maker.waitForSelector(id("room-made"));
  await maker.goto(`${ada.url}/r/${encodeURIComponent("🏡-tran-family")}?node=ada`);
  await click(maker, "lobby-join");

  const guest = await visitor(`${bell.url}/r/${encodeURIComponent("🏡-tran-family")}?node=bell`, PHONE);
  await type(guest, "lobby-name", "Oma");
  expect(await overflow(guest)).toBe(0);
  await click(guest, "lobby-join");

  for (const [page, node] of [
    [maker, "ada"],
    [guest, "bell"],
  ] as const) {
    await page.waitForSelector(`${id("call")}[data-connection="connected"]`, { timeout: 30_000 });
    await eventually("the other's picture plays", () => playing(page), Boolean, 30_000);
    expect(await page.$eval(id("node"), (element) => element.getAttribute("data-node"))).toBe(node);
  }
  expect(await overflow(guest)).toBe(0);

  await click(guest, "toggle-chat");
  await type(guest, "chat-input", "Xin chào từ điện thoại");
  await click(guest, "chat-send");
  const unread = await maker.waitForSelector(id("unread"), { timeout: 15_000 });
  expect(unread).not.toBeNull();
  await click(maker, "toggle-chat");
  await eventually(
    "Linh reads it",
    () => textOf(maker, "message"),
    (text) => text.includes("Xin chào"),
  );

  await click(maker, "toggle-mic");
  await guest.waitForSelector(`${id("tile")}[data-muted="true"]`, { timeout: 15_000 });
  await click(maker, "toggle-camera");
  await guest.waitForSelector(`${id("tile")}[data-camera="false"], ${id("tile")}[data-camera="off"]`, {
    timeout: 15_000,
  });

  await click(maker, "leave");
  await maker.waitForSelector(`${id("closed")}[data-code="left"]`, { timeout: 15_000 });
  await guest.waitForSelector(id("alone"), { timeout: 15_000 });
  for (const page of [maker, guest]) await page.close();
}, 120_000);

test("the mesh page shows both nodes as they are", async () => {
  const page = await visitor(`${cluster.node(0).url}/mesh`, PHONE);
  await eventually(
    "both nodes are listed",
    () => page.$$eval(id("mesh-node"), (nodes) => nodes.map((node) => node.getAttribute("data-node"))),
    (names) => names.includes("ada") && names.includes("bell"),
  );
  expect(await overflow(page)).toBe(0);
  await page.close();
}, 180_000);

test("a room that nobody made says so, and a page that is none says that", async () => {
  const page = await visitor(`${cluster.node(0).url}/r/nobody-made-this`, DESKTOP);
  await page.waitForSelector(id("no-room"), { timeout: 15_000 });
  await page.close();
}, 180_000);
