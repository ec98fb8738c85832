import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { WebSocket } from "ws";
import type { ServerMessage } from "#protocol";
import { call, expectStatus, TestMesh, type TestNode, until } from "./harness.ts";
import type { TestClient } from "./test-client.ts";

describe("bad input on the socket", () => {
  const mesh = new TestMesh();
  let node: TestNode;
  let token: string;
  const slug = "socket-room";

  beforeAll(async () => {
    node = await mesh.start("ada");
    ({ token } = await mesh.user(node, "owner"));
    await mesh.room(node, token, { slug });
  });
  afterAll(() => mesh.stop());

  async function greeted(deviceId: string): Promise<{ readonly client: TestClient; readonly sessionToken: string }> {
    const session = await mesh.session(node, token, deviceId);
    const client = await mesh.client(node);
    await client.hello(session.token);
    return { client, sessionToken: session.token };
  }

  const firstMessages: readonly (readonly [what: string, message: unknown, code: string])[] = [
    ["text that is not JSON", "{", "bad_message"],
    ["an array", [], "bad_message"],
    ["an unknown type", { type: "shout", id: "1" }, "bad_message"],
    ["a type of the prototype", { type: "constructor", id: "1" }, "bad_message"],
    ["a join", { type: "join", id: "1", token: "x" }, "hello_first"],
    ["a ping", { type: "ping", sentAtMs: 1 }, "hello_first"],
    ["a hello with more fields", { type: "hello", id: "1", protocol: 1, token: "x", admin: true }, "bad_message"],
    ["a hello without a token", { type: "hello", id: "1", protocol: 1 }, "bad_message"],
    ["a hello with a garbled token", { type: "hello", id: "1", protocol: 1, token: "x.y.z" }, "token_invalid"],
    ["a hello of the future", { type: "hello", id: "1", protocol: 9, token: "x.y.z" }, "protocol_unsupported"],
    ["bytes", Buffer.from("{}"), "bad_message"],
  ];
  test.each(firstMessages)(
    "[A50] %s as the first message is refused and ends the socket",
    async (_what, message, code) => {
      const client = await mesh.client(node);
      client.send(message);
      expect(await client.closed).toEqual({ code: 4004, reason: "protocol" });
      expect(client.messages.map((m) => m.type)).toEqual(["error", "closing"]);
      expect(client.messages[0]).toMatchObject({ code });
    },
  );

  test("[A51] tokens of other kinds, or none in time, begin no session", async () => {
    const { token: userToken } = await mesh.guest(node, "Jo");
    const inside = await mesh.enter(node, { token: userToken, slug, deviceId: "one" });
    const ticket = expectStatus(200, await mesh.ticket(node, inside.session, slug));
    for (const wrong of [userToken, ticket.token]) {
      const client = await mesh.client(node);
      expect(await client.request({ type: "hello", protocol: 1, token: wrong })).toMatchObject({
        code: "token_invalid",
      });
    }
    inside.client.close();
  });

  test("[A52] later nonsense is refused and changes nothing; too much of it ends the socket", async () => {
    const { client } = await greeted("nonsense");
    for (const message of [
      "nonsense",
      { type: "leave" },
      { type: "view", id: "v", visible: [{}] },
      { type: "mute", id: "m" },
    ])
      client.send(message);
    await until("four refusals", () => client.of("error").length === 4);
    expect(client.of("error").map((m) => [m.code, m.replyTo])).toEqual([
      ["bad_message", undefined],
      ["bad_message", undefined],
      ["bad_message", "v"],
      ["bad_message", "m"],
    ]);
    const bad: readonly [Parameters<TestClient["request"]>[0], string][] = [
      [{ type: "leave" }, "not_joined"],
      [{ type: "offer", sdp: "x", tracks: [] }, "not_joined"],
      [{ type: "mute", trackId: "t", muted: true }, "not_joined"],
      [{ type: "hello", protocol: 1, token: "x" }, "already_greeted"],
    ];
    for (const [message, code] of bad) expect(await client.request(message)).toMatchObject({ type: "error", code });
    for (let i = 0; i < 60 && client.isOpen; i++) client.send("more nonsense");
    expect(await client.closed).toMatchObject({ code: 4004 });
  });

  test("[A53] a message beyond 64 KiB ends the socket; the session may resume", async () => {
    const { client, sessionToken } = await greeted("oversize");
    const { lastSeq } = client;
    client.send({ type: "offer", id: "o", sdp: "x".repeat(70_000), tracks: [] });
    expect((await client.closed).code).toBe(1009);
    const back = await mesh.client(node);
    expect(await back.hello(sessionToken, lastSeq)).toMatchObject({ resumed: true });
    const text = await (await fetch(`${node.app.url}/metrics`)).text();
    expect(text).toContain('hearsay_socket_refusals_total{code="oversize"} 1');
  });

  test("[A54] a room token is one session's, is used once, and is worth nothing without its place", async () => {
    const guest = await mesh.guest(node, "Jo");
    const inside = await mesh.enter(node, { token: guest.token, slug, deviceId: "tickets" });
    const other = await greeted("other-device");
    const ticket = expectStatus(200, await mesh.ticket(node, inside.session, slug));
    expect(await other.client.request({ type: "join", token: ticket.token })).toMatchObject({ code: "token_invalid" });
    expect(await inside.client.request({ type: "join", token: ticket.token })).toMatchObject({
      code: "already_joined",
    });
    expect(await inside.client.request({ type: "leave" })).toMatchObject({ type: "ok" });
    expect(await inside.client.request({ type: "join", token: ticket.token })).toMatchObject({ code: "token_used" });
    const next = expectStatus(200, await mesh.ticket(node, inside.session, slug));
    expect(await inside.client.request({ type: "join", token: next.token })).toMatchObject({ type: "joined" });
    await inside.client.request({ type: "leave" });
    expectStatus(200, await mesh.ticket(node, inside.session, slug));
    expect(await inside.client.request({ type: "join", token: next.token })).toMatchObject({ code: "token_used" });
  });

  test("[A55] an offer that is not ours, a track of others, a view of nobody: refused or passed over", async () => {
    const guest = await mesh.guest(node, "Jo");
    const { client } = await mesh.enter(node, { token: guest.token, slug, deviceId: "offers" });
    node.media.refuseNext = "sdp_malformed";
    expect(await client.request({ type: "offer", sdp: "v=0", tracks: [] })).toMatchObject({ code: "sdp_malformed" });
    expect(await client.request({ type: "mute", trackId: "not-mine", muted: true })).toMatchObject({
      code: "unknown_track",
    });
    const visible = [{ participantId: "nobody", source: "camera" as const, width: 10, height: 10 }];
    const view = await client.request({ type: "view", visible });
    expect(["ok", "error"]).toContain(view.type);
    expect(client.isOpen).toBe(true);
  });

  test("[A56] requests beyond their rate are refused with the time to wait", async () => {
    const { client } = await greeted("eager");
    const replies: ServerMessage[] = [];
    for (let i = 0; i < 7; i++) replies.push(await client.request({ type: "join", token: "x" }));
    expect(replies.slice(0, 5).every((m) => m.type === "error" && m.code === "token_invalid")).toBe(true);
    expect(replies[6]).toMatchObject({ code: "rate_limited", retryAfterMs: expect.any(Number) });
  });

  test("[A57] a socket that falls silent is closed, and may resume", async () => {
    const { client, sessionToken } = await greeted("silent");
    expect((await client.closed).code).toBe(1000);
    const back = await mesh.client(node);
    expect(await back.hello(sessionToken, client.lastSeq)).toMatchObject({ resumed: true });
    back.close();
  });

  test("[A58] heartbeats keep a socket and are answered", async () => {
    const { client } = await greeted("heart");
    client.send({ type: "ping", sentAtMs: 12.5 });
    expect(await client.until("a pong", (m) => m.type === "pong")).toMatchObject({ sentAtMs: 12.5 });
    client.close();
  });

  test("[A59] the echo sends back small frames, and only so many", async () => {
    const socket = new WebSocket(`${node.app.url.replace("http", "ws")}/v1/echo`);
    const heard: string[] = [];
    socket.on("message", (data) => heard.push(String(data)));
    await new Promise((resolve) => socket.once("open", resolve));
    const closed = new Promise<number>((resolve) => socket.once("close", resolve));
    socket.send("17");
    await until("the echo", () => heard[0] === "17");
    for (let i = 0; i < 64; i++) socket.send(String(i));
    expect(await closed).toBe(1008);
    expect(heard.length).toBe(64);
  });

  test("[A60] a page that wants something else than a socket gets a problem", async () => {
    const answer = await call(node, "GET", "/v1/socket");
    expect([answer.status, answer.body.code]).toEqual([404, "not_found"]);
  });
});
