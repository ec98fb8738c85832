/** The whole client in plain Node: fake sockets, fetch, devices and peer connections against a mesh in memory. */
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { Hearsay, type JoinOptions } from "../src/client.ts";
import type { Room } from "../src/room.ts";
import { FakeClock, seeded, settle } from "./fakes/fake-clock.ts";
import { FakeDevices, FakePeerConnection, installFakeMedia } from "./fakes/fake-media.ts";
import { FakeMesh, person } from "./fakes/fake-mesh.ts";

let uninstall: () => void;
beforeEach(() => {
  uninstall = installFakeMedia();
});
afterEach(() => uninstall());

function setUp(...names: string[]) {
  const mesh = new FakeMesh(...(names.length === 0 ? ["a", "b"] : names));
  const clock = new FakeClock();
  const devices = new FakeDevices();
  const stored = new Map<string, string>();
  const storage = {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (k: string, v: string) => void stored.set(k, v),
  };
  const client = new Hearsay({
    url: "http://a.test",
    token: "user-token",
    fetch: mesh.fetch as typeof fetch,
    WebSocket: mesh.WebSocket,
    RTCPeerConnection: FakePeerConnection.asConstructor(),
    mediaDevices: devices.asMediaDevices(),
    storage,
    random: seeded(5),
    nowMs: clock.nowMs,
    schedule: clock.schedule,
  });
  const log: string[] = [];
  const onRoom = (room: Room): void => {
    room.on("state", (state) => state !== "connecting" && log.push(state));
    room.on("moved", ({ from, to }) => log.push(`moved ${from} ${to}`));
    room.on("closed", ({ code }) => log.push(`closed ${code}`));
    room.on("message", ({ text }) => log.push(`message ${text}`));
    room.on("deviceError", ({ source, code }) => log.push(`${source} ${code}`));
  };
  const join = async (options: JoinOptions = {}): Promise<Room> => {
    const joining = client.join("kitchen", { onRoom, ...options });
    joining.catch(() => undefined);
    await settle();
    const room = await joining;
    await settle();
    return room;
  };
  return { mesh, clock, devices, client, join, log, storage };
}
const peer = (): FakePeerConnection => FakePeerConnection.all.at(-1) as FakePeerConnection;

test("joining measures, asks for a place, enters, and offers own tracks and slots", async () => {
  const { mesh, join, log } = setUp();
  const room = await join({ audio: true, video: true });
  expect(room.path).toMatchObject({ node: { name: "a" }, why: "It is the nearest." });
  expect(log).toEqual(["connected"]);
  const offers = mesh.node("a").requests("offer");
  expect(offers[0]).toMatchObject({ fresh: true });
  expect(
    offers
      .at(-1)
      ?.tracks.map(({ source }) => source)
      .sort(),
  ).toEqual(["camera", "microphone"]);
  expect(offers.at(-1)?.sdp.match(/audio:recvonly/g)).toHaveLength(3);
  expect(offers.at(-1)?.sdp.match(/video:recvonly/g)).toHaveLength(4);
  const camera = peer().transceivers.find(({ sendEncodings }) => sendEncodings.length === 3);
  expect(camera?.sendEncodings.map(({ rid }) => rid)).toEqual(["q", "h", "f"]);
});

test("tokens are in headers and the first message, never in a URL", async () => {
  const { mesh, join } = setUp();
  await join();
  expect(mesh.node("a").requests("hello")[0]).toMatchObject({ token: "session-token" });
  expect(mesh.requests.some((request) => request.includes("token"))).toBe(false);
});

test("a refresh is the same device", async () => {
  const { client, storage } = setUp();
  const again = new Hearsay({ url: "http://a.test", storage });
  expect(again.deviceId).toBe(client.deviceId);
  expect(client.deviceId).toMatch(/^[0-9a-v]{26}$/);
});

test("a full room rejects the join with its code and leaves nothing open", async () => {
  const { mesh, join, devices } = setUp();
  mesh.intercept = (_method, path) =>
    path.endsWith("/join") ? { status: 409, body: { code: "room_full", title: "Full", status: 409 } } : undefined;
  await expect(join({ audio: true })).rejects.toMatchObject({ code: "room_full" });
  expect(devices.opened.every(({ stopped }) => stopped)).toBe(true);
  expect(mesh.node("a").socket.open).toBe(false);
});

test("a refused camera is told, and the call goes on without it", async () => {
  const { devices, join, log } = setUp();
  devices.refuse = "NotAllowedError";
  const room = await join({ video: true });
  expect(log).toContain("camera device_denied");
  expect(room.state).toBe("connected");
});

test("a join that no node lets in ends after its time", async () => {
  const { mesh, clock, client } = setUp("a");
  mesh.intercept = (_method, path) =>
    path.endsWith("/join") ? { status: 503, body: { code: "unavailable", title: "", status: 503 } } : undefined;
  const joining = client.join("kitchen");
  const rejected = expect(joining).rejects.toMatchObject({ code: "timeout" });
  await clock.advance(31_000);
  await rejected;
});

test("a dropped socket resumes after the last number; the peer connection stays", async () => {
  const { mesh, clock, join, log } = setUp();
  const room = await join({ audio: true });
  const before = mesh.node("a").offers;
  mesh.node("a").socket.drop();
  await clock.advance(500);
  expect(log).toEqual(["connected", "reconnecting", "connected"]);
  expect(mesh.node("a").requests("hello")[1]?.lastSeq).toBeGreaterThan(0);
  expect(mesh.node("a").offers).toBe(before);
  expect(FakePeerConnection.all).toHaveLength(1);
  expect(room.state).toBe("connected");
});

test("a killed node is replaced by another one, with the same session and a fresh offer", async () => {
  const { mesh, clock, join, log } = setUp();
  const room = await join({ audio: true });
  mesh.node("a").kill();
  await clock.advance(1_000);
  expect(log).toEqual(["connected", "reconnecting", "connected", "moved a b"]);
  expect(mesh.node("b").requests("hello")[0]).toMatchObject({ token: "session-token" });
  expect(mesh.node("b").requests("offer").at(-1)).toMatchObject({ fresh: true });
  expect(FakePeerConnection.all.map(({ closed }) => closed)).toEqual([true, false]);
  expect(room.path.node.name).toBe("b");
  expect(peer().transceivers[0]?.sender.track).toBe(room.local.track("microphone")?.mediaTrack);
});

test("with every node dead the client keeps trying, and is back when one returns", async () => {
  const { mesh, clock, join, log } = setUp();
  await join();
  for (const node of mesh.nodes) node.kill();
  await clock.advance(120_000);
  expect(log).toEqual(["connected", "reconnecting"]);
  mesh.node("b").alive = true;
  await clock.advance(10_000);
  expect(log.at(-1)).toBe("moved a b");
});

test("a silent connection is found dead by its missing pongs", async () => {
  const { mesh, clock, join, log } = setUp("a");
  await join();
  mesh.node("a").handle = () => undefined;
  await clock.advance(14_000);
  expect(log[1]).toBe("reconnecting");
});

test("people, slots and speakers follow the node's messages", async () => {
  const { mesh, join } = setUp();
  const track = { trackId: "ann-cam", kind: "video" as const, source: "camera" as const, muted: false };
  mesh.people = [person("ann", [track])];
  const room = await join();
  const node = mesh.node("a");
  const slots = peer().transceivers.filter(({ direction }) => direction === "recvonly");
  const mid = slots.find(({ receiver }) => receiver.track.kind === "video")?.mid ?? "";
  node.say({
    type: "slots",
    slots: [{ mid, kind: "video", participantId: "ann", trackId: "ann-cam", source: "camera" }],
  });
  node.say({ type: "speakers", speakers: [{ participantId: "ann", level: 20 }] });
  node.say({ type: "participantJoined", participant: person("me") });
  await settle();
  expect(room.participants.get("ann")?.track("camera")?.mediaTrack).toBeDefined();
  expect(room.speakers).toEqual([{ participantId: "ann", level: 20 }]);
  expect([...room.participants.keys()]).toEqual(["ann"]);
  node.say({ type: "participantLeft", participantId: "ann", reason: "left" });
  await settle();
  expect(room.participants.size).toBe(0);
});

test("a view with more pictures than slots grows the offer once, up to the bound", async () => {
  const { mesh, join } = setUp();
  const room = await join();
  const show = (count: number): void =>
    room.setView(
      Array.from({ length: count }, (_, n) => ({ participantId: `p${n}`, source: "camera", width: 320, height: 180 })),
    );
  const lastSlots = (): number | undefined =>
    mesh
      .node("a")
      .requests("offer")
      .at(-1)
      ?.sdp.match(/video:recvonly/g)?.length;
  show(3);
  await settle();
  expect(mesh.node("a").offers).toBe(1);
  show(6);
  await settle();
  expect(mesh.node("a").offers).toBe(2);
  expect(lastSlots()).toBe(6);
  expect(mesh.node("a").requests("offer").at(-1)).not.toHaveProperty("fresh");
  show(2);
  show(40);
  await settle();
  expect(lastSlots()).toBe(25);
});

test("muting says so; unpublishing offers without the track", async () => {
  const { mesh, join } = setUp();
  const room = await join({ audio: true, video: true });
  await room.local.setCamera(false);
  await settle();
  expect(mesh.node("a").requests("mute").at(-1)).toMatchObject({ trackId: "camera@a", muted: true });
  await room.local.unpublish("microphone");
  await settle();
  expect(
    mesh
      .node("a")
      .requests("offer")
      .at(-1)
      ?.tracks.map(({ source, muted }) => [source, muted]),
  ).toEqual([["camera", true]]);
});

test("media that failed are offered anew while the session stays", async () => {
  const { mesh, join } = setUp();
  await join();
  peer().become("failed");
  await settle();
  expect(mesh.node("a").requests("offer").at(-1)).toMatchObject({ fresh: true });
  expect(mesh.node("a").requests("hello")).toHaveLength(1);
  expect(FakePeerConnection.all).toHaveLength(2);
});

test("text sent while no node answers arrives once when one does", async () => {
  const { mesh, clock, join, log } = setUp();
  const room = await join();
  mesh.node("a").kill();
  mesh.node("b").alive = false;
  const sending = room.send("still there?");
  await clock.advance(5_000);
  mesh.node("b").alive = true;
  await clock.advance(10_000);
  await expect(sending).resolves.toMatchObject({ text: "still there?" });
  expect(mesh.messages).toHaveLength(1);
  expect(log.filter((line) => line === "message still there?")).toHaveLength(1);
});

test("messages missed during a move are fetched by the last id", async () => {
  const { mesh, clock, join, log } = setUp();
  const room = await join();
  await room.send("one");
  mesh.node("a").kill();
  mesh.messages.push({ id: "m050", authorId: "u2", authorName: "Ann", text: "two", sentAtMs: 2 });
  await clock.advance(2_000);
  expect(log.filter((line) => line.startsWith("message"))).toEqual(["message one", "message two"]);
});

test("babble of a node is counted and does no harm", async () => {
  const { mesh, join } = setUp();
  const room = await join();
  mesh.node("a").socket.text("}{");
  mesh.node("a").socket.text('{"type":"slots","seq":1e9,"slots":"none"}');
  await settle();
  expect(Object.fromEntries(room.ignored)).toEqual({ not_json: 1, bad_shape: 1 });
  expect(room.state).toBe("connected");
});

test("a platform without peer connections joins for text and people, and offers nothing", async () => {
  const mesh = new FakeMesh("a");
  const clock = new FakeClock();
  const given = { fetch: mesh.fetch as typeof fetch, WebSocket: mesh.WebSocket, nowMs: clock.nowMs };
  const client = new Hearsay({ url: "http://a.test", token: "t", schedule: clock.schedule, ...given });
  const joining = client.join("kitchen");
  await clock.advance(1_000);
  const room = await joining;
  await clock.advance(30_000);
  expect(room.state).toBe("connected");
  expect(mesh.node("a").offers).toBe(0);
});

test("leaving says so, closes devices and connection, and ends all events", async () => {
  const { mesh, clock, devices, join, log } = setUp();
  const room = await join({ audio: true });
  room.leave();
  room.leave();
  await clock.advance(60_000);
  expect(mesh.node("a").requests("leave")).toHaveLength(1);
  expect(devices.opened[0]?.stopped).toBe(true);
  expect(peer().closed).toBe(true);
  expect(log.slice(1)).toEqual(["closed", "closed left"]);
});

test("being superseded by another tab is told and final", async () => {
  const { mesh, clock, join, log } = setUp();
  await join();
  mesh.node("a").say({ type: "closing", reason: "superseded" });
  await clock.advance(60_000);
  expect(log.slice(1)).toEqual(["closed", "closed superseded"]);
  expect(mesh.node("a").requests("hello")).toHaveLength(1);
});
