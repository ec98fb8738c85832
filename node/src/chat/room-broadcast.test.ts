import { describe, expect, test } from "@jest/globals";
import { ManualClock } from "../../test/fakes/manual-clock.ts";
import { silentLog } from "../mesh/log.ts";
import { MemoryNetwork } from "../mesh/memory-mesh.ts";
import { Expulsions } from "../signalling/expulsions.ts";
import { StoreUnavailableError } from "../store/errors.ts";
import type { Presence } from "../store/presence.ts";
import { ROOM_WORD_TOPIC, RoomBroadcast, type RoomWord } from "./room-broadcast.ts";

/** Three nodes; the store says that the first two serve the room. */
function world(options: { readonly lossRatio?: number; readonly isAway?: boolean } = {}) {
  const clock = new ManualClock();
  const network = new MemoryNetwork({ clock, lossRatio: options.lossRatio ?? 0 });
  const away = new StoreUnavailableError({ store: "presence", operation: "occupants", stateChanged: "no", cause: 0 });
  const occupants = async () => {
    if (options.isAway === true) throw away;
    return [{ node: "ada" }, { node: "bell" }];
  };
  const nodes = ["ada", "bell", "curie"].map((name) => {
    const mesh = network.add({ name });
    const heard: [string, RoomWord, string | undefined][] = [];
    const broadcast = new RoomBroadcast({
      ...{ mesh, clock, log: silentLog, random: () => 0.5 },
      presence: { occupants } as unknown as Presence,
      nodesOf: () => ["bell"],
      deliver: (roomId, word, exceptUserId) => heard.push([roomId, word, exceptUserId]),
    });
    broadcast.start();
    return { name, mesh, heard, broadcast };
  });
  const [ada, bell, curie] = nodes;
  if (ada === undefined || bell === undefined || curie === undefined) throw new Error("three nodes");
  return { clock, ada, bell, curie };
}

const read = { type: "read", userId: "anna", messageId: "m1" } as const;

describe("words to a room", () => {
  test("[A99] reach everybody on the room's nodes once, also over a network that loses every third message", async () => {
    const { clock, ada, bell, curie } = world({ lossRatio: 0.33 });
    for (let count = 0; count < 20; count++) await ada.broadcast.tell("r", { ...read, messageId: `m${count}` });
    await clock.advance(20_000);
    const ids = (heard: typeof ada.heard) =>
      heard.map(([, word]) => (word.type === "read" ? word.messageId : "")).sort();
    expect(ids(ada.heard)).toHaveLength(20);
    expect(ids(bell.heard)).toEqual(ids(ada.heard));
    expect(curie.heard).toEqual([]);
    expect(ada.broadcast.counters()).toEqual({ sent: 20, failed: 0, skipped: 0, refused: 0 });
  });

  test("[A99] reach all nodes while the store that knows the room's is away", async () => {
    const { clock, ada, bell, curie } = world({ isAway: true });
    await ada.broadcast.tell("r", read);
    await clock.advance(100);
    for (const node of [ada, bell, curie]) expect(node.heard).toEqual([["r", read, undefined]]);
  });

  test("[A98] a hint spares who gave it, and asks no store", async () => {
    const { clock, ada, bell } = world({ isAway: true });
    const typing = { type: "typing", userId: "anna", displayName: "Anna", typing: true } as const;
    ada.broadcast.hint("r", typing, "anna");
    await clock.advance(100);
    for (const node of [ada, bell]) expect(node.heard).toEqual([["r", typing, "anna"]]);
  });

  test("[A99] what no client could read is refused by its reason, counted, and told to nobody", async () => {
    const { clock, ada, bell } = world();
    const bodies = [
      null,
      {},
      { roomId: "r", wordId: "1", word: "x" },
      { roomId: "r", wordId: "1", word: { type: "closing", reason: "removed" } },
      { roomId: "", wordId: "1", word: read },
      { roomId: "r", wordId: "x".repeat(200), word: read },
      { roomId: "r", wordId: "1", word: read, exceptUserId: 7 },
    ];
    const codes: unknown[] = [];
    for (const body of bodies) {
      const asked = ada.mesh.request("bell", ROOM_WORD_TOPIC, body).catch((error: { code: string }) => error.code);
      await clock.advance(1_000);
      codes.push(await asked);
    }
    expect(codes).toEqual(bodies.map(() => "bad_shape"));
    expect([bell.heard, bell.broadcast.counters().refused]).toEqual([[], bodies.length]);
  });

  test("[A99] a word that comes twice is told once", async () => {
    const { clock, ada, bell } = world();
    for (let count = 0; count < 2; count++) {
      const asked = ada.mesh.request("bell", ROOM_WORD_TOPIC, { roomId: "r", wordId: "1", word: read });
      await clock.advance(100);
      expect(await asked).toEqual({ ok: true });
    }
    expect(bell.heard).toHaveLength(1);
  });
});

describe("notices to end sessions", () => {
  test("[A107] reach every node, and nonsense ends nobody's", async () => {
    const { clock, ada, bell } = world();
    const ended: unknown[] = [];
    const hub = {
      revoke: (...told: unknown[]) => ended.push(["revoke", ...told]),
      expel: (...told: unknown[]) => ended.push(["expel", ...told]),
    };
    const none = { revoke: () => undefined, expel: () => undefined };
    const here = new Expulsions({ mesh: ada.mesh, hub: none, clock, log: silentLog });
    const there = new Expulsions({ mesh: bell.mesh, hub, clock, log: silentLog });
    here.start();
    there.start();
    here.revoke("anna", 3);
    here.expel("r", "bob");
    here.expel("r");
    await clock.advance(100);
    expect(ended).toEqual([
      ["revoke", "anna", 3],
      ["expel", "r", "bob"],
      ["expel", "r", undefined],
    ]);
    for (const body of [
      null,
      {},
      { userId: 7, version: 1 },
      { userId: "anna", version: -1 },
      { roomId: "r", userId: {} },
    ])
      for (const topic of ["session.revoked", "session.expelled"]) {
        const asked = ada.mesh.request("bell", topic, body);
        await clock.advance(100);
        expect(await asked).toBeNull();
      }
    expect(ended).toHaveLength(3);
    here.stop();
    there.stop();
  });
});
