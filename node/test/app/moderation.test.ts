import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Credentials } from "#protocol";
import { call, expectStatus, TestMesh, type TestNode } from "./harness.ts";

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
    expectStatus(200, await moderate(owner, "closed", { action: "lock" }));
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
});
