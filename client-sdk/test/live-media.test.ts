/** Layers, pauses, data, rights and scores as a client sees them, with a fake mesh and fake peer connections. */
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { Hearsay } from "../src/client.ts";
import { decodeData, encodeData, withSender } from "../src/protocol/data-frame.ts";
import type { RoomInfo } from "../src/protocol/messages.ts";
import type { Room } from "../src/room.ts";
import { applyLayers } from "../src/send-layers.ts";
import { FakeClock, settle } from "./fakes/fake-clock.ts";
import { FakeDevices, FakePeerConnection, FakeTrack, installFakeMedia } from "./fakes/fake-media.ts";
import { FakeMesh, person } from "./fakes/fake-mesh.ts";

let uninstall: () => void;
beforeEach(() => {
  uninstall = installFakeMedia();
});
afterEach(() => uninstall());

async function setUp(own?: Partial<RoomInfo>) {
  const mesh = new FakeMesh("a");
  if (own !== undefined) mesh.ownRooms = [{ roomId: "r1", ...own }];
  mesh.people = [person("ann", [{ trackId: "cam", kind: "video", source: "camera", muted: false }])];
  const clock = new FakeClock();
  const devices = new FakeDevices();
  const client = new Hearsay({
    url: "http://a.test",
    token: "t",
    fetch: mesh.fetch as typeof fetch,
    WebSocket: mesh.WebSocket,
    RTCPeerConnection: FakePeerConnection.asConstructor(),
    mediaDevices: devices.asMediaDevices(),
    nowMs: clock.nowMs,
    schedule: clock.schedule,
  });
  const log: string[] = [];
  const joining = client.join("kitchen", {
    audio: true,
    onRoom: (room: Room) => {
      room.on("trackStateChanged", ({ track }) => log.push(`${track.trackId} ${track.state}`));
      room.on("connectionQuality", ({ participantId, score }) => log.push(`${participantId} ${score}`));
      room.on("grants", ({ role }) => log.push(`grants ${role}`));
      room.on("mutedByModerator", ({ source }) => log.push(`muted ${source}`));
      room.on("roomUpdated", ({ slug }) => log.push(`room ${slug}`));
      room.on("roomLife", ({ what, change }) => log.push(`${what} ${change}`));
      room.on("refused", ({ request, code }) => log.push(`${request} ${code}`));
    },
  });
  await settle();
  const room = await joining;
  await settle();
  return { mesh, node: mesh.node("a"), room, log, clock, devices };
}

test("a slot that is paused or cannot be decoded is shown on its track, until it is live again", async () => {
  const { node, room, log } = await setUp();
  const track = room.participants.get("ann")?.track("camera");
  node.say({ type: "slots", slots: [{ mid: "3", kind: "video", participantId: "ann", trackId: "cam" }] });
  node.say({ type: "slotState", mid: "3", trackId: "cam", state: "paused" });
  await settle();
  expect(track?.paused).toBe(true);
  node.say({ type: "slotState", mid: "3", trackId: "cam", state: "unsupportedCodec" });
  node.say({ type: "slotState", mid: "3", trackId: "cam", state: "live" });
  node.say({ type: "slotState", mid: "3", trackId: "nobody's", state: "paused" });
  await settle();
  expect(log).toEqual(["cam paused", "cam unsupportedCodec", "cam live"]);
});

test("only the layers that somebody wants are sent; unknown names mean the whole stream", () => {
  const encodings = (): RTCRtpEncodingParameters[] => [{ rid: "q" }, { rid: "h" }, { rid: "f", active: true }];
  const three = encodings();
  expect(applyLayers(three, ["q", "h", "f"])).toBe(false);
  expect(applyLayers(three, ["q"])).toBe(true);
  expect(three.map(({ active }) => active ?? true)).toEqual([true, false, false]);
  expect(applyLayers(three, [])).toBe(true);
  expect(three.some(({ active }) => active)).toBe(false);
  expect(applyLayers(three, ["S2T2"])).toBe(true);
  expect(three.every(({ active }) => active)).toBe(true);
  const single = [{}] as RTCRtpEncodingParameters[];
  expect(applyLayers(single, [""])).toBe(false);
});

test("scores, rights and a moderator's mute are told, and the track is muted", async () => {
  const { node, room, log } = await setUp();
  node.say({ type: "quality", scores: [{ participantId: "ann", score: 3.4 }] });
  const grants = { publish: true, subscribe: true, chat: true, moderate: true };
  node.say({ type: "grants", role: "moderator", grants });
  node.say({ type: "muted", trackId: "microphone@a" });
  await settle();
  expect(log).toEqual(["ann 3.4", "grants moderator", "muted microphone"]);
  expect(room.qualityOf("ann")).toBe(3.4);
  expect(room.grants.moderate).toBe(true);
  expect(room.local.isOn("microphone")).toBe(false);
});

test("moderators' deeds are requests, and a refusal is told", async () => {
  const { mesh, node, room, log } = await setUp();
  room.muteParticipant("ann");
  room.removeParticipant("ann");
  expect(node.requests("moderate").map(({ action, participantId }) => `${action} ${participantId}`)).toEqual([
    "mute ann",
    "remove ann",
  ]);
  const [first] = node.requests("moderate");
  await settle();
  expect(log).toEqual([]);
  expect(first?.id).not.toBe("");
  expect(mesh.requests.some((request) => request.includes("moderate"))).toBe(false);
});

test("a renamed room is asked for by its new address, and an older record changes nothing", async () => {
  const { mesh, node, room, log } = await setUp();
  const base = { roomId: "r1", title: "Küche", description: "", access: "open", capacity: 9 } as const;
  node.say({ type: "roomUpdated", room: { ...base, slug: "küche", version: 3 } });
  node.say({ type: "roomUpdated", room: { ...base, slug: "old", version: 2 } });
  node.say({ type: "roomLife", what: "file", change: "added", id: "f", userId: "u" });
  await settle();
  expect(log).toEqual(["room küche", "file added"]);
  expect([room.slug, room.title]).toEqual(["küche", "Küche"]);
  await room.memories.list().catch(() => undefined);
  expect(mesh.requests.at(-1)).toContain("/v1/rooms/küche/gallery");
});

test("sharing a screen asks once for picture and sound, and ends with the browser's own button", async () => {
  const { room, devices } = await setUp();
  const shared = [new FakeTrack("video"), new FakeTrack("audio")];
  let asked = 0;
  Object.assign(devices, {
    getDisplayMedia: async () => {
      asked += 1;
      return { getTracks: () => shared };
    },
  });
  await room.local.setScreenShareEnabled(true, { audio: true, contentHint: "motion" });
  expect(asked).toBe(1);
  expect(shared[0]?.contentHint).toBe("motion");
  expect([room.local.isOn("screen"), room.local.isOn("screenAudio")]).toEqual([true, true]);
  shared[0]?.onended?.();
  await settle();
  expect(room.local.track("screen")).toBeUndefined();
  expect(shared[1]?.stopped).toBe(true);
});

test("a data message keeps its topic and bytes; the node only puts the sender in front", () => {
  const bytes = new Uint8Array([0, 255, 7]);
  const frame = encodeData("cursor", bytes);
  if (frame === undefined) throw new Error("too long");
  const told = decodeData(withSender("pá", frame) ?? new Uint8Array());
  expect(told).toEqual({ sender: "pá", topic: "cursor", payload: bytes });
  expect(encodeData("x".repeat(256), bytes)).toBeUndefined();
  expect(encodeData("", new Uint8Array(16_384))).toBeUndefined();
  for (const bad of [[], [3, 65], [1, 65], [0, 9, 1]]) expect(decodeData(new Uint8Array(bad))).toBeUndefined();
});

test("without an open channel a data message is not sent, and one that is too long is the caller's mistake", async () => {
  const { room } = await setUp();
  expect(room.sendData("hello")).toBe(false);
  expect(() => room.sendData(new Uint8Array(20_000))).toThrow(expect.objectContaining({ code: "invalid_argument" }));
});

test("what was unread before one came is counted from the beginning, and read away", async () => {
  const { mesh, node, room } = await setUp({ unread: 3, unreadMentions: 1, readUpTo: "m001", newestMessageId: "m004" });
  expect(room.chat.unread).toEqual({ count: 3, mentions: 1 });
  const message = { id: "m005", authorId: "u2", authorName: "Ann", text: "hi", sentAtMs: 1 };
  node.say({ type: "message", message });
  await settle();
  expect(room.chat.unread).toEqual({ count: 4, mentions: 1 });
  mesh.intercept = (_method, path) =>
    path.endsWith("/read") ? { status: 200, body: { messageId: "m005", unread: 0, unreadMentions: 0 } } : undefined;
  await room.chat.markRead("m005");
  expect(room.chat.unread).toEqual({ count: 0, mentions: 0 });
});

test("a network that is another one now renews socket and connection at once", async () => {
  const platform = new EventTarget();
  const scope = globalThis as unknown as Record<string, unknown>;
  scope["addEventListener"] = platform.addEventListener.bind(platform);
  const { node, room } = await setUp();
  scope["addEventListener"] = undefined;
  const events: string[] = [];
  room.on("reconnecting", ({ what }) => events.push(`lost ${what}`));
  room.on("reconnected", ({ what }) => events.push(`back ${what}`));
  const last = (): FakePeerConnection => FakePeerConnection.all.at(-1) as FakePeerConnection;
  last().become("connected");
  const [sockets, connections] = [node.sockets.length, FakePeerConnection.all.length];
  platform.dispatchEvent(new Event("online"));
  await settle();
  expect(node.sockets).toHaveLength(sockets + 1);
  expect(FakePeerConnection.all.length).toBeGreaterThan(connections);
  last().become("connected");
  expect(events.sort()).toEqual(["back media", "back node", "lost media", "lost node"]);
  room.leave();
});
