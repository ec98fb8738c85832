/** Moderators and those whom they moderate, on one node and on several. */
import { expect, test } from "@jest/globals";
import { MODERATE_TOPIC } from "../../src/room/moderation.ts";
import type { RoomService } from "../../src/room/room-service.ts";
import { type FakeClient, ROOM, RoomWorld } from "../fakes/room-world.ts";

type Deed = Parameters<RoomService["moderate"]>[1];

const GRANTS = { publish: true, subscribe: true, chat: true, moderate: false };
const NODES = { owner: "a", mod: "a", ann: "b", vic: "b" } as const;
type Person = keyof typeof NODES;
const ROLES = { owner: "owner", mod: "moderator", ann: "member", vic: "moderator" } as const;

class ModeratedRoom extends RoomWorld {
  readonly clients = new Map<string, FakeClient>();
  annTracks = { audio: "", video: "" };

  static async open(): Promise<ModeratedRoom> {
    const world = new ModeratedRoom();
    await world.boot("a", "b");
    for (const person of ["owner", "mod", "ann", "vic"] as const) {
      const role = ROLES[person];
      const { client } = await world.join(NODES[person], person, { role });
      world.clients.set(person, client);
      const tracks = await world.publish(NODES[person], `s-${person}`);
      if (person === "ann") world.annTracks = tracks;
    }
    await world.clock.advance(2_000);
    return world;
  }

  client(person: Person): FakeClient {
    const client = this.clients.get(person);
    if (client === undefined) throw new Error(`no client ${person}`);
    return client;
  }

  async act(person: Person, deed: Deed): Promise<string> {
    const moderated = this.at(NODES[person]).rooms.moderate(`s-${person}`, deed);
    const outcome = moderated.then(
      () => "done",
      (error: { readonly code: string }) => error.code,
    );
    return await this.clock.resolve(outcome);
  }

  order(order: Parameters<ReturnType<RoomWorld["at"]>["rooms"]["order"]>[1]["order"], node = "b"): Promise<void> {
    return this.clock.resolve(this.at("a").rooms.order(node, { roomId: ROOM, byUserId: "u-owner", order }));
  }

  /** Ann's tracks as a node shows them. */
  annAt(node: string): readonly string[] {
    const ann = this.at(node)
      .rooms.participants(ROOM)
      .find((one) => one.displayName === "ann");
    return (ann?.tracks ?? []).map(({ source, muted }) => `${source}${muted ? " muted" : ""}`);
  }
}

const ANN = { participantId: "p-ann" };

test("[P100] only those above may moderate, and refusals change nothing", async () => {
  const world = await ModeratedRoom.open();
  expect(await world.act("ann", { participantId: "p-vic", action: "mute" })).toBe("not_allowed");
  expect(await world.act("ann", { ...ANN, action: "remove" })).toBe("not_allowed");
  expect(await world.act("mod", { participantId: "p-vic", action: "remove" })).toBe("not_allowed");
  expect(await world.act("mod", { participantId: "p-owner", action: "mute" })).toBe("not_allowed");
  expect(await world.act("owner", { participantId: "p-owner", action: "remove" })).toBe("not_allowed");
  expect(await world.act("mod", { participantId: "nobody", action: "mute" })).toBe("unknown_participant");
  expect(await world.act("mod", { ...ANN, action: "mute", trackId: "none" })).toBe("unknown_track");
  expect(world.annAt("a")).toEqual(["microphone", "camera"]);
  expect(world.at("b").rooms.counters().moderation).toEqual({ mute: 0, remove: 0, grants: 0 });
  expect(await world.act("owner", { participantId: "p-vic", action: "mute" })).toBe("done");
});

test("[P101] [P104] a moderator elsewhere mutes; the person is told and may unmute", async () => {
  const world = await ModeratedRoom.open();
  const { audio, video } = world.annTracks;
  expect(await world.act("mod", { ...ANN, action: "mute" })).toBe("done");
  await world.clock.advance(200);
  expect([...world.at("b").media.mutedTracks]).toEqual([audio]);
  expect(world.client("ann").ofType("muted")).toEqual([{ type: "muted", trackId: audio, by: "u-mod" }]);
  for (const node of ["a", "b"]) expect(world.annAt(node)).toEqual(["microphone muted", "camera"]);
  expect(await world.act("mod", { ...ANN, action: "mute" })).toBe("done");
  expect(world.client("ann").ofType("muted")).toHaveLength(1);
  expect(await world.act("vic", { ...ANN, action: "mute", trackId: video })).toBe("done");
  world.at("b").rooms.setMuted("s-ann", audio, false);
  await world.clock.advance(200);
  expect(world.annAt("a")).toEqual(["microphone", "camera muted"]);
});

test("[P102] who is removed is named to whoever ends sessions", async () => {
  const world = await ModeratedRoom.open();
  const removed: string[] = [];
  const { rooms } = world.at("b");
  rooms.onRemoved((sessionId) => {
    removed.push(sessionId);
    rooms.leave(sessionId, "removed");
  });
  expect(await world.act("owner", { ...ANN, action: "remove" })).toBe("done");
  await world.clock.advance(200);
  expect(removed).toEqual(["s-ann"]);
  expect(world.client("owner").ofType("participantLeft")).toEqual([
    { type: "participantLeft", participantId: "p-ann", reason: "removed" },
  ]);
});

test("[P103] the right to publish goes and comes back with the tracks", async () => {
  const world = await ModeratedRoom.open();
  await world.order({ action: "grants", participantId: "p-ann", grants: { publish: false } });
  await world.clock.advance(500);
  for (const node of ["a", "b"]) expect(world.annAt(node)).toEqual([]);
  const rights = { publish: false, subscribe: true, data: true };
  expect(world.at("b").media.grants.get("s-ann")).toEqual(rights);
  const grants = { ...GRANTS, publish: false };
  expect(world.client("ann").ofType("grants")).toEqual([{ type: "grants", role: "member", grants }]);
  expect(world.at("a").media.delivered("s-owner")).not.toContain(world.annTracks.video);
  await world.order({ action: "grants", participantId: "p-ann", grants: { publish: true } });
  await world.clock.advance(3_000);
  expect(world.annAt("a")).toEqual(["microphone", "camera"]);
  expect(world.at("a").media.delivered("s-owner")).toContain(world.annTracks.video);
});

test("[P103] entering again with the same session brings no right back", async () => {
  const world = await ModeratedRoom.open();
  await world.order({ action: "grants", participantId: "p-ann", grants: { publish: false } });
  await world.join("b", "ann", { epoch: 2 });
  await world.clock.advance(500);
  expect(world.annAt("a")).toEqual([]);
  await expect(world.publish("b", "s-ann", { fresh: true })).rejects.toMatchObject({ code: "not_allowed" });
});

test("[P103] the right to see goes and comes back with the slots", async () => {
  const world = await ModeratedRoom.open();
  const { media } = world.at("b");
  const before = media.slotsOf("s-ann").size;
  expect(before).toBeGreaterThan(0);
  await world.order({ action: "grants", participantId: "p-ann", grants: { subscribe: false } });
  expect(media.slotsOf("s-ann").size).toBe(0);
  await world.clock.advance(1_000);
  expect(media.slotsOf("s-ann").size).toBe(0);
  await world.order({ action: "grants", participantId: "p-ann", grants: { subscribe: true } });
  expect(media.slotsOf("s-ann").size).toBe(before);
});

test("[P106] without the right to publish slots can grow, but no track can be added", async () => {
  const world = await ModeratedRoom.open();
  await world.order({ action: "grants", participantId: "p-ann", grants: { publish: false } });
  await world.publish("b", "s-ann", { fresh: false, videoSlots: 8 });
  await world.clock.advance(500);
  expect(world.annAt("a")).toEqual([]);
  await expect(world.publish("b", "s-ann", { fresh: true })).rejects.toMatchObject({ code: "not_allowed" });
});

test("[P104] a person who is gone, or a node that does not answer, is said so", async () => {
  const world = await ModeratedRoom.open();
  const gone = world.order({ action: "remove", participantId: "p-gone" });
  await expect(gone).rejects.toMatchObject({ code: "unknown_participant" });
  world.network.partition("a", "b");
  expect(await world.act("owner", { ...ANN, action: "mute" })).toBe("media_unavailable");
});

test("[P105] a node orders in the name of its own people only, in the right shape", async () => {
  const world = await ModeratedRoom.open();
  world.network.add({ name: "x" });
  const order = { action: "mute", participantId: "p-ann" };
  const body = { roomId: ROOM, by: "p-mod", byUserId: "u-mod", order };
  const ask = (from: string, value: unknown): Promise<unknown> => {
    const sent = world.network.live(from)?.request("b", MODERATE_TOPIC, value) ?? Promise.reject(new Error("gone"));
    return world.clock.resolve(
      sent.then(
        () => "accepted",
        (error: { readonly code: string }) => error.code,
      ),
    );
  };
  expect(await ask("x", body)).toBe("foreign_node");
  expect(await ask("a", { ...body, by: "p-ann" })).toBe("foreign_node");
  expect(await ask("a", { ...body, order: { ...order, participantId: "p-vic" } })).toBe("not_allowed");
  const shapes = [
    null,
    1,
    { ...body, by: 1 },
    { ...body, byUserId: "" },
    { ...body, order: null },
    { ...body, roomId: "" },
  ];
  const orders = [
    { ...order, action: "ban" },
    { ...order, trackId: 1 },
    { ...order, participantId: "x".repeat(129) },
  ];
  const grants = [undefined, 1, { publish: "yes" }].map((value) => ({ ...order, action: "grants", grants: value }));
  for (const value of [...shapes, ...[...orders, ...grants].map((wrong) => ({ ...body, order: wrong }))])
    expect(await ask("a", value)).toBe("bad_shape");
  expect(world.annAt("b")).toEqual(["microphone", "camera"]);
  expect(world.at("b").rooms.counters().refused.bad_shape).toBe(shapes.length + orders.length + grants.length);
});

test("[P107] a new role counts at once, here and for everybody, and takes no other session along", async () => {
  const world = await ModeratedRoom.open();
  const { rooms } = world.at("b");
  const grants = { ...GRANTS, moderate: true };
  rooms.roleChanged({ roomId: ROOM, userId: "u-ann", role: "moderator", grants });
  rooms.roleChanged({ roomId: ROOM, userId: "u-ann", role: "moderator", grants });
  rooms.roleChanged({ roomId: "other", userId: "u-ann", role: "guest", grants: GRANTS });
  rooms.roleChanged({ roomId: ROOM, userId: "u-nobody", role: "guest", grants: GRANTS });
  await world.clock.advance(200);
  expect(world.client("ann").ofType("grants")).toEqual([{ type: "grants", role: "moderator", grants }]);
  for (const node of ["a", "b"]) {
    const shown = world.at(node).rooms.participants(ROOM);
    expect(shown.find(({ displayName }) => displayName === "ann")?.role).toBe("moderator");
  }
  // Who was below her now is not any more, and she may do what moderators may.
  expect(await world.act("mod", { ...ANN, action: "mute" })).toBe("not_allowed");
  await world.join("b", "new");
  await world.clock.advance(200);
  expect(await world.act("ann", { participantId: "p-new", action: "mute" })).toBe("done");
  rooms.roleChanged({ roomId: ROOM, userId: "u-ann", role: "member", grants: { ...GRANTS, publish: false } });
  await world.clock.advance(200);
  expect(world.annAt("a")).toEqual([]);
  expect(await world.act("ann", { participantId: "p-new", action: "mute" })).toBe("not_allowed");
});
