/** One node's sessions: offers, slots, mutes, media states; and what another node hears of them. */
import { expect, test } from "@jest/globals";
import { fakeOffer } from "../fakes/fake-media-plane.ts";
import { settle } from "../fakes/manual-clock.ts";
import { ROOM, RoomWorld } from "../fakes/room-world.ts";

async function oneNode(): Promise<RoomWorld> {
  const world = new RoomWorld();
  await world.boot("a");
  return world;
}

const camera = { mid: "0", kind: "video" as const, source: "camera" as const };
const cameraOffer = fakeOffer({ tracks: [{ mid: "0", kind: "video" }] });

test("[P60] offers of a session are answered in turn, and more than four waiting are refused", async () => {
  const world = await oneNode();
  await world.join("a", "ann");
  const { media, rooms } = world.at("a");
  let open = (): void => undefined;
  media.gate = new Promise((resolve) => {
    open = resolve;
  });
  const order: number[] = [];
  const offers = [0, 1, 2, 3].map(async (i) => {
    await rooms.offer("s-ann", { sdp: cameraOffer, tracks: [camera], fresh: i === 0 });
    order.push(i);
  });
  const fifth = rooms.offer("s-ann", { sdp: cameraOffer, tracks: [camera], fresh: false });
  await expect(fifth).rejects.toMatchObject({ code: "busy" });
  open();
  await Promise.all(offers);
  expect(order).toEqual([0, 1, 2, 3]);
});

test("[P61] track ids stay over later offers and are new with a fresh transport", async () => {
  const world = await oneNode();
  await world.join("a", "ann");
  const first = await world.publish("a", "s-ann");
  expect(await world.publish("a", "s-ann", { fresh: false })).toEqual(first);
  const renewed = await world.publish("a", "s-ann", { fresh: true });
  expect(new Set([first.audio, first.video, renewed.audio, renewed.video]).size).toBe(4);
  const shown = world
    .at("a")
    .rooms.participants(ROOM)[0]
    ?.tracks.map((track) => track.trackId);
  expect(shown).toEqual([renewed.audio, renewed.video]);
});

test("[P62] a refusal of the media plane keeps its code and changes nothing", async () => {
  const world = await oneNode();
  await world.join("a", "ann");
  await world.publish("a", "s-ann");
  const before = world.at("a").rooms.participants(ROOM);
  world.at("a").media.refuseNext = "peer_limit";
  const refused = world.at("a").rooms.offer("s-ann", { sdp: cameraOffer, tracks: [camera], fresh: true });
  await expect(refused).rejects.toMatchObject({ name: "RoomError", code: "peer_limit" });
  const malformed = world.at("a").rooms.offer("s-ann", { sdp: "v=0", tracks: [camera], fresh: true });
  await expect(malformed).rejects.toMatchObject({ code: "sdp_malformed" });
  expect(world.at("a").rooms.participants(ROOM)).toEqual(before);
});

test("[P62] offers and requests of a session that is not here are refused", async () => {
  const world = await oneNode();
  const { rooms } = world.at("a");
  await expect(rooms.offer("s-x", { sdp: cameraOffer, tracks: [], fresh: true })).rejects.toMatchObject({
    code: "not_joined",
  });
  expect(() => rooms.setMuted("s-x", "t", true)).toThrow(expect.objectContaining({ code: "not_joined" }));
  expect(() => rooms.setView("s-x", [])).toThrow(expect.objectContaining({ code: "not_joined" }));
  expect(rooms.snapshot()).toEqual([]);
});

test("[P63] without the grant to publish an offer with tracks is refused, without tracks it is answered", async () => {
  const world = await oneNode();
  const grants = { publish: false, subscribe: true, chat: true, moderate: false };
  await world.join("a", "ann", { grants });
  const { rooms } = world.at("a");
  const refused = rooms.offer("s-ann", { sdp: cameraOffer, tracks: [camera], fresh: true });
  await expect(refused).rejects.toMatchObject({ code: "not_allowed" });
  await expect(rooms.offer("s-ann", { sdp: fakeOffer({}), tracks: [], fresh: true })).resolves.toMatchObject({
    tracks: [],
  });
});

test("[P63] without the grant to subscribe no slot carries anything", async () => {
  const world = await oneNode();
  const grants = { publish: true, subscribe: false, chat: true, moderate: false };
  const { client } = await world.join("a", "ann", { grants });
  await world.join("a", "bob");
  await world.publish("a", "s-bob");
  await world.publish("a", "s-ann");
  await world.clock.advance(10);
  expect(world.at("a").media.slotsOf("s-ann").size).toBe(0);
  expect(client.ofType("slots")).toEqual([]);
});

test("[P64] a session that leaves while its offer is answered leaves nothing behind", async () => {
  const world = await oneNode();
  await world.join("a", "ann");
  const { media, rooms } = world.at("a");
  let open = (): void => undefined;
  media.gate = new Promise((resolve) => {
    open = resolve;
  });
  const offer = rooms.offer("s-ann", { sdp: cameraOffer, tracks: [camera], fresh: true });
  await settle();
  rooms.leave("s-ann", "left");
  open();
  await expect(offer).rejects.toMatchObject({ code: "not_joined" });
  expect(media.peers.size).toBe(0);
  expect(rooms.participants(ROOM)).toEqual([]);
});

test("[P65] the news of what slots carry comes after the answer", async () => {
  const world = await oneNode();
  await world.join("a", "ann");
  await world.publish("a", "s-ann");
  const { client } = await world.join("a", "bob");
  const offer = world.at("a").rooms.offer("s-bob", { sdp: fakeOffer({}), tracks: [], fresh: true });
  let slotsAtAnswer = -1;
  await offer.then(() => {
    slotsAtAnswer = client.ofType("slots").length;
  });
  await world.clock.advance(1);
  expect(slotsAtAnswer).toBe(0);
  expect(client.ofType("slots")).toHaveLength(1);
  const [slots] = client.ofType("slots");
  expect(slots?.slots.filter((slot) => slot.participantId === "p-ann").map((slot) => slot.source)).toEqual([
    "microphone",
    "camera",
  ]);
});

test("[P66] a track that a later offer does not name any more is closed and leaves everybody's slots", async () => {
  const world = await oneNode();
  await world.join("a", "ann");
  const { video } = await world.publish("a", "s-ann");
  await world.join("a", "bob");
  await world.publish("a", "s-bob");
  await world.clock.advance(1);
  expect([...world.at("a").media.slotsOf("s-bob").values()]).toContain(video);
  const sdp = fakeOffer({ tracks: [{ mid: "0", kind: "audio" }] });
  const tracks = [{ mid: "0", kind: "audio" as const, source: "microphone" as const }];
  await world.at("a").rooms.offer("s-ann", { sdp, tracks, fresh: false });
  expect(world.at("a").media.closedTracks).toEqual([video]);
  expect([...world.at("a").media.slotsOf("s-bob").values()]).not.toContain(video);
});

test("[P67] muting stops the track at its source and tells everybody, on every node", async () => {
  const world = new RoomWorld();
  await world.boot("a", "b");
  await world.join("a", "ann");
  const { client } = await world.join("b", "bob");
  const { audio } = await world.publish("a", "s-ann");
  await world.clock.advance(100);
  world.at("a").rooms.setMuted("s-ann", audio, true);
  await world.clock.advance(100);
  expect(world.at("a").media.mutedTracks.has(audio)).toBe(true);
  expect(client.ofType("participantUpdated").at(-1)?.participant.tracks).toContainEqual({
    ...{ trackId: audio, kind: "audio", source: "microphone", muted: true },
  });
  expect(() => world.at("a").rooms.setMuted("s-ann", "somebody's", true)).toThrow(
    expect.objectContaining({ code: "unknown_track" }),
  );
});

test("[P67] a track that is offered muted is muted from its beginning", async () => {
  const world = await oneNode();
  await world.join("a", "ann");
  const offer = { sdp: cameraOffer, tracks: [{ ...camera, muted: true }], fresh: true };
  const { tracks } = await world.at("a").rooms.offer("s-ann", offer);
  expect(world.at("a").media.mutedTracks.has(tracks[0]?.trackId ?? "")).toBe(true);
  expect(world.at("a").rooms.participants(ROOM)[0]?.tracks[0]?.muted).toBe(true);
});

test("[P9] a view decides what is sent and how large; what it does not list is not sent", async () => {
  const world = await oneNode();
  await world.join("a", "ann");
  await world.join("a", "bob");
  const { client } = await world.join("a", "cid");
  const ann = await world.publish("a", "s-ann");
  const bob = await world.publish("a", "s-bob");
  await world.publish("a", "s-cid");
  await world.clock.advance(1);
  const { media, rooms } = world.at("a");
  expect([...media.slotsOf("s-cid").values()].sort()).toEqual([ann.audio, ann.video, bob.audio, bob.video].sort());
  rooms.setView("s-cid", [{ participantId: "p-bob", source: "camera", width: 640, height: 360 }]);
  expect([...media.slotsOf("s-cid").values()].sort()).toEqual([ann.audio, bob.audio, bob.video].sort());
  const slot = [...(media.peers.get("s-cid")?.slots.values() ?? [])].find((s) => s.trackId === bob.video);
  expect(slot?.target).toEqual({ width: 640, height: 360 });
  const slots = client
    .ofType("slots")
    .at(-1)
    ?.slots.filter((s) => s.kind === "video" && s.trackId !== undefined);
  expect(slots?.map((s) => s.trackId)).toEqual([bob.video]);
});

test("[P73] a lost socket or lost media shows as reconnecting until both are back", async () => {
  const world = new RoomWorld();
  await world.boot("a", "b");
  await world.join("a", "ann");
  await world.join("b", "bob");
  const state = async (): Promise<string | undefined> => {
    await world.clock.advance(50);
    return world
      .at("b")
      .rooms.participants(ROOM)
      .find((p) => p.displayName === "ann")?.state;
  };
  const { media, rooms } = world.at("a");
  rooms.setReconnecting("s-ann", true);
  expect(await state()).toBe("reconnecting");
  media.emit({ kind: "peerState", peerId: "s-ann", state: "reconnecting" });
  rooms.setReconnecting("s-ann", false);
  expect(await state()).toBe("reconnecting");
  media.emit({ kind: "peerState", peerId: "s-ann", state: "connected" });
  expect(await state()).toBe("active");
});

test("[P73] after a resume the new client hears what follows", async () => {
  const world = await oneNode();
  const { client } = await world.join("a", "ann");
  const later = {
    messages: [] as string[],
    notify: (m: { readonly type: string }) => void later.messages.push(m.type),
  };
  world.at("a").rooms.setReconnecting("s-ann", true);
  world.at("a").rooms.setReconnecting("s-ann", false, later);
  await world.join("a", "bob");
  expect(client.messages).toEqual([]);
  expect(later.messages).toEqual(["participantJoined"]);
});

test("[P74] the end of a media transport that a fresh offer has replaced opens no door", async () => {
  const world = await oneNode();
  const { client } = await world.join("a", "ann");
  const { media, rooms } = world.at("a");
  const negotiate = media.negotiate.bind(media);
  let transport = 0;
  media.negotiate = async (input) => {
    transport += 1;
    return { ...(await negotiate(input)), transport };
  };
  await world.publish("a", "s-ann");
  await world.publish("a", "s-ann", { fresh: true });
  const gone: string[] = [];
  rooms.onMediaGone((sessionId) => gone.push(sessionId));
  media.emit({ kind: "peerState", peerId: "s-ann", state: "gone", transport: 1 });
  await world.clock.advance(60_000);
  expect([gone, client.ofType("media")]).toEqual([[], []]);
  media.emit({ kind: "peerState", peerId: "s-ann", state: "gone", transport: 2 });
  await world.clock.advance(60_000);
  expect(gone).toEqual(["s-ann"]);
});

test("[P74] media gone for 30 s opens the third door once, and a fresh offer in time keeps it shut", async () => {
  const world = await oneNode();
  const { client } = await world.join("a", "ann");
  await world.publish("a", "s-ann");
  const { media, rooms } = world.at("a");
  const gone: string[] = [];
  rooms.onMediaGone((sessionId) => gone.push(sessionId));
  media.emit({ kind: "peerState", peerId: "s-ann", state: "gone" });
  await world.clock.advance(29_000);
  await world.publish("a", "s-ann", { fresh: true });
  await world.clock.advance(60_000);
  expect(gone).toEqual([]);
  media.emit({ kind: "peerState", peerId: "s-ann", state: "gone" });
  media.emit({ kind: "peerState", peerId: "s-ann", state: "gone" });
  await world.clock.advance(90_000);
  expect(gone).toEqual(["s-ann"]);
  expect(client.ofType("media").map((message) => message.state)).toEqual(["gone", "gone", "gone"]);
});

test("[P71] a room refuses more people than one node can announce", async () => {
  const world = await oneNode();
  for (let i = 0; i < 500; i += 1) {
    const client = { notify: () => undefined };
    const person = { participantId: `p-${i}`, userId: `u-${i}`, displayName: `${i}`, role: "member" as const };
    const grants = { publish: true, subscribe: true, chat: true, moderate: false };
    await world
      .at("a")
      .rooms.join({ ...person, roomId: ROOM, sessionId: `s-${i}`, epoch: 1, grants, otherNodes: [] }, client);
  }
  await expect(world.join("a", "ann")).rejects.toMatchObject({ code: "room_node_full" });
  expect(world.at("a").rooms.snapshot()).toEqual([{ roomId: ROOM, local: 500, remote: 0 }]);
});

test("a session that enters another room leaves the first", async () => {
  const world = await oneNode();
  const { client } = await world.join("a", "ann");
  await world.join("a", "bob");
  await world.join("a", "bob", { roomId: "room-2" });
  expect(world.seenAt("a")).toEqual(["ann@a"]);
  expect(world.seenAt("a", "room-2")).toEqual(["bob@a"]);
  expect(client.ofType("participantLeft")).toMatchObject([{ reason: "left" }]);
});

test("a session that enters its room again keeps its tracks", async () => {
  const world = await oneNode();
  const { client } = await world.join("a", "ann");
  await world.join("a", "bob");
  const tracks = await world.publish("a", "s-bob");
  await world.join("a", "bob", { epoch: 2 });
  expect(
    world
      .at("a")
      .rooms.participants(ROOM)[1]
      ?.tracks.map((t) => t.trackId),
  ).toEqual([tracks.audio, tracks.video]);
  expect(world.at("a").media.peers.has("s-bob")).toBe(true);
  expect(client.ofType("participantLeft")).toEqual([]);
});
