/** The web client through the eyes of a checker for WCAG 2.2 AA: every page and panel, dark and light, large and small. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Browser, Page } from "puppeteer-core";
import { type Cluster, startCluster } from "./cluster.ts";
import { launchChromium } from "./harness.ts";
import {
  click,
  DESKTOP,
  enter,
  fill,
  id,
  type Look,
  overflow,
  PHONE,
  register,
  shoot,
  there,
  visit,
} from "./ui-page.ts";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const RUN = `axe.run(document, { resultTypes: ["violations"], runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })
  .then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ target, any }) => id + " " + target.join(" ") + " " + (any[0]?.message ?? ""))))`;
const SLUG = "☕-koffie";
let chromium: Browser;
let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster(1);
  chromium = await launchChromium();
}, 180_000);
afterAll(async () => {
  await chromium?.close();
  await cluster?.stop();
});

/** What the checker finds here, by the name of the place. */
async function faults(page: Page, place: string): Promise<readonly string[]> {
  if ((await page.evaluate("typeof axe")) === "undefined") await page.evaluate(AXE);
  await shoot(page, `access-${place}`);
  const found = (await page.evaluate(RUN)) as string[];
  const sideways = Number(await overflow(page));
  return [...found, ...(sideways > 0 ? [`scrolls sideways by ${sideways} px`] : [])].map(
    (fault) => `${place}: ${fault}`,
  );
}

async function walk(look: Look, name: string): Promise<readonly string[]> {
  const { url } = cluster.node(0);
  const page = await visit(chromium, url, look);
  const found: string[] = [];
  const look_at = async (place: string): Promise<void> => {
    found.push(...(await faults(page, `${name}-${place}`)));
  };
  await there(page, id("auth"));
  await look_at("home-unknown");
  await register(page, name, `${name} Jansen`);
  await there(page, id("create-room"));
  await look_at("home");
  if (name === "anna") {
    await fill(page, "create-slug", SLUG);
    await click(page, "create-submit");
    await there(page, id("room-made"));
    await look_at("home-made");
  }
  await page.goto(`${url}/account`);
  await there(page, id("account"));
  await look_at("account");
  await page.goto(`${url}/mesh`);
  await there(page, id("mesh-node"));
  await look_at("mesh");
  await page.goto(`${url}/r/nobody-made-this`);
  await there(page, id("no-room"));
  await look_at("no-room");
  const room = `${url}/r/${encodeURIComponent(SLUG)}`;
  await page.goto(room);
  await there(page, id("lobby-join"));
  await look_at("lobby");
  await enter(page, room);
  await look_at("call");
  await click(page, "toggle-chat");
  await fill(page, "chat-input", `Hello from ${name}: https://example.org 🎉`);
  await click(page, "chat-send");
  await there(page, id("message"));
  await look_at("chat");
  await click(page, "people-count");
  await there(page, id("person"));
  await look_at("people");
  await click(page, "people-members");
  await there(page, id("member"));
  await look_at("members");
  await click(page, "toggle-room");
  for (const tab of ["memories", "plans", "bills", "invites", ...(name === "anna" ? ["settings"] : [])]) {
    await click(page, `tab-${tab}`);
    if (tab === "plans") await click(page, "plan-add");
    if (tab === "bills") await click(page, "bill-add");
    if (tab === "settings") await there(page, id("room-settings"));
    await look_at(tab);
  }
  await click(page, "toggle-devices");
  await there(page, id("devices"));
  await look_at("devices");
  await click(page, "leave");
  await there(page, id("closed"));
  await look_at("left");
  await page.close();
  return found;
}

test("no page or panel has faults on a desktop in the dark", async () => {
  expect(await walk({ ...DESKTOP, theme: "dark" }, "anna")).toEqual([]);
}, 120_000);

test("no page or panel has faults on a phone by day", async () => {
  expect(await walk({ ...PHONE, theme: "light" }, "bram")).toEqual([]);
}, 120_000);
