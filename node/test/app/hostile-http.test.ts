import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import Database from "libsql";
import { call, expectStatus, TestMesh, type TestNode } from "./harness.ts";
import { REQUESTS } from "./hostile-requests.ts";
import { TALK_REQUESTS } from "./hostile-talk.ts";

describe("bad input over HTTP", () => {
  const mesh = new TestMesh();
  let node: TestNode;
  const tokens: Record<string, string> = {};
  /** What paths and bodies name in braces. */
  const made: Record<string, string> = {};
  const filled = <T>(value: T): T =>
    JSON.parse(JSON.stringify(value).replaceAll(/\{(\w+)\}/g, (whole, name: string) => made[name] ?? whole)) as T;

  beforeAll(async () => {
    node = await mesh.start("ada");
    const owner = await mesh.user(node, "owner");
    const outsider = await mesh.user(node, "outsider");
    const guest = await mesh.guest(node, "Guest");
    await mesh.room(node, owner.token, { slug: "open-room", capacity: 3 });
    await mesh.room(node, owner.token, { slug: "closed-room", access: "invite" });
    const inside = await mesh.enter(node, { token: owner.token, slug: "open-room" });
    inside.client.keepAlive(500);
    const ticket = expectStatus(200, await mesh.ticket(node, inside.session, "open-room"));
    Object.assign(tokens, {
      user: owner.token,
      outsider: outsider.token,
      guest: guest.token,
      session: inside.session.token,
      room: ticket.token,
      idle: (await mesh.session(node, outsider.token)).token,
      garbled: `${owner.token.slice(0, -3)}abc`,
    });
    const friend = await mesh.user(node, "member");
    (await mesh.enter(node, { token: friend.token, slug: "open-room" })).client.keepAlive(500);
    tokens["member"] = friend.token;
    Object.assign(made, { ownerId: owner.user.userId, memberId: friend.user.userId });
    await makeMessages(owner.token, friend.token);
    await makeInvites(owner.token);
    // The room token above is never used; its place belongs to the session that is inside anyway.
  });
  afterAll(() => mesh.stop());

  async function makeMessages(ownerToken: string, memberToken: string): Promise<void> {
    const say = async (token: string, slug: string, more: object = {}) => {
      const body = { text: "words", ...more };
      return expectStatus(201, await call<{ id: string }>(node, "POST", `/v1/rooms/${slug}/messages`, { token, body }))
        .id;
    };
    made["message"] = await say(ownerToken, "open-room");
    made["theirs"] = await say(memberToken, "open-room");
    made["elsewhere"] = await say(ownerToken, "closed-room");
    made["opener"] = await say(ownerToken, "open-room");
    made["inside"] = await say(ownerToken, "open-room", { threadId: made["opener"] });
    made["tombstone"] = await say(ownerToken, "open-room");
    const path = `/v1/rooms/open-room/messages/${made["tombstone"]}`;
    expectStatus(200, await call(node, "DELETE", path, { token: ownerToken }));
  }

  async function makeInvites(token: string): Promise<void> {
    const path = "/v1/rooms/open-room/invites";
    const answer = await call<{ inviteId: string; code: string }>(node, "POST", path, { token, body: { maxUses: 1 } });
    const { inviteId, code } = expectStatus(201, answer);
    const accept = { body: { displayName: "First" } };
    expectStatus(200, await call(node, "POST", `/v1/invites/${code}/accept`, accept));
    Object.assign(made, { inviteId, used: code });
  }

  /** Everything that is stored, but for the times that refreshing moves. */
  function fingerprint(): string {
    const database = new Database(`${mesh.dataDir}/hearsay.sqlite`);
    const tables = database.prepare("select name from sqlite_master where type = 'table' order by name").all() as {
      name: string;
    }[];
    const rows = tables.map(({ name }) => {
      const all = database.prepare(`select * from "${name}"`).all() as Record<string, unknown>[];
      const lines = all.map((row) =>
        JSON.stringify(
          Object.fromEntries(Object.entries(row).filter(([column]) => !/expire|until|_ms$|at$/.test(column))),
        ),
      );
      return `${name}\n${lines.sort().join("\n")}`;
    });
    database.close();
    return createHash("sha256").update(rows.join("\n\n")).digest("hex");
  }

  test.each([...REQUESTS, ...TALK_REQUESTS])(
    "[A40] %s is refused with its code, and nothing is stored",
    async (...row) => {
      const [, method, path, options, status, code] = row;
      const before = fingerprint();
      const { token, ...rest } = filled(options);
      const answer = await call(node, method, filled(path), {
        ...rest,
        ...(token === undefined ? {} : { token: tokens[token] ?? token }),
      });
      expect([answer.status, answer.body.code]).toEqual([status, code]);
      expect(answer.headers.get("content-type")).toBe("application/problem+json; charset=utf-8");
      expect(answer.body).toMatchObject({ type: `urn:hearsay:problem:${code}`, status, title: expect.any(String) });
      if (code === "invalid_input" && !row[0].startsWith("two keys"))
        expect(answer.body.errors?.length).toBeGreaterThan(0);
      expect(fingerprint()).toBe(before);
    },
  );

  test("[A41] a refusal never repeats a token or a password", async () => {
    const secret = "the secret of this test";
    for (const body of [
      { handle: "x y", password: secret },
      { handle: "nobody", password: secret, [secret]: 1 },
    ]) {
      const response = await fetch(`${node.app.url}/v1/login`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${tokens["garbled"]}` },
        body: JSON.stringify(body),
      });
      const text = await response.text();
      expect(text).not.toContain(tokens["garbled"]);
      if (!(secret in body)) expect(text).not.toContain(secret);
    }
  });

  test("[A42] logins are limited per handle, whatever the password", async () => {
    const login = () => call(node, "POST", "/v1/login", { body: { handle: "Guessed", password: "guess guess" } });
    const answers: number[] = [];
    for (let i = 0; i < 11; i++) answers.push((await login()).status);
    expect(answers.slice(0, 10)).toEqual(Array(10).fill(401));
    const last = await login();
    expect([last.status, last.body.code]).toEqual([429, "rate_limited"]);
    expect(Number(last.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(
      (await call(node, "POST", "/v1/login", { body: { handle: "owner", password: "a long enough password" } })).status,
    ).toBe(200);
  });

  test("[A43] signing out everywhere ends every older token of the person at once", async () => {
    const person = await mesh.user(node, "leaver");
    const fresh = expectStatus(
      200,
      await call<{ token: string }>(node, "PATCH", "/v1/me", {
        token: person.token,
        body: { signOutEverywhere: true },
      }),
    );
    expect((await call(node, "GET", "/v1/me", { token: person.token })).body.code).toBe("token_revoked");
    expect((await call(node, "GET", "/v1/me", { token: fresh.token })).status).toBe(200);
  });

  test("[A44] any page may ask, with a token of its own and no cookie", async () => {
    const response = await fetch(`${node.app.url}/v1/me`, {
      method: "OPTIONS",
      headers: {
        origin: "https://elsewhere.example",
        "access-control-request-method": "GET",
        "access-control-request-headers": "authorization",
      },
    });
    expect([response.status, response.headers.get("access-control-allow-origin")]).toEqual([
      204,
      "https://elsewhere.example",
    ]);
    expect(response.headers.get("access-control-allow-credentials")).toBeNull();
    expect(response.headers.get("access-control-allow-headers")).toContain("authorization");
  });
});

test("[A45] where strangers reach the node, the mesh page asks for the operator key", async () => {
  const mesh = new TestMesh();
  try {
    const key = "an operator's key";
    const exposed = { httpHost: "0.0.0.0", gossipKeys: [new Uint8Array(32)], operatorKey: key.replaceAll(" ", "-") };
    const node = await mesh.start("ada", { config: exposed });
    const ask = (token?: string) => call(node, "GET", "/v1/mesh", token === undefined ? {} : { token });
    expect((await ask()).body.code).toBe("operator_only");
    expect((await ask("something-else-of-length")).body.code).toBe("operator_only");
    expect((await ask("an-operator's-key")).body.code).toBe("token_invalid");
    // On loopback, but strangers come through the proxy in front of it.
    const behind = await mesh.start("bell", { config: { httpUrl: "https://bell.example" } });
    const trusting = await mesh.start("curie", { config: { trustProxy: ["127.0.0.1"] } });
    for (const other of [behind, trusting])
      expect((await other.app.server.inject({ url: "/v1/mesh" })).json()).toMatchObject({ code: "operator_only" });
  } finally {
    await mesh.stop();
  }
});
