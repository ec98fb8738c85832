/** Keeping a room in the web client: settings, roles, moderation, and text in its finer points. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Browser, Page } from "puppeteer-core";
import { type Cluster, startCluster } from "./cluster.ts";
import { eventually, launchChromium } from "./harness.ts";
import {
  choose,
  click,
  DESKTOP,
  enter,
  fill,
  id,
  overflow,
  PHONE,
  register,
  shoot,
  shows,
  there,
  visit,
} from "./ui-page.ts";

const SLUG = "🍜-bún-chả";
let chromium: Browser;
let cluster: Cluster;
let linh: Page;
let minh: Page;

const roomUrl = (slug: string): string => `${cluster.node(0).url}/r/${encodeURIComponent(slug)}`;

beforeAll(async () => {
  cluster = await startCluster(1);
  chromium = await launchChromium();
  const { url } = cluster.node(0);
  linh = await visit(chromium, url, DESKTOP);
  await register(linh, "linh", "Linh Trần");
  await fill(linh, "create-slug", SLUG);
  await click(linh, "create-submit");
  await there(linh, id("room-made"));
  await shoot(linh, "home-made");
  await linh.goto(roomUrl(SLUG));
  await there(linh, id("lobby-join"));
  await shoot(linh, "lobby");
  await enter(linh, roomUrl(SLUG));
  await there(linh, id("alone"));
  await shoot(linh, "alone");
  minh = await visit(chromium, url, { ...PHONE, theme: "light" });
  await shoot(minh, "phone-home-light");
  await register(minh, "minh", "Minh Đức");
  await minh.goto(roomUrl(SLUG));
  await there(minh, id("lobby-join"));
  await shoot(minh, "phone-lobby-light");
  await enter(minh, roomUrl(SLUG));
}, 150_000);
afterAll(async () => {
  await chromium?.close();
  await cluster?.stop();
});

test("@ offers the people of the room, by keys alone, and who is named sees it", async () => {
  await click(linh, "toggle-chat");
  await click(linh, "chat-input");
  await linh.keyboard.type("Phở for @du");
  await there(linh, id("mention"));
  await shoot(linh, "mention");
  await linh.keyboard.press("ArrowDown");
  await linh.keyboard.press("Enter");
  await linh.keyboard.type("?");
  await linh.keyboard.press("Enter");
  await shows(linh, "message", "Phở for @minh ?");
  await click(minh, "toggle-chat");
  await there(minh, ".message.names-me .mention");
  expect(await overflow(minh)).toBe(0);
  await shoot(minh, "phone-chat-light");
}, 180_000);

test("the controls of the call stay in reach beside an open panel on a phone", async () => {
  // The bar above leads to the people on a phone.
  for (const [panel, way] of [
    ["chat", undefined],
    ["people", "people-count"],
    ["room", "toggle-room"],
    ["devices", "toggle-devices"],
  ] as const) {
    if (way !== undefined) await click(minh, way);
    await there(minh, `${id("call")}.with-panel aside`);
    await shoot(minh, `phone-${panel}-light`);
    const above = `(() => {
      const button = document.querySelector('${id("leave")}');
      const { left, top, width, height } = button.getBoundingClientRect();
      const hit = document.elementFromPoint(left + width / 2, top + height / 3);
      return button.contains(hit) ? "leave" : hit?.outerHTML.slice(0, 200);
    })()`;
    await eventually(
      `nothing lies over the way out beside ${panel}`,
      () => minh.evaluate(above),
      (what) => what === "leave",
    );
  }
  await click(minh, "toggle-devices");
}, 180_000);

test("an edited message shows what it said before, and a message moves into a thread and out of it", async () => {
  await fill(linh, "chat-input", "At seven");
  await click(linh, "chat-send");
  await shows(linh, "message", "At seven");
  await choose(linh, "At seven", "message-edit");
  await fill(linh, "chat-input", "At eight");
  await click(linh, "chat-send");
  await click(linh, "message-edited");
  await shows(linh, "message-revisions", "At seven");
  await shoot(linh, "revisions");
  await choose(linh, "At eight", "message-move");
  await shoot(linh, "moving");
  await click(linh, "message-move-here");
  await shows(linh, "thread-size", "1");
  await click(linh, "thread-size");
  await shows(linh, "message", "At eight");
  await shoot(linh, "thread");
  await choose(linh, "At eight", "message-unthread");
  await click(linh, "thread-back");
  await shows(linh, "message", "At eight");
}, 180_000);

test("a long thread is read back to its beginning", async () => {
  await linh.evaluate(`(async () => {
    const { chat } = hearsayCall.room;
    const opener = await chat.send("Who brings what?");
    for (let i = 1; i <= 34; i += 1) await chat.send("Dish number " + i + ".", { threadId: opener.id });
  })()`);
  await click(minh, "toggle-chat");
  await shows(minh, "thread-size", "34");
  await click(minh, "thread-size");
  await shows(minh, "message", "Dish number 34.");
  await click(minh, "chat-earlier");
  await shows(minh, "message", "Dish number 1.");
  await click(minh, "thread-back");
  await click(minh, "toggle-chat");
}, 180_000);

test("the owner makes a moderator and mutes, locks the door and opens it", async () => {
  await click(linh, "toggle-people");
  await click(linh, "person-mute");
  await there(minh, `${id("tile-self")}[data-muted="true"]`);
  await click(linh, "room-lock");
  await there(linh, `${id("room-lock")}[aria-pressed="true"]`);
  await shoot(linh, "people");
  const oma = await visit(chromium, roomUrl(SLUG), PHONE);
  await fill(oma, "lobby-name", "Oma");
  await click(oma, "lobby-join");
  await there(oma, `${id("closed")}[data-code="room_locked"]`);
  await shoot(oma, "phone-locked");
  await oma.close();
  await click(linh, "room-unlock");
  await click(linh, "people-members");
  await there(linh, id("member-role"));
  await linh.select(id("member-role"), "moderator");
  await there(linh, `${id("member")}[data-role="moderator"]`);
  await click(linh, "member-more");
  await click(linh, "member-own");
  await shoot(linh, "members");
  await linh.keyboard.press("Escape");
}, 180_000);

test("the room gets another name, description and address, and the old link leads there", async () => {
  await click(linh, "toggle-room");
  await click(linh, "tab-settings");
  await fill(linh, "room-title", "Bún chả Sunday");
  await fill(linh, "room-description", "Every Sunday at Linh's");
  await fill(linh, "room-slug", "🍜-sunday");
  await shoot(linh, "settings");
  await click(linh, "room-save");
  await shows(linh, "room-saved", "Saved.");
  await eventually(
    "the address bar follows",
    async () => decodeURIComponent(new URL(minh.url()).pathname),
    (path) => path === "/r/🍜-sunday",
  );
  const late = await visit(chromium, roomUrl(SLUG), PHONE);
  await late.waitForFunction(`document.body.textContent.includes("Bún chả Sunday")`, { timeout: 20_000 });
  await shoot(late, "phone-lobby-guest");
  await late.close();
}, 180_000);

test("an expense is shared by amounts that must add up, and plans have an address for calendars", async () => {
  await click(linh, "tab-bills");
  await click(linh, "bill-add");
  await fill(linh, "bill-title", "Noodles");
  await fill(linh, "bill-amount", "25.50");
  await click(linh, "bill-exact");
  const fields = await linh.$$(id("bill-share"));
  await fields[0]?.type("20");
  await shows(linh, "bill-rest", "5.50");
  await shoot(linh, "bill-uneven");
  await fields[1]?.type("5.50");
  await click(linh, "bill-save");
  await shows(linh, "expense", "Noodles");
  await click(linh, "tab-plans");
  await click(linh, "feed");
  await click(linh, "feed-make");
  await shows(linh, "feed-url", "/calendar");
  await shoot(linh, "feed");
}, 180_000);

test("the room ends with two presses, for everybody", async () => {
  await click(linh, "tab-settings");
  await click(linh, "room-delete");
  await shoot(linh, "delete");
  await click(linh, "room-delete-yes");
  await there(linh, `${id("closed")}[data-code="deleted"]`);
  await there(minh, `${id("closed")}[data-code="removed"]`);
  await shoot(linh, "deleted");
}, 180_000);
