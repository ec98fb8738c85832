import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import sharp from "sharp";
import type { ApiTokensResponse, Credentials, NewApiToken, NewWebhook, WebhooksResponse } from "#protocol";
import { isSigned } from "../../src/webhooks/signature.ts";
import { call, expectStatus, TestMesh, type TestNode, until } from "./harness.ts";

interface Heard {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

describe("programs beside people", () => {
  const mesh = new TestMesh();
  let ada: TestNode;
  let bell: TestNode;
  let owner: string;
  let guest: string;
  let outsider: string;
  let receiver: Server;
  const heard: Heard[] = [];
  const failing = { left: 0 };
  const path = "/v1/rooms/lab/webhooks";
  const url = (): string => `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;

  beforeAll(async () => {
    receiver = createServer((request, response) => {
      let body = "";
      request.setEncoding("utf8").on("data", (chunk: string) => {
        body += chunk;
      });
      request.on("end", () => {
        if (failing.left > 0) failing.left -= 1;
        else heard.push({ headers: request.headers, body });
        response.writeHead(failing.left > 0 ? 503 : 204).end();
      });
    });
    await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
    const config = { webhookNetworks: ["127.0.0.0/8"] };
    ada = await mesh.start("ada", { config });
    bell = await mesh.start("bell", { config });
    owner = (await mesh.user(ada, "owner")).token;
    outsider = (await mesh.user(ada, "outsider")).token;
    guest = (await mesh.guest(ada, "Jo")).token;
    await mesh.room(ada, owner, { slug: "lab" });
    (await mesh.enter(ada, { token: guest, slug: "lab" })).client.keepAlive(500);
  });
  afterAll(async () => {
    await mesh.stop();
    receiver.close().closeAllConnections();
  });

  const events = (name: string): readonly Heard[] => heard.filter(({ headers }) => headers["hearsay-event"] === name);

  test("[W11] what happens on any node reaches the webhook, signed, once", async () => {
    const body = { url: url(), events: ["message.posted", "message.changed", "expense.changed", "happening.changed"] };
    const made = expectStatus(201, await call<NewWebhook>(ada, "POST", path, { token: owner, body }));
    const said = await call<{ id: string }>(ada, "POST", "/v1/rooms/lab/messages", {
      token: owner,
      body: { text: "one" },
    });
    await until("the message", () => events("message.posted").length === 1);
    const [first] = events("message.posted");
    const check = { secret: made.secret, nowSeconds: Math.floor(Date.now() / 1000), toleranceSeconds: 60 };
    expect(isSigned(first?.body ?? "", String(first?.headers["hearsay-signature"]), check)).toBe(true);
    expect(JSON.parse(first?.body ?? "{}")).toMatchObject({
      event: "message.posted",
      data: { message: { id: said.body.id, text: "one" } },
    });

    // On the other node, that did not make the webhook.
    await call(bell, "POST", "/v1/rooms/lab/messages", { token: owner, body: { text: "two" } });
    const plan = { title: "Open day", startsAt: "2031-01-01T10:00", timeZone: "UTC" };
    expectStatus(201, await call(bell, "POST", "/v1/rooms/lab/happenings", { token: guest, body: plan }));
    await until("both", () => events("message.posted").length === 2 && events("happening.changed").length === 1);
    expect(new Set(heard.map(({ headers }) => headers["hearsay-delivery"])).size).toBe(heard.length);
    const { webhooks } = expectStatus(200, await call<WebhooksResponse>(bell, "GET", path, { token: owner }));
    await until(
      "nothing to wait",
      async () => (await call<WebhooksResponse>(ada, "GET", path, { token: owner })).body.webhooks[0]?.waiting === 0,
    );
    expect(webhooks).toMatchObject([{ webhookId: made.webhookId, url: url(), lost: 0 }]);
    expect(JSON.stringify(webhooks)).not.toContain(made.secret);

    expect((await call(ada, "DELETE", `${path}/01ARZ3NDEKTSV4RRFFQ69G5FAV`, { token: owner })).body.code).toBe(
      "unknown_webhook",
    );
    expectStatus(200, await call(ada, "DELETE", `${path}/${made.webhookId}`, { token: owner }));
    expect((await call<WebhooksResponse>(ada, "GET", path, { token: owner })).body.webhooks).toEqual([]);
  });

  const hook = { events: ["message.posted"] };
  test.each([
    ["a guest's webhook", () => guest, { ...hook, url: "https://example.com/" }, 403, "not_allowed"],
    ["an outsider's webhook", () => outsider, { ...hook, url: "https://example.com/" }, 403, "not_member"],
    ["a private address", () => owner, { ...hook, url: "http://10.0.0.1/" }, 422, "bad_target"],
    ["the cloud's metadata", () => owner, { ...hook, url: "http://169.254.169.254/latest" }, 422, "bad_target"],
    ["a disguised address", () => owner, { ...hook, url: "http://[::ffff:10.0.0.1]/" }, 422, "bad_target"],
    ["a password in the address", () => owner, { ...hook, url: "https://a:b@example.com/" }, 422, "bad_target"],
    ["a file", () => owner, { ...hook, url: "file:///etc/passwd" }, 400, "invalid_input"],
    ["an unknown event", () => owner, { url: "https://example.com/", events: ["all"] }, 400, "invalid_input"],
    ["no event", () => owner, { url: "https://example.com/", events: [] }, 400, "invalid_input"],
    ["a secret of one's own", () => owner, { ...hook, url: "https://example.com/", secret: "x" }, 400, "invalid_input"],
  ] as const)("[W13] %s is refused", async (...row) => {
    const [, token, body, status, code] = row;
    const answer = await call(ada, "POST", path, { token: token(), body });
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect((await call<WebhooksResponse>(ada, "GET", path, { token: owner })).body.webhooks).toEqual([]);
  });

  test("[W10] a room has at most ten webhooks", async () => {
    const add = () =>
      call<NewWebhook>(ada, "POST", path, { token: owner, body: { ...hook, url: "https://example.com/" } });
    for (let i = 0; i < 10; i++) expectStatus(201, await add());
    expect((await add()).body.code).toBe("too_many");
  });

  describe("API tokens", () => {
    const make = async (token: string, body: object): Promise<NewApiToken> =>
      expectStatus(201, await call<NewApiToken>(ada, "POST", "/v1/tokens", { token, body }));

    test("[W12] a token acts for its person on every node, within its scopes", async () => {
      const { token, tokenId } = await make(owner, { name: "bot", scopes: ["messages:read", "messages:write"] });
      const said = await call(bell, "POST", "/v1/rooms/lab/messages", { token, body: { text: "beep" } });
      expect([said.status, (said.body as { authorName?: string }).authorName]).toEqual([201, "owner"]);
      expect((await call(ada, "GET", "/v1/rooms/lab/messages", { token })).status).toBe(200);
      const closed = [
        ["GET", "/v1/rooms?mine=true", undefined],
        ["GET", "/v1/rooms/lab/gallery", undefined],
        ["GET", "/v1/me", undefined],
        ["PATCH", "/v1/me", { signOutEverywhere: true }],
        ["DELETE", "/v1/me", {}],
        ["POST", "/v1/sessions", { deviceId: "d" }],
        ["POST", "/v1/tokens", { name: "more", scopes: ["webhooks"] }],
        ["GET", "/v1/tokens", undefined],
        ["DELETE", `/v1/tokens/${tokenId}`, undefined],
        ["GET", path, undefined],
        ["POST", "/v1/rooms/lab/join", {}],
      ] as const;
      for (const [method, at, body] of closed) {
        const answer = await call(ada, method, at, { token, ...(body === undefined ? {} : { body }) });
        expect([method, at, answer.status, answer.body.code]).toEqual([method, at, 403, "scope_missing"]);
      }
    });

    test("[W12] it ends when removed, at its time, and when its person signs out everywhere", async () => {
      const person = await mesh.user(ada, "keeper");
      await mesh.room(ada, person.token, { slug: "keep" });
      const read = (token: string) => call(bell, "GET", "/v1/rooms/keep/messages", { token });
      const scopes = ["messages:read"];
      const [removed, short, signedOut] = [
        await make(person.token, { name: "a", scopes }),
        await make(person.token, { name: "b", scopes, expiresInMs: 1_000 }),
        await make(person.token, { name: "c", scopes }),
      ];
      const { tokens } = expectStatus(
        200,
        await call<ApiTokensResponse>(ada, "GET", "/v1/tokens", { token: person.token }),
      );
      expect(tokens.map(({ name }) => name).sort()).toEqual(["a", "b", "c"]);
      for (const secret of [removed, short, signedOut])
        expect(JSON.stringify(tokens)).not.toContain(secret.token.slice(31));
      expectStatus(200, await call(ada, "DELETE", `/v1/tokens/${removed.tokenId}`, { token: person.token }));
      expect((await read(removed.token)).body.code).toBe("token_revoked");
      await until("its time", async () => (await read(short.token)).body.code === "token_expired");
      expect((await read(signedOut.token)).status).toBe(200);
      const body = { signOutEverywhere: true };
      const fresh = expectStatus(200, await call<Credentials>(ada, "PATCH", "/v1/me", { token: person.token, body }));
      expect((await read(signedOut.token)).body.code).toBe("token_revoked");
      expect((await call(ada, "DELETE", `/v1/tokens/${signedOut.tokenId}`, { token: owner })).body.code).toBe(
        "unknown_api_token",
      );
      expectStatus(200, await call(ada, "DELETE", `/v1/tokens/${signedOut.tokenId}`, { token: fresh.token }));
    });

    test("[W12] it ends with the account, and so do the person's pictures", async () => {
      const { token } = await mesh.user(ada, "goner");
      const made = await make(token, { name: "a", scopes: ["rooms:read"] });
      const form = new FormData();
      const png = await sharp({ create: { width: 9, height: 9, channels: 3, background: "red" } })
        .png()
        .toBuffer();
      form.append("file", new Blob([new Uint8Array(png)]), "me.png");
      const headers = { authorization: `Bearer ${token}` };
      const posted = await fetch(`${ada.app.url}/v1/pictures`, { method: "POST", body: form, headers });
      const { pictureId } = (await posted.json()) as { pictureId: string };
      expect((await call(bell, "GET", "/v1/rooms?mine=true", { token: made.token })).status).toBe(200);
      expectStatus(200, await call(ada, "DELETE", "/v1/me", { token, body: { password: "a long enough password" } }));
      expect((await call(bell, "GET", "/v1/rooms?mine=true", { token: made.token })).body.code).toBe("token_revoked");
      expect((await fetch(`${bell.app.url}/v1/pictures/${pictureId}`)).status).toBe(404);
    });

    test("[W13] guests get none; what only looks like a token opens nothing", async () => {
      const body = { name: "x", scopes: ["messages:read"] };
      expect((await call(ada, "POST", "/v1/tokens", { token: guest, body })).body.code).toBe("guest_not_allowed");
      for (const wrong of [
        { ...body, scopes: ["root"] },
        { ...body, scopes: [] },
        { ...body, expiresInMs: -1 },
        { ...body, name: "\u0000" },
      ])
        expect((await call(ada, "POST", "/v1/tokens", { token: owner, body: wrong })).body.code).toBe("invalid_input");
      const { token } = await make(owner, body);
      const id = token.slice(4, 30);
      for (const [wrong, code] of [
        ["hst_", "token_invalid"],
        [`hst_${id}_${"A".repeat(43)}`, "token_invalid"],
        [`hst_01ARZ3NDEKTSV4RRFFQ69G5FAV_${"A".repeat(43)}`, "token_revoked"],
        [token.slice(0, -1), "token_invalid"],
      ] as const)
        expect((await call(ada, "GET", "/v1/rooms/lab/messages", { token: wrong })).body.code).toBe(code);
    });
  });
});
