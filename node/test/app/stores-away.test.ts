import { join } from "node:path";
import { afterEach, expect, test } from "@jest/globals";
import type { Archive } from "../../src/store/archive.ts";
import { StoreUnavailableError } from "../../src/store/errors.ts";
import { openStores, type Stores } from "../../src/store/open-stores.ts";
import type { Presence } from "../../src/store/presence.ts";
import { fakeOffer } from "../fakes/fake-media-plane.ts";
import { call, expectStatus, TestMesh, until } from "./harness.ts";

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined, debug: () => undefined };

/** Real stores whose servers can be taken away. */
class Outage {
  archiveIsAway = false;
  presenceIsAway = false;

  async stores(dataDir: string): Promise<Stores> {
    const real = await openStores({ sqlitePath: join(dataDir, "hearsay.sqlite"), log: quiet });
    return {
      ...real,
      archive: this.#wrap<Archive>(real.archive, "archive", () => this.archiveIsAway),
      presence: this.#wrap<Presence>(real.presence, "presence", () => this.presenceIsAway),
    };
  }

  #wrap<T extends object>(store: T, name: "archive" | "presence", isAway: () => boolean): T {
    return new Proxy(store, {
      get(target, key) {
        const member: unknown = Reflect.get(target, key);
        if (typeof member !== "function" || key === "close") return member;
        return (...input: unknown[]) => {
          if (!isAway()) return Reflect.apply(member, target, input);
          const operation = String(key);
          return Promise.reject(
            new StoreUnavailableError({ store: name, operation, stateChanged: "no", cause: new Error("taken away") }),
          );
        };
      },
    });
  }
}

let mesh: TestMesh;
afterEach(() => mesh.stop());

test("[A70] with both stores away a call goes on, what needs them says so, and all comes back by itself", async () => {
  mesh = new TestMesh();
  const outage = new Outage();
  const node = await mesh.start("ada", { parts: { stores: await outage.stores(mesh.dataDir) } });
  const owner = await mesh.user(node, "owner");
  await mesh.room(node, owner.token, { slug: "sturdy" });
  const guest = await mesh.guest(node, "Jo");
  const [a, b] = [
    await mesh.enter(node, { token: owner.token, slug: "sturdy" }),
    await mesh.enter(node, { token: guest.token, slug: "sturdy" }),
  ];
  a.client.keepAlive(300);

  outage.archiveIsAway = true;
  outage.presenceIsAway = true;
  const refused = [
    await call(node, "POST", "/v1/guests", { body: { displayName: "x" } }),
    await call(node, "GET", "/v1/me", { token: owner.token }),
    await call(node, "POST", "/v1/sessions", { token: owner.token, body: { deviceId: "d" } }),
    await call(node, "GET", "/v1/rooms/sturdy"),
    await call(node, "POST", "/v1/rooms/sturdy/join", { token: b.session.token }),
    await call(node, "POST", "/v1/rooms/sturdy/messages", { token: owner.token, body: { text: "lost?" } }),
  ];
  for (const answer of refused) {
    expect([answer.status, answer.body.code]).toEqual([503, "store_unavailable"]);
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
  }
  expect((await call(node, "GET", "/readyz")).body).toMatchObject({ checks: { archive: false, presence: false } });
  expect((await call(node, "GET", "/livez")).status).toBe(200);
  expect((await call(node, "GET", "/v1/nodes")).status).toBe(200);

  // The call itself: an offer, a mute, a lost socket that resumes.
  const answer = await a.client.request({
    type: "offer",
    sdp: fakeOffer({ tracks: [{ mid: "0", kind: "audio" }] }),
    tracks: [{ mid: "0", kind: "audio", source: "microphone" }],
  });
  expect(answer.type).toBe("answer");
  const { lastSeq } = b.client;
  b.client.cut();
  const back = await mesh.client(node);
  expect(await back.hello(b.session.token, lastSeq)).toMatchObject({ resumed: true });
  back.keepAlive(300);
  // A session that this node does not know needs the store.
  const stranger = await mesh.client(node);
  const nobody = await stranger.request({ type: "hello", protocol: 1, token: `${b.session.token}x` });
  expect(nobody).toMatchObject({ code: "token_invalid" });
  expect(a.client.of("participantLeft")).toEqual([]);

  outage.archiveIsAway = false;
  outage.presenceIsAway = false;
  const said = await call(node, "POST", "/v1/rooms/sturdy/messages", {
    token: owner.token,
    body: { text: "here again" },
  });
  expectStatus(201, said);
  await back.until("the message", (m) => m.type === "message" && m.message.text === "here again");
  expect((await call(node, "GET", "/readyz")).status).toBe(200);
});

test("[A71] records that the store lost are made again by the nodes, and sessions taken elsewhere are let go", async () => {
  mesh = new TestMesh();
  const stores = await openStores({ sqlitePath: join(mesh.dataDir, "hearsay.sqlite"), log: quiet });
  const node = await mesh.start("ada", { parts: { stores } });
  const owner = await mesh.user(node, "owner");
  const room = await mesh.room(node, owner.token, { slug: "forgetful" });
  const inside = await mesh.enter(node, { token: owner.token, slug: "forgetful" });
  inside.client.keepAlive(300);
  await stores.presence.clearNode("ada");
  expect(await mesh.occupantsOf(room.roomId)).toEqual([]);
  await until("the place is back", async () => (await mesh.occupantsOf(room.roomId)).length === 1);
  expect(inside.client.isOpen).toBe(true);

  // Another node claims the session, and its notice is lost: the next renewal finds out.
  const { sessionId } = inside.session;
  const record = await stores.presence.getSession(sessionId);
  if (record === undefined) throw new Error("the session has no record");
  const { userId, deviceId, generation, epoch } = record;
  await stores.presence.putSession({
    sessionId,
    userId,
    deviceId,
    generation,
    node: "bell",
    epoch: epoch + 1,
    ttlMs: 30_000,
  });
  expect(await inside.client.closed).toMatchObject({ reason: "superseded" });
  await until("the node forgets it", async () => {
    const text = await (await fetch(`${node.app.url}/metrics`)).text();
    return text.includes("hearsay_sessions 0\n");
  });
  expect((await mesh.occupantsOf(room.roomId)).map((one) => one.node)).toEqual(["bell"]);
});
