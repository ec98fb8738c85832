import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import ICAL from "ical.js";
import pino from "pino";
import type { CalendarFeed, Happening, HappeningPage, MessagePage } from "#protocol";
import { localAt } from "../../src/happenings/zoned-time.ts";
import { call, expectStatus, fastClock, TestMesh, type TestNode, until } from "./harness.ts";

describe("happenings", () => {
  const mesh = new TestMesh();
  const logged: string[] = [];
  let ada: TestNode;
  let bell: TestNode;
  let owner: string;
  let planner: string;
  let stranger: string;
  const path = "/v1/rooms/family/happenings";
  const dinner = { title: 'Dinner, with "all"; ok?', startsAt: "2030-12-24T18:30", timeZone: "Europe/Amsterdam" };
  const plan = async (over: object = {}, token = planner): Promise<Happening> =>
    expectStatus(201, await call<Happening>(ada, "POST", path, { token, body: { ...dinner, ...over } }));

  beforeAll(async () => {
    const log = pino({ level: "trace" }, { write: (line: string) => void logged.push(line) });
    ada = await mesh.start("ada", { parts: { log } });
    bell = await mesh.start("bell", { parts: { log } });
    owner = (await mesh.user(ada, "owner")).token;
    planner = (await mesh.user(ada, "planner")).token;
    stranger = (await mesh.user(ada, "stranger")).token;
    await mesh.room(ada, owner, { slug: "family", title: "Family" });
    await mesh.room(ada, owner, { slug: "other" });
    const inside = await mesh.enter(ada, { token: planner, slug: "family" });
    inside.client.keepAlive(500);
  });
  afterAll(() => mesh.stop());

  test("[C10] a happening is planned by the clock of its zone, answered on any node, and listed by time", async () => {
    const first = await plan({ place: "at Grandma's", text: "bring\nsoup", endsAt: "2030-12-24T21:00" });
    expect(first).toMatchObject({
      version: 1,
      startsAtMs: Date.UTC(2030, 11, 24, 17, 30),
      endsAtMs: Date.UTC(2030, 11, 24, 20),
      answers: [],
    });
    const earlier = await plan({ startsAt: "2030-07-01T09:00", timeZone: "Asia/Ho_Chi_Minh" });
    for (const [node, token, reply] of [
      [ada, owner, "no"],
      [bell, owner, "yes"],
      [bell, planner, "maybe"],
    ] as const)
      expectStatus(200, await call(node, "PUT", `${path}/${first.happeningId}/answer`, { token, body: { reply } }));
    const read = expectStatus(
      200,
      await call<Happening>(bell, "GET", `${path}/${first.happeningId}`, { token: owner }),
    );
    expect(read.answers.map(({ displayName, reply }) => [displayName, reply])).toEqual([
      ["owner", "yes"],
      ["planner", "maybe"],
    ]);
    expectStatus(
      200,
      await call(ada, "PUT", `${path}/${first.happeningId}/answer`, { token: owner, body: { reply: "none" } }),
    );

    const page = expectStatus(200, await call<HappeningPage>(ada, "GET", `${path}?limit=1`, { token: owner }));
    expect(page.happenings.map((each) => each.happeningId)).toEqual([earlier.happeningId]);
    const next = await call<HappeningPage>(ada, "GET", `${path}?limit=1&after=${page.nextCursor}`, { token: owner });
    expect(next.body.happenings).toMatchObject([{ happeningId: first.happeningId, answers: [{ reply: "maybe" }] }]);
    const late = await call<HappeningPage>(ada, "GET", `${path}?from=${Date.UTC(2030, 8)}`, { token: owner });
    expect(late.body.happenings.map((each) => each.happeningId)).toEqual([first.happeningId]);
  });

  test("[C10] the same Idempotency-Key plans once", async () => {
    const ask = () =>
      call<Happening>(ada, "POST", path, { token: planner, body: dinner, headers: { "idempotency-key": "plan-1" } });
    const [one, two] = await Promise.all([ask(), ask()]);
    expect(expectStatus(201, two).happeningId).toBe(expectStatus(201, one).happeningId);
    expectStatus(200, await call(ada, "DELETE", `${path}/${one.body.happeningId}`, { token: planner }));
  });

  test("[C11] who planned it, or a moderator, changes and ends it; of two who change at once one is told", async () => {
    const made = await plan();
    const at = `${path}/${made.happeningId}`;
    const changed = { ...dinner, title: "Late dinner", startsAt: "2030-12-24T20:00", version: 1 };
    const two = await Promise.all(
      [planner, owner].map((token) => call<Happening>(ada, "PUT", at, { token, body: changed })),
    );
    expect(two.map(({ status }) => status).sort()).toEqual([200, 409]);
    expect(two.find(({ status }) => status === 409)?.body.code).toBe("changed_meanwhile");
    const theirs = await plan({}, owner);
    const refused = await call(ada, "DELETE", `${path}/${theirs.happeningId}`, { token: planner });
    expect(refused.body.code).toBe("not_allowed");
    expectStatus(200, await call(bell, "DELETE", at, { token: owner }));
    expect((await call(ada, "GET", at, { token: owner })).body.code).toBe("unknown_happening");
  });

  test("[C13] calendars are read by other programs, behind a secret address of their own that ends when told", async () => {
    const made = await plan({ title: "Für 🏡; \\ all," });
    const one = await fetch(`${ada.app.url}${path}/${made.happeningId}/calendar.ics`, {
      headers: { authorization: `Bearer ${owner}` },
    });
    expect([one.headers.get("content-type"), one.headers.get("content-disposition")?.includes(".ics")]).toEqual([
      "text/calendar; charset=utf-8",
      true,
    ]);
    const read = (text: string): readonly string[] =>
      new ICAL.Component(ICAL.parse(text) as unknown[] as never)
        .getAllSubcomponents("vevent")
        .map((event) => new ICAL.Event(event).summary);
    expect(read(await one.text())).toEqual(["Für 🏡; \\ all,"]);

    const feed = "/v1/rooms/family/calendar-feed";
    const { url } = expectStatus(201, await call<CalendarFeed>(ada, "POST", feed, { token: owner }));
    const secret = new URL(url).pathname.split("/").at(-1)?.replace(".ics", "") ?? "";
    const answer = await fetch(url);
    expect([answer.status, read(await answer.text()).includes("Für 🏡; \\ all,")]).toEqual([200, true]);
    const renewed = expectStatus(201, await call<CalendarFeed>(bell, "POST", feed, { token: owner }));
    expect([(await fetch(url)).status, (await fetch(renewed.url)).status]).toEqual([404, 200]);
    expectStatus(200, await call(ada, "DELETE", feed, { token: owner }));
    expect((await fetch(renewed.url)).status).toBe(404);
    for (const wrong of [
      secret.slice(0, 22),
      `${secret.slice(0, 22)}${"A".repeat(32)}`,
      "A".repeat(54),
      owner.slice(0, 54),
    ])
      expect((await fetch(`${ada.app.url}/v1/calendars/${wrong}.ics`)).status).toBe(404);
    // Such an address opens nothing else, and stands in no log.
    expect((await call(ada, "GET", path, { token: secret })).body.code).toBe("token_invalid");
    expect(secret).toHaveLength(54);
    expect(logged.join("")).not.toContain(secret.slice(22));
  });

  test("[C13] a feed ends with the membership of whom it was made for", async () => {
    const guest = await mesh.guest(ada, "Jo");
    const jo = await mesh.enter(ada, { token: guest.token, slug: "family", deviceId: "phone" });
    const { url } = expectStatus(
      201,
      await call<CalendarFeed>(ada, "POST", "/v1/rooms/family/calendar-feed", { token: guest.token }),
    );
    expect((await fetch(url)).status).toBe(200);
    await jo.client.request({ type: "leave" });
    await until("the guest to be gone", async () => (await fetch(url)).status === 404);
  });

  const long = "x".repeat(5_000);
  test.each([
    ["nobody", {}, 401, "unauthenticated"],
    ["a stranger", { who: "stranger", body: dinner }, 403, "not_member"],
    ["no title", { body: { ...dinner, title: undefined } }, 400, "invalid_input"],
    ["an invisible title", { body: { ...dinner, title: "\u0007" } }, 400, "invalid_input"],
    ["an object as a title", { body: { ...dinner, title: { $ne: 1 } } }, 400, "invalid_input"],
    ["an endless text", { body: { ...dinner, text: long } }, 400, "invalid_input"],
    ["a day that does not exist", { body: { ...dinner, startsAt: "2030-02-30T12:00" } }, 400, "invalid_input"],
    [
      "an instant instead of a wall clock",
      { body: { ...dinner, startsAt: "2030-02-20T12:00:00Z" } },
      400,
      "invalid_input",
    ],
    ["an end before the start", { body: { ...dinner, endsAt: "2030-12-24T18:29" } }, 400, "invalid_input"],
    ["an end after years", { body: { ...dinner, endsAt: "2036-12-24T18:29" } }, 400, "invalid_input"],
    ["a zone that does not exist", { body: { ...dinner, timeZone: "Europe/Atlantis" } }, 400, "invalid_input"],
    ["an offset as a zone", { body: { ...dinner, timeZone: "+02:00" } }, 400, "invalid_input"],
    ["six reminders", { body: { ...dinner, remindMinutes: [1, 2, 3, 4, 5, 6] } }, 400, "invalid_input"],
    ["a reminder of half a minute", { body: { ...dinner, remindMinutes: [0.5] } }, 400, "invalid_input"],
    ["a reminder after the start", { body: { ...dinner, remindMinutes: [-5] } }, 400, "invalid_input"],
    ["an unknown field", { body: { ...dinner, owner: "me" } }, 400, "invalid_input"],
    ["a poisoned prototype", { raw: '{"title":"x","__proto__":{"a":1}}' }, 400, "bad_json"],
  ] as const)("[C14] %s plans nothing", async (_, options, status, code) => {
    const { who = "planner", ...rest } = options as { who?: "planner" | "stranger"; body?: object; raw?: string };
    const token = who === "stranger" ? stranger : planner;
    const before = await call(ada, "GET", path, { token: owner });
    const answer = await call(ada, "POST", path, { ...rest, ...(status === 401 ? { body: dinner } : { token }) });
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect((await call(ada, "GET", path, { token: owner })).body).toEqual(before.body);
  });

  test.each([
    ["GET", "unknown_happening", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "family"],
    ["GET", "unknown_happening", "..%2f..", "family"],
    ["GET", "unknown_happening", "$gt", "family"],
    ["GET", "unknown_happening", "known", "other"],
    ["DELETE", "unknown_happening", "known", "other"],
  ])("[C14] %s answers %s for %s in the room %s", async (method, code, id, slug) => {
    const known = id === "known" ? (await plan()).happeningId : id;
    const answer = await call(ada, method, `/v1/rooms/${slug}/happenings/${known}`, { token: owner });
    expect([answer.status, answer.body.code]).toEqual([404, code]);
  });
});

test("[C12] a room is reminded once, by one node of all, and a happening that was put off at its new time", async () => {
  // A minute takes a second.
  const clock = fastClock(60);
  const mesh = new TestMesh({ clock });
  try {
    const [ada, bell] = [await mesh.start("ada"), await mesh.start("bell")];
    const { token } = await mesh.user(ada, "owner");
    await mesh.room(ada, token, { slug: "club" });
    const timeZone = "Asia/Kathmandu";
    const inMinutes = (minutes: number): string => localAt(clock.wallMs() + minutes * 60_000, timeZone);
    const plan = async (title: string, startsAt: string): Promise<Happening> => {
      const body = { title, startsAt, timeZone, remindMinutes: [2, 600] };
      return expectStatus(201, await call<Happening>(ada, "POST", "/v1/rooms/club/happenings", { token, body }));
    };
    const startsAt = inMinutes(5);
    await plan("Chess", startsAt);
    const later = await plan("Go", inMinutes(5));
    const body = { title: "Go", startsAt: inMinutes(8), timeZone, remindMinutes: [2], version: 1 };
    expectStatus(200, await call(bell, "PUT", `/v1/rooms/club/happenings/${later.happeningId}`, { token, body }));
    const messages = async (): Promise<readonly string[]> => {
      const page = await call<MessagePage>(bell, "GET", "/v1/rooms/club/messages?limit=100", { token });
      return page.body.messages.map(({ text }) => text);
    };
    await until("both reminders", async () => (await messages()).length >= 2, 20_000);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const when = (local: string): string => local.replace("T", " ");
    expect(await messages()).toEqual([
      `⏰ Chess · ${when(startsAt)} ${timeZone} · −2 min`,
      `⏰ Go · ${when(body.startsAt)} ${timeZone} · −2 min`,
    ]);
  } finally {
    await mesh.stop();
  }
}, 40_000);
