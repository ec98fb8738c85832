import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Credentials, RoomInfo } from "#protocol";
import { openSqliteArchive } from "../../src/store/sqlite/sqlite-archive.ts";
import { call, expectStatus, TestMesh, type TestNode, until } from "./harness.ts";

describe("moderation of a call", () => {
  const mesh = new TestMesh();
  let ada: TestNode;
  let bell: TestNode;
  let owner: Credentials;
  let guest: Credentials;

  beforeAll(async () => {
    ada = await mesh.start("ada");
    bell = await mesh.start("bell");
    owner = await mesh.user(ada, "owner");
    guest = await mesh.user(bell, "friend");
  });
  afterAll(() => mesh.stop());

  const moderate = async (who: Credentials, slug: string, body: object) =>
    await call<{ code?: string }>(ada, "POST", `/v1/rooms/${slug}/moderation`, { token: who.token, body });

  test("[A110] rights change and people are removed, from another node, by moderators only", async () => {
    await mesh.room(ada, owner.token, { slug: "stage" });
    const inside = await mesh.enter(bell, { token: guest.token, slug: "stage" });
    inside.client.keepAlive(500);
    const userId = guest.user.userId;
    const refused = await moderate(guest, "stage", { action: "mute", userId: owner.user.userId });
    expect(refused.body.code).toBe("not_allowed");
    for (const body of [{ action: "ban", userId }, { action: "mute" }, { action: "grants", userId }])
      expectStatus(400, await moderate(owner, "stage", body));
    expectStatus(200, await moderate(owner, "stage", { action: "grants", userId, publish: false }));
    const told = await inside.client.until("the rights", (message) => message.type === "grants");
    expect(told).toMatchObject({ grants: { publish: false, subscribe: true } });
    expectStatus(200, await moderate(owner, "stage", { action: "mute", userId }));
    expectStatus(200, await moderate(owner, "stage", { action: "remove", userId }));
    const closing = await inside.client.until("the end", (message) => message.type === "closing");
    expect(closing).toMatchObject({ reason: "removed" });
  });

  test("[A111] a locked room takes in whoever is inside or moderates, nobody else", async () => {
    await mesh.room(ada, owner.token, { slug: "closed" });
    const lockedFor = async (token: string): Promise<boolean | undefined> =>
      expectStatus(200, await call<RoomInfo>(bell, "GET", "/v1/rooms/closed", { token })).locked;
    expect(await lockedFor(owner.token)).toBeUndefined();
    expectStatus(200, await moderate(owner, "closed", { action: "lock" }));
    expect(await lockedFor(owner.token)).toBe(true);
    // Who is no member need not know why.
    expect(await lockedFor(guest.token)).toBeUndefined();
    expectStatus(200, await moderate(owner, "closed", { action: "lock" }));
    await expect(mesh.enter(bell, { token: guest.token, slug: "closed" })).rejects.toThrow();
    const first = await mesh.enter(ada, { token: owner.token, slug: "closed" });
    first.client.keepAlive(500);
    expectStatus(200, await moderate(owner, "closed", { action: "unlock" }));
    const second = await mesh.enter(bell, { token: guest.token, slug: "closed" });
    second.client.keepAlive(500);
    expectStatus(200, await moderate(owner, "closed", { action: "lock" }));
    const again = await mesh.enter(bell, { token: guest.token, slug: "closed" });
    expect(again.client).toBeDefined();
  });

  test("[A112] [A113] taken rights outlive the session, on every node, and stop messages over HTTP too", async () => {
    await mesh.room(ada, owner.token, { slug: "lasting" });
    const userId = guest.user.userId;
    const first = await mesh.enter(bell, { token: guest.token, slug: "lasting" });
    first.client.keepAlive(500);
    const say = async (text: string) =>
      await call<{ id?: string }>(bell, "POST", "/v1/rooms/lasting/messages", { token: guest.token, body: { text } });
    const said = expectStatus(201, await say("before"));
    const restrict = async (rights: object) =>
      await moderate(owner, "lasting", { action: "grants", userId, ...rights });
    expectStatus(200, await restrict({ chat: false, publish: false }));
    await first.client.until("the rights", (message) => message.type === "grants");
    const again = await mesh.session(ada, guest.token, "other-device");
    const other = await mesh.client(ada);
    await other.hello(again.token);
    const ticket = expectStatus(200, await mesh.ticket(bell, again, "lasting"));
    const joined = await other.request({ type: "join", token: ticket.token });
    expect(joined).toMatchObject({ type: "joined", grants: { publish: false, subscribe: true, chat: false } });
    expect((await say("after")).body.code).toBe("not_allowed");
    const path = `/v1/rooms/lasting/messages/${said.id}`;
    const edit = await call(ada, "PATCH", path, { token: guest.token, body: { text: "changed" } });
    expect(edit.body.code).toBe("not_allowed");
    const react = await call(ada, "PUT", `${path}/reactions/${encodeURIComponent("👍")}`, { token: guest.token });
    expect(react.body.code).toBe("not_allowed");
    expectStatus(200, await call(ada, "GET", "/v1/rooms/lasting/messages", { token: guest.token }));
    expectStatus(200, await call(ada, "DELETE", path, { token: guest.token }));
    expectStatus(200, await restrict({ chat: true }));
    expectStatus(201, await say("allowed"));
    expectStatus(200, await restrict({ publish: true }));
    const last = await mesh.enter(bell, { token: guest.token, slug: "lasting" });
    expect(last.client.messages.find((message) => message.type === "joined")).toMatchObject({
      grants: { publish: true, chat: true },
    });
  });

  test("[A112] [A114] members who are away are restricted too; whoever is made a moderator has all rights, at once", async () => {
    await mesh.room(ada, owner.token, { slug: "raised" });
    const member = await mesh.user(bell, "member");
    const userId = member.user.userId;
    const restrict = async (body: object) => await moderate(owner, "raised", { action: "grants", userId, ...body });
    expect((await restrict({ chat: false })).body.code).toBe("unknown_member");
    const visit = await mesh.enter(bell, { token: member.token, slug: "raised" });
    await visit.client.request({ type: "leave" });
    expectStatus(200, await restrict({ chat: false }));
    const inside = await mesh.enter(bell, { token: member.token, slug: "raised" });
    inside.client.keepAlive(500);
    expect(inside.client.messages.find((message) => message.type === "joined")).toMatchObject({
      grants: { chat: false },
    });
    const setRole = async (role: string) =>
      await call(ada, "PATCH", `/v1/rooms/raised/members/${userId}`, { token: owner.token, body: { role } });
    expectStatus(200, await setRole("moderator"));
    const raised = await inside.client.until("the new role", (message) => message.type === "grants");
    expect(raised).toMatchObject({ role: "moderator", grants: { chat: true, moderate: true } });
    expectStatus(200, await setRole("member"));
    const isDown = (message: { readonly type: string }) => message.type === "grants" && message !== raised;
    expect(await inside.client.until("the old role", isDown)).toMatchObject({
      role: "member",
      grants: { chat: false, moderate: false },
    });
  });

  test("[A115] the lock and the taken rights of a room go with it", async () => {
    const room = await mesh.room(ada, owner.token, { slug: "gone" });
    const userId = guest.user.userId;
    const inside = await mesh.enter(bell, { token: guest.token, slug: "gone" });
    inside.client.keepAlive(500);
    expectStatus(200, await moderate(owner, "gone", { action: "lock" }));
    expectStatus(200, await moderate(owner, "gone", { action: "grants", userId, chat: false }));
    const archive = openSqliteArchive({ path: join(mesh.dataDir, "hearsay.sqlite") });
    const kept = async (): Promise<readonly boolean[]> => [
      (await archive.records.get({ kind: "lock", id: room.roomId })) !== undefined,
      (await archive.records.list({ kind: "restriction", owner: room.roomId, limit: 10 })).length > 0,
    ];
    expect(await kept()).toEqual([true, true]);
    expectStatus(200, await call(ada, "DELETE", "/v1/rooms/gone", { token: owner.token }));
    await until("both are gone", async () => (await kept()).every((is) => !is));
    await archive.close();
  });
});
