import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type {
  ChatMessage,
  MeshResponse,
  MessagePage,
  NodesResponse,
  PlaceResponse,
  RoomInfo,
  RoomsResponse,
} from "#protocol";
import { fakeOffer } from "../fakes/fake-media-plane.ts";
import { call, expectStatus, TestMesh, type TestNode, until } from "./harness.ts";

describe("two people on two nodes", () => {
  const mesh = new TestMesh();
  let ada: TestNode;
  let bell: TestNode;

  beforeAll(async () => {
    ada = await mesh.start("ada");
    bell = await mesh.start("bell");
  });
  afterAll(() => mesh.stop());

  test("[A10] they register, meet in a room across the mesh, see each other's tracks, talk and leave", async () => {
    const owner = await mesh.user(ada, "Grace");
    const room = await mesh.room(ada, owner.token, { slug: "🏡-tea-room", title: "Tea", capacity: 2 });
    expect(room).toMatchObject({ slug: "🏡-tea-room", title: "Tea", access: "open", capacity: 2, role: "owner" });

    const slug = encodeURIComponent(room.slug);
    const place = expectStatus(
      200,
      await call<PlaceResponse>(ada, "POST", `/v1/rooms/${slug}/place`, {
        token: owner.token,
        body: {
          rtts: [
            { node: "ada", rttMs: 40 },
            { node: "bell", rttMs: 12 },
          ],
        },
      }),
    );
    expect(place.chosen).toMatchObject({ node: { name: "bell", url: bell.app.url }, rttMs: 12 });
    expect(place.why).toContain("bell");

    // HTTP on one node, the socket on the other: any node serves the first half.
    const grace = await mesh.enter(bell, { token: owner.token, slug: room.slug, via: ada });
    const visitor = await mesh.guest(bell, "Jo");
    const jo = await mesh.enter(ada, { token: visitor.token, slug: room.slug, via: bell });

    const heard = await grace.client.until("the guest", (m) => m.type === "participantJoined");
    expect(heard).toMatchObject({
      participant: { participantId: jo.participantId, displayName: "Jo", role: "guest", node: "ada", state: "active" },
    });
    const joined = jo.client.of("joined")[0];
    expect(joined?.participants.map((p) => [p.participantId, p.role, p.node])).toEqual([
      [grace.participantId, "owner", "bell"],
    ]);
    expect(joined?.grants).toEqual({ publish: true, subscribe: true, chat: true, moderate: false });

    const answer = await grace.client.request({
      type: "offer",
      sdp: fakeOffer({ tracks: [{ mid: "0", kind: "audio" }] }),
      tracks: [{ mid: "0", kind: "audio", source: "microphone" }],
      fresh: true,
    });
    expect(answer).toMatchObject({ type: "answer", tracks: [{ mid: "0" }] });
    await jo.client.until(
      "the track of the other",
      (m) => m.type === "participantUpdated" && m.participant.tracks.some((track) => track.source === "microphone"),
    );
    const trackId = answer.type === "answer" ? (answer.tracks[0]?.trackId ?? "") : "";
    expect(await grace.client.request({ type: "mute", trackId, muted: true })).toMatchObject({ type: "ok" });
    await jo.client.until(
      "the mute",
      (m) => m.type === "participantUpdated" && m.participant.tracks.some((track) => track.muted),
    );

    const said = await call<ChatMessage>(ada, "POST", `/v1/rooms/${slug}/messages`, {
      token: jo.session.token,
      body: { text: "hello 👋", clientId: "c-1" },
    });
    expect(said.status).toBe(201);
    for (const client of [grace.client, jo.client])
      expect(await client.until("the message", (m) => m.type === "message")).toMatchObject({ message: said.body });

    expect(expectStatus(200, await call<RoomInfo>(ada, "GET", `/v1/rooms/${slug}`)).occupants).toBe(2);
    expect(await jo.client.request({ type: "leave" })).toMatchObject({ type: "ok" });
    expect(await grace.client.until("the leave", (m) => m.type === "participantLeft")).toMatchObject({
      participantId: jo.participantId,
      reason: "left",
    });
    expect(expectStatus(200, await call<RoomInfo>(bell, "GET", `/v1/rooms/${slug}`)).occupants).toBe(1);
    // The socket is still there, and the session may come in again.
    const again = expectStatus(200, await mesh.ticket(ada, jo.session, room.slug));
    expect(await jo.client.request({ type: "join", token: again.token })).toMatchObject({ type: "joined" });
    const seqs = jo.client.messages.map((m) => m.seq);
    expect(seqs).toEqual(seqs.map((_, index) => index + 1));
  });

  test("[A10] the longest address that may be picked can be made, found and entered", async () => {
    const slug = "👨🏿‍❤️‍💋‍👨🏽".repeat(64);
    const owner = await mesh.user(ada, "sixty-four");
    const room = await mesh.room(ada, owner.token, { slug });
    expect(room).toMatchObject({ slug, title: slug });
    const found = await call<RoomInfo>(bell, "GET", `/v1/rooms/${encodeURIComponent(slug)}`, {});
    expect(expectStatus(200, found).roomId).toBe(room.roomId);
    await mesh.enter(bell, { token: owner.token, slug });
  });

  test("[A11] history pages both ways, and a repeated message is the same message", async () => {
    const owner = await mesh.user(ada, "writer");
    await mesh.room(ada, owner.token, { slug: "library" });
    const path = "/v1/rooms/library/messages";
    const { token } = owner;
    const ids: string[] = [];
    for (let i = 0; i < 7; i++) {
      // Alternating nodes: ids grow whoever mints them.
      const node = i % 2 === 0 ? ada : bell;
      const said = await call<ChatMessage>(node, "POST", path, {
        token,
        body: { text: `line ${i}`, clientId: `k${i}` },
      });
      ids.push(expectStatus(201, said).id);
    }
    expect([...ids].sort()).toEqual(ids);
    const repeated = await call<ChatMessage>(bell, "POST", path, {
      token,
      body: { text: "line 3" },
      headers: { "idempotency-key": "k3" },
    });
    expect([repeated.status, repeated.body.id]).toEqual([200, ids[3]]);

    const back = expectStatus(200, await call<MessagePage>(ada, "GET", `${path}?limit=3`, { token }));
    expect(back.messages.map((m) => m.text)).toEqual(["line 4", "line 5", "line 6"]);
    const older = expectStatus(
      200,
      await call<MessagePage>(ada, "GET", `${path}?limit=10&before=${back.nextCursor}`, { token }),
    );
    expect(older.messages.map((m) => m.id)).toEqual(ids.slice(0, 4));
    expect(older.nextCursor).toBeUndefined();
    const missed = expectStatus(
      200,
      await call<MessagePage>(bell, "GET", `${path}?limit=2&after=${ids[1]}`, { token }),
    );
    expect([missed.messages.map((m) => m.id), missed.nextCursor]).toEqual([ids.slice(2, 4), ids[3]]);
    const reply = await call<ChatMessage>(bell, "POST", path, { token, body: { text: "re", replyTo: ids[0] } });
    expect(expectStatus(201, reply).replyTo).toBe(ids[0]);
  });

  test("[A12] rooms are listed to their people, newest first, and creation is idempotent by key", async () => {
    const { token } = await mesh.user(bell, "maker");
    const headers = { "idempotency-key": "make-1" };
    const first = await call<RoomInfo>(bell, "POST", "/v1/rooms", { token, body: { slug: "attic" }, headers });
    const again = await call<RoomInfo>(bell, "POST", "/v1/rooms", { token, body: { slug: "attic" }, headers });
    expect([first.status, again.status, again.body.roomId]).toEqual([201, 201, first.body.roomId]);
    const other = await call(bell, "POST", "/v1/rooms", { token, body: { slug: "cellar" }, headers });
    expect([other.status, other.body.code]).toEqual([409, "idempotency_mismatch"]);
    await mesh.room(bell, token, { slug: "cellar" });
    const page = expectStatus(200, await call<RoomsResponse>(ada, "GET", "/v1/rooms?mine=true&limit=1", { token }));
    expect([page.rooms.map((room) => room.slug), typeof page.nextCursor]).toEqual([["cellar"], "string"]);
    const rest = expectStatus(
      200,
      await call<RoomsResponse>(ada, "GET", `/v1/rooms?before=${page.nextCursor}`, { token }),
    );
    expect([rest.rooms.map((room) => room.slug), rest.nextCursor]).toEqual([["attic"], undefined]);
  });

  test("[A13] every node tells of the mesh, its readiness, its metrics and its API", async () => {
    mesh.network.setRtt("ada", "bell", 23);
    const nodes = expectStatus(200, await call<NodesResponse>(bell, "GET", "/v1/nodes"));
    expect([nodes.self, nodes.nodes.map((node) => node.name)]).toEqual(["bell", ["bell", "ada"]]);
    await until("figures of both nodes", async () => {
      const report = expectStatus(200, await call<MeshResponse>(ada, "GET", "/v1/mesh"));
      return (
        report.nodes.every((node) => node.status === "alive" && node.people !== undefined) &&
        report.rtts.some((rtt) => rtt.from === "ada" && rtt.to === "bell" && rtt.rttMs === 23 && rtt.measured)
      );
    });
    expect((await call(ada, "GET", "/readyz")).body).toMatchObject({ status: "ready", checks: { archive: true } });
    expect((await call(ada, "GET", "/livez")).status).toBe(200);
    const metrics = await (await fetch(`${ada.app.url}/metrics`)).text();
    for (const name of [
      "hearsay_mesh_nodes 2",
      "hearsay_sessions ",
      "hearsay_gossip_packets_in_total 3",
      "hearsay_media_peers",
    ])
      expect(metrics).toContain(name);
    const api = (await call<{ paths: object; openapi: string }>(ada, "GET", "/v1/openapi.json")).body;
    expect(api.openapi).toBe("3.1.0");
    expect(Object.keys(api.paths)).toContain("/v1/rooms/{slug}/messages");
    const docs = await fetch(`${ada.app.url}/docs`);
    const page = await docs.text();
    expect([docs.status, page.includes("POST /v1/rooms/:slug/join"), /src=|href="http/.test(page)]).toEqual([
      200,
      true,
      false,
    ]);
    expect(docs.headers.get("content-security-policy")).toContain("media-src 'self' blob: mediastream:");
  });
});
