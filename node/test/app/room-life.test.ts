import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type {
  AcceptedInvite,
  ChatMessage,
  Credentials,
  InviteInfo,
  InvitePreview,
  InvitesResponse,
  MemberInfo,
  MembersResponse,
  MessagePage,
  RoomInfo,
} from "#protocol";
import { call, expectStatus, TestMesh, type TestNode, until } from "./harness.ts";

describe("rooms, members, invites and accounts", () => {
  const mesh = new TestMesh();
  let ada: TestNode;
  let bell: TestNode;
  let owner: Credentials;
  let friend: Credentials;

  beforeAll(async () => {
    ada = await mesh.start("ada");
    bell = await mesh.start("bell");
    owner = await mesh.user(ada, "owner");
    friend = await mesh.user(bell, "friend");
  });
  afterAll(() => mesh.stop());

  const askOf =
    (nodeOf: () => TestNode) =>
    async <T>(who: Credentials | undefined, method: string, path: string, body?: unknown) =>
      await call<T>(nodeOf(), method, path, {
        ...(who === undefined ? {} : { token: who.token }),
        ...(body === undefined ? {} : { body }),
      });
  const ask = askOf(() => ada);
  const done = async <T>(who: Credentials | undefined, method: string, path: string, body?: unknown) =>
    expectStatus(200, await ask<T>(who, method, path, body));
  const invite = async (slug: string, body: object = {}) =>
    expectStatus(201, await ask<InviteInfo>(owner, "POST", `/v1/rooms/${slug}/invites`, body));
  const codeOf = async (work: Promise<{ body: { code?: string } }>) => (await work).body.code;

  describe("rooms", () => {
    test("[A100] a renamed room is found under its old address, which nobody else gets", async () => {
      await mesh.room(ada, owner.token, { slug: "first-name", description: "what it is" });
      const inside = await mesh.enter(bell, { token: owner.token, slug: "first-name" });
      inside.client.keepAlive(500);
      const changes = { slug: "zweiter-Name", title: "Second", capacity: 5 };
      const renamed = await done<RoomInfo>(owner, "PATCH", "/v1/rooms/first-name", changes);
      expect(renamed).toMatchObject({ ...changes, description: "what it is", role: "owner", version: 3 });
      const told = await inside.client.until("the change", (message) => message.type === "roomUpdated");
      expect(told).toMatchObject({ room: { slug: "zweiter-Name", title: "Second", version: 3 } });

      const raw = await fetch(`${bell.app.url}/v1/rooms/FIRST-name/messages?limit=5`, {
        redirect: "manual",
        headers: { authorization: `Bearer ${owner.token}` },
      });
      expect([raw.status, raw.headers.get("location")]).toEqual([308, "/v1/rooms/zweiter-Name/messages?limit=5"]);
      expect(await raw.json()).toMatchObject({ code: "room_moved", movedTo: "zweiter-Name" });
      // What follows redirects notices nothing.
      const said = await ask<ChatMessage>(owner, "POST", "/v1/rooms/first-name/messages", { text: "still here" });
      expect(said.status).toBe(201);

      expect(await codeOf(ask(friend, "POST", "/v1/rooms", { slug: "First-Name" }))).toBe("slug_taken");
      expect(await codeOf(ask(friend, "POST", "/v1/rooms", { slug: "fіrst-name" }))).toBe("slug_confusable");
      const theirs = await mesh.room(ada, friend.token, { slug: "theirs" });
      expect(await codeOf(ask(friend, "PATCH", "/v1/rooms/theirs", { slug: "first-name" }))).toBe("slug_taken");
      expect(await codeOf(ask(friend, "PATCH", "/v1/rooms/theirs", { slug: "zweiter-name" }))).toBe("slug_taken");
      expect((await done<RoomInfo>(friend, "GET", "/v1/rooms/theirs")).version).toBe(theirs.version);
      const back = await done<RoomInfo>(owner, "PATCH", "/v1/rooms/zweiter-name", { slug: "first-name" });
      expect([back.slug, back.title]).toEqual(["first-name", "Second"]);
      expect((await done<RoomInfo>(owner, "GET", "/v1/rooms/zweiter-name")).slug).toBe("first-name");
    });

    test("[A101] a deleted room is gone for everybody at once, and its address stays taken", async () => {
      const room = await mesh.room(ada, owner.token, { slug: "short-lived" });
      const inside = await mesh.enter(bell, { token: friend.token, slug: "short-lived" });
      for (let count = 0; count < 5; count++)
        await ask(friend, "POST", "/v1/rooms/short-lived/messages", { text: `word ${count}` });
      expect(await codeOf(ask(friend, "DELETE", "/v1/rooms/short-lived"))).toBe("not_allowed");
      await done(owner, "DELETE", "/v1/rooms/short-lived");
      expect(await inside.client.closed).toEqual({ code: 4002, reason: "removed" });
      expect(await codeOf(ask(owner, "GET", "/v1/rooms/short-lived"))).toBe("unknown_room");
      expect(await codeOf(ask(owner, "POST", "/v1/rooms", { slug: "short-lived" }))).toBe("slug_taken");
      await until("nobody is left", async () => (await mesh.occupantsOf(room.roomId)).length === 0);
    });

    test("[A102] a room picked by chance is open and has a free place", async () => {
      const picked = await done<RoomInfo>(friend, "GET", "/v1/random-room");
      expect(picked).toMatchObject({ access: "open" });
      expect(picked.occupants).toBeLessThan(picked.capacity);
    });
  });

  describe("members", () => {
    test("[A103] moderators see to members, the owner to moderators, and who is removed leaves at once", async () => {
      await mesh.room(ada, owner.token, { slug: "club", access: "invite" });
      const { code } = await invite("club");
      const people: Record<string, Credentials> = {};
      for (const name of ["mod", "bob", "eve"]) {
        people[name] = await mesh.user(bell, name);
        await done(people[name], "POST", `/v1/invites/${code}/accept`);
      }
      const { mod, bob, eve } = people as Record<"mod" | "bob" | "eve", Credentials>;
      const member = (who: Credentials) => `/v1/rooms/club/members/${who.user.userId}`;
      expect(await codeOf(ask(bob, "PATCH", member(eve), { role: "guest" }))).toBe("not_allowed");
      const made = await done<MemberInfo>(owner, "PATCH", member(mod), { role: "moderator" });
      expect(made).toMatchObject({ role: "moderator", displayName: "mod", handle: "mod" });
      expect(await codeOf(ask(mod, "PATCH", member(bob), { role: "moderator" }))).toBe("not_allowed");
      expect(await codeOf(ask(mod, "PATCH", member(owner), { role: "guest" }))).toBe("not_allowed");
      await done(mod, "PATCH", member(bob), { role: "guest" });

      const inside = await mesh.enter(ada, { token: eve.token, slug: "club" });
      inside.client.keepAlive(500);
      expectStatus(200, await askOf(() => bell)(mod, "DELETE", member(eve)));
      expect(await inside.client.closed).toEqual({ code: 4002, reason: "removed" });
      expect(await codeOf(ask(eve, "GET", "/v1/rooms/club/messages"))).toBe("not_member");
      await done(bob, "DELETE", member(bob));
      expect(await codeOf(ask(owner, "DELETE", member(owner)))).toBe("not_allowed");

      await done(owner, "PATCH", member(mod), { role: "owner" });
      const { members } = await done<MembersResponse>(mod, "GET", "/v1/rooms/club/members?limit=10");
      expect(members.map(({ userId, role }) => [userId, role])).toEqual([
        [owner.user.userId, "moderator"],
        [mod.user.userId, "owner"],
      ]);
    });
  });

  describe("invites", () => {
    test("[A104] an invite lets in as many as it says, whoever comes at once, and each person once", async () => {
      await mesh.room(ada, owner.token, { slug: "den", access: "invite" });
      const made = await invite("den", { maxUses: 3, expiresInMs: 3_600_000, role: "member" });
      expect(made).toMatchObject({ maxUses: 3, uses: 0, role: "member", code: expect.stringMatching(/^[\w-]{22}$/) });
      const seen = await done<InvitePreview>(undefined, "GET", `/v1/invites/${made.code}`);
      expect(seen).toMatchObject({ role: "member", room: { slug: "den" }, expiresAtMs: made.expiresAtMs });
      const comers: Credentials[] = [];
      for (let count = 0; count < 6; count++) comers.push(await mesh.guest(ada, `comer ${count}`));
      const accept = (who: Credentials, node: TestNode) =>
        askOf(() => node)<AcceptedInvite>(who, "POST", `/v1/invites/${made.code}/accept`);
      const answers = await Promise.all(comers.map((who, index) => accept(who, index % 2 ? ada : bell)));
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 409, 409, 409]);
      for (const { body, status } of answers) if (status === 409) expect(body.code).toBe("invite_used_up");
      const lucky = comers[answers.findIndex(({ status }) => status === 200)];
      expect((await accept(lucky as Credentials, ada)).status).toBe(200);
      const { invites } = await done<InvitesResponse>(owner, "GET", "/v1/rooms/den/invites");
      expect(invites).toMatchObject([{ inviteId: made.inviteId, uses: 3 }]);
      expect(JSON.stringify(invites)).not.toContain(made.code);
      const members = await done<MembersResponse>(owner, "GET", "/v1/rooms/den/members");
      expect(members.members).toHaveLength(4);
    });

    test("[A105] whoever has no account becomes a guest of that room, and of no other", async () => {
      const { code } = await invite("den", { role: "moderator" });
      const path = `/v1/invites/${code}/accept`;
      expect(await codeOf(ask(undefined, "POST", path))).toBe("invalid_input");
      const { room, credentials } = await done<AcceptedInvite>(undefined, "POST", path, { displayName: "Visitor" });
      expect([room.slug, room.role, credentials?.user]).toEqual([
        "den",
        "guest",
        { userId: expect.any(String), displayName: "Visitor", guest: true },
      ]);
      const guest = credentials as Credentials;
      await mesh.enter(bell, { token: guest.token, slug: "den" });
      await mesh.room(ada, owner.token, { slug: "next-door" });
      const session = await mesh.session(ada, guest.token);
      expect((await mesh.ticket(ada, session, "next-door")).body.code).toBe("guest_not_allowed");
      expect(await codeOf(ask(guest, "POST", "/v1/rooms", { slug: "my-own" }))).toBe("guest_not_allowed");
      await done(owner, "DELETE", `/v1/rooms/den/members/${guest.user.userId}`);
      const again = await mesh.session(ada, guest.token);
      expect((await mesh.ticket(ada, again, "den")).body.code).toBe("guest_not_allowed");
    });

    test("[A106] a revoked or expired invite lets nobody in", async () => {
      const made = await invite("den");
      await done(owner, "DELETE", `/v1/rooms/den/invites/${made.inviteId}`);
      const path = `/v1/invites/${made.code}/accept`;
      expect(await codeOf(ask(friend, "POST", path))).toBe("unknown_invite");
      expect(await codeOf(ask(owner, "DELETE", `/v1/rooms/den/invites/${made.inviteId}`))).toBe("unknown_invite");
      expect(await codeOf(ask(friend, "GET", "/v1/rooms/den/messages"))).toBe("not_member");
    });
  });

  describe("accounts", () => {
    test("[A107] a new password ends every older token and connected session, and asks for the old one", async () => {
      const person = await mesh.user(ada, "changer");
      await mesh.room(ada, person.token, { slug: "changers" });
      const inside = await mesh.enter(bell, { token: person.token, slug: "changers" });
      inside.client.keepAlive(500);
      const password = { current: "not this one", next: "another long one" };
      expect(await codeOf(ask(person, "PATCH", "/v1/me", { password }))).toBe("bad_credentials");
      const right = { ...password, current: "a long enough password" };
      const fresh = await done<Credentials>(person, "PATCH", "/v1/me", { password: right, displayName: "Changed" });
      expect(fresh.user.displayName).toBe("Changed");
      expect(await inside.client.closed).toEqual({ code: 4006, reason: "expired" });
      expect(await codeOf(ask(person, "GET", "/v1/me"))).toBe("token_revoked");
      expect((await done<{ displayName: string }>(fresh, "GET", "/v1/me")).displayName).toBe("Changed");
      const stale = await mesh.client(bell);
      await expect(stale.hello(inside.session.token)).rejects.toThrow("token_revoked");
      const login = { handle: "CHANGER", password: "another long one" };
      expect((await ask(undefined, "POST", "/v1/login", login)).status).toBe(200);
    });

    test("[A108] a deleted account leaves its words by someone who left, its rooms to others, its handle free", async () => {
      const person = await mesh.user(ada, "leaver");
      await mesh.room(ada, person.token, { slug: "legacy" });
      const heir = await mesh.enter(bell, { token: friend.token, slug: "legacy" });
      heir.client.keepAlive(500);
      const inside = await mesh.enter(ada, { token: person.token, slug: "legacy" });
      await ask(person, "POST", "/v1/rooms/legacy/messages", { text: "remember me" });
      expect(await codeOf(ask(person, "DELETE", "/v1/me", { password: "a guess" }))).toBe("bad_credentials");
      await done(person, "DELETE", "/v1/me", { password: "a long enough password" });
      expect((await inside.client.closed).code).toBe(4002);
      expect(await codeOf(ask(person, "GET", "/v1/me"))).toBe("token_revoked");
      const page = await done<MessagePage>(friend, "GET", "/v1/rooms/legacy/messages");
      expect(page.messages).toMatchObject([
        { text: "remember me", authorName: "someone who left", authorLeft: true, authorId: person.user.userId },
      ]);
      expect((await done<RoomInfo>(friend, "GET", "/v1/rooms/legacy")).role).toBe("owner");
      await heir.client.until("the heir is told", (m) => m.type === "memberUpdated" && m.role === "owner");
      await mesh.user(bell, "LEAVER");
    });

    test("[A109] the operator says who may make rooms", async () => {
      const strict = await mesh.start("curie", { config: { roomCreators: "listed", roomCreatorHandles: ["FRIEND"] } });
      expect(await codeOf(askOf(() => strict)(owner, "POST", "/v1/rooms", { slug: "unlisted" }))).toBe("not_listed");
      expect((await askOf(() => strict)(friend, "POST", "/v1/rooms", { slug: "listed" })).status).toBe(201);
      const open = await mesh.start("dirac", { config: { roomCreators: "everyone" } });
      const guest = await mesh.guest(open, "Anybody");
      expect((await askOf(() => open)(guest, "POST", "/v1/rooms", { slug: "anybodys" })).status).toBe(201);
    });
  });
});
