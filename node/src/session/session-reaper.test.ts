import { describe, expect, test } from "@jest/globals";
import { ManualClock } from "../../test/fakes/manual-clock.ts";
import { silentLog } from "../mesh/log.ts";
import { MemoryNetwork } from "../mesh/memory-mesh.ts";
import { StoreUnavailableError } from "../store/errors.ts";
import type { Presence, RemovedSession } from "../store/presence.ts";
import { reaperOf, SessionReaper } from "./session-reaper.ts";

const removed = { record: { sessionId: "s" }, personInside: false } as unknown as RemovedSession;

/** Only what a reaper asks for. */
function presenceWith(rooms: readonly string[], failures = 0) {
  const reaped: string[] = [];
  let left = failures;
  const presence = {
    roomsOfNode: (node: string) => {
      left -= 1;
      if (left < 0) return Promise.resolve(node === "dead" ? rooms : []);
      return Promise.reject(
        new StoreUnavailableError({
          store: "presence",
          operation: "roomsOfNode",
          stateChanged: "no",
          cause: undefined,
        }),
      );
    },
    reapNode: (node: string, room: string) => {
      reaped.push(`${node} ${room}`);
      return Promise.resolve([removed]);
    },
  } as unknown as Presence;
  return { presence, reaped };
}

function survivors(names: readonly string[], presence: Presence) {
  const clock = new ManualClock();
  const network = new MemoryNetwork({ clock, detectMs: 1_000 });
  network.add({ name: "dead" });
  const forgotten: string[] = [];
  const reapers = names.map((name) => {
    const mesh = network.add({ name });
    const parts = { mesh, presence, clock, log: silentLog, delayMs: 20_000, reaped: () => undefined };
    const reaper = new SessionReaper({ ...parts, forgetNode: (node) => forgotten.push(`${name} forgets ${node}`) });
    reaper.start();
    return reaper;
  });
  return { clock, network, reapers, forgotten };
}

describe("reaping", () => {
  const rooms = Array.from({ length: 40 }, (_, index) => `room${index}`);

  test("[A31] every survivor names the same reaper, work is spread, and the dead one is never it", () => {
    const alive = ["ada", "bell", "curie", "dead"];
    const chosen = rooms.map((room) => reaperOf(room, "dead", alive));
    expect(rooms.map((room) => reaperOf(room, "dead", [...alive].reverse()))).toEqual(chosen);
    expect(new Set(chosen)).toEqual(new Set(["ada", "bell", "curie"]));
    expect(reaperOf("room", "dead", ["dead"])).toBeUndefined();
    // Rendezvous: a fourth node takes over some rooms, and no room moves between the others.
    const moved = rooms.filter((room, index) => reaperOf(room, "dead", [...alive, "dijkstra"]) !== chosen[index]);
    expect(moved.every((room) => reaperOf(room, "dead", [...alive, "dijkstra"]) === "dijkstra")).toBe(true);
  });

  test("[A31] after the resume time each room is reaped once, and every survivor forgets the dead node", async () => {
    const { presence, reaped } = presenceWith(rooms);
    const { clock, network, forgotten, reapers } = survivors(["ada", "bell", "curie"], presence);
    network.kill("dead");
    await clock.advance(20_900);
    expect([reaped, forgotten]).toEqual([[], []]);
    await clock.advance(200);
    expect([...reaped].sort()).toEqual(rooms.map((room) => `dead ${room}`).sort());
    expect(forgotten).toHaveLength(3);
    await Promise.all(reapers.map((reaper) => reaper.stop()));
  });

  test("[A31] a node that comes back within the resume time is not reaped", async () => {
    const { presence, reaped } = presenceWith(rooms);
    const { clock, network, forgotten } = survivors(["ada"], presence);
    network.suspectWrongly("dead", true);
    await clock.advance(10_000);
    network.suspectWrongly("dead", false);
    await clock.advance(60_000);
    expect([reaped, forgotten]).toEqual([[], []]);
  });

  test("[A31] while the store is away it is tried again, so often", async () => {
    const once = presenceWith(["room1"], 2);
    const first = survivors(["ada"], once.presence);
    first.network.kill("dead");
    await first.clock.advance(60_000);
    expect(once.reaped).toEqual(["dead room1"]);
    const never = presenceWith(["room1"], 1_000);
    const second = survivors(["ada"], never.presence);
    second.network.kill("dead");
    await second.clock.advance(600_000);
    expect([never.reaped, second.clock.pendingTimers]).toEqual([[], 0]);
  });
});
