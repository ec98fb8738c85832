import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { ManualClock, settle } from "../../test/fakes/manual-clock.ts";
import { silentLog } from "../mesh/log.ts";
import { StoreUnavailableError } from "../store/errors.ts";
import type { Presence } from "../store/presence.ts";
import { openSqlitePresence } from "../store/sqlite/sqlite-presence.ts";
import { participantIdOf } from "./participant-id.ts";
import { SessionKeeper } from "./session-keeper.ts";
import { tokenKeyOf } from "./token-key-file.ts";

const session = { userId: "U1", deviceId: "D1", guest: false, version: 0, sessionId: "S1", generation: 1 };
const place = { roomId: "R1", capacity: 2, joinedAs: { participantId: "P1" } };

describe("keeping sessions", () => {
  let folder: string;
  let presence: Presence;
  const clock = new ManualClock();
  const superseded: string[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "hearsay-keeper-"));
    presence = openSqlitePresence({ path: join(folder, "presence.sqlite") });
    superseded.length = 0;
  });
  afterEach(async () => {
    await presence.close();
    rmSync(folder, { recursive: true });
  });

  async function keeper(node: string): Promise<SessionKeeper> {
    const made = new SessionKeeper({ node, presence, clock, log: silentLog });
    await made.start({ superseded: (sessionId) => superseded.push(sessionId) });
    return made;
  }
  const join1 = () => presence.joinRoom({ ...place, sessionId: "S1" });

  test("[A28] a claim raises the epoch and tells who had the session before", async () => {
    const [ada, bell] = [await keeper("ada"), await keeper("bell")];
    expect(await ada.claim(session)).toEqual({ kind: "claimed", epoch: 1 });
    expect(await bell.claim(session)).toEqual({ kind: "claimed", epoch: 2, previousNode: "ada" });
    await ada.refresh();
    expect(superseded).toEqual(["S1"]);
    expect(ada.size).toBe(0);
    // The loser's goodbye touches nothing.
    await ada.ended("S1");
    await ada.left("S1", "R1");
    expect(await presence.getSession("S1")).toMatchObject({ node: "bell", epoch: 2 });
    await ada.stop();
    await bell.stop();
    expect(await presence.getSession("S1")).toBeUndefined();
  });

  test("[A28] a session that returns after its record is gone is newer than it ever was", async () => {
    const [ada, bell] = [await keeper("ada"), await keeper("bell")];
    await ada.claim(session);
    await bell.claim(session, true);
    await presence.clearNode("bell");
    const outcome = await ada.claim(session, true);
    expect(outcome).toEqual({ kind: "claimed", epoch: expect.any(Number) });
    expect((await presence.getSession("S1"))?.epoch).toBeGreaterThan(2);
    const again = await bell.claim(session, true);
    expect(again.kind === "claimed" && outcome.kind === "claimed" && again.epoch - outcome.epoch).toBe(1);
    await ada.stop();
    await bell.stop();
  });

  test("[A28] records are renewed by time, and made again with their place when the store lost them", async () => {
    const ada = await keeper("ada");
    await ada.claim(session);
    await join1();
    ada.entered("S1", place);
    await presence.clearNode("ada");
    await clock.advance(10_000);
    await settle();
    await ada.refresh();
    expect((await presence.occupants("R1")).map((one) => one.sessionId)).toEqual(["S1"]);
    await presence.leaveRoom({ roomId: "R1", sessionId: "S1" });
    await ada.refresh();
    expect((await presence.occupants("R1")).length).toBe(1);
    await ada.ended("S1");
    expect(await presence.occupants("R1")).toEqual([]);
    await ada.stop();
  });

  test("[A28] a place that nobody enters is given up after the room token's time", async () => {
    const ada = await keeper("ada");
    await ada.claim(session);
    await join1();
    for (let round = 0; round < 7; round++) await ada.refresh();
    expect((await presence.occupants("R1")).length).toBe(1);
    await ada.refresh();
    expect(await presence.occupants("R1")).toEqual([]);
    await ada.stop();
  });

  test("[A28] a newer session of the device in the room is told when a lost place cannot be taken back", async () => {
    const ada = await keeper("ada");
    await ada.claim(session);
    await join1();
    ada.entered("S1", place);
    await ada.claim({ ...session, sessionId: "S2", generation: 2 });
    expect(await presence.joinRoom({ ...place, sessionId: "S2" })).toMatchObject({ kind: "joined" });
    await ada.refresh();
    expect(superseded).toEqual(["S1"]);
    await ada.stop();
  });

  /** A node whose store is away while `isAway` says so. */
  async function cutOff(isAway: () => boolean): Promise<SessionKeeper> {
    const away = (operation: string): StoreUnavailableError =>
      new StoreUnavailableError({ store: "presence", operation, stateChanged: "no", cause: new Error("cut off") });
    const removeSession: Presence["removeSession"] = (id, owner) =>
      isAway() ? Promise.reject(away("removeSession")) : presence.removeSession(id, owner);
    const leaveRoom: Presence["leaveRoom"] = (left) =>
      isAway() ? Promise.reject(away("leaveRoom")) : presence.leaveRoom(left);
    const inner = new Proxy(presence, {
      get: (target, key) => {
        if (key === "removeSession") return removeSession;
        if (key === "leaveRoom") return leaveRoom;
        const member: unknown = Reflect.get(target, key);
        return typeof member === "function" ? member.bind(target) : member;
      },
    });
    const made = new SessionKeeper({ node: "ada", presence: inner, clock, log: silentLog });
    await made.start({ superseded: (sessionId) => superseded.push(sessionId) });
    return made;
  }

  test("[A28] an end that the store did not hear is told again, and touches no later life of the session", async () => {
    let away = true;
    const [ada, bell] = [await cutOff(() => away), await keeper("bell")];
    await ada.claim(session);
    await ada.claim({ ...session, sessionId: "S2" });
    await join1();
    await ada.ended("S1");
    await ada.ended("S2");
    await bell.claim({ ...session, sessionId: "S2" });
    await ada.refresh();
    expect((await presence.occupants("R1")).length).toBe(1);
    away = false;
    await ada.refresh();
    expect(await presence.occupants("R1")).toEqual([]);
    expect(await presence.getSession("S1")).toBeUndefined();
    expect(await presence.getSession("S2")).toMatchObject({ node: "bell", epoch: 2 });
    await ada.stop();
    await bell.stop();
  });

  test("[A28] a place whose leave the store did not hear is given up by the second renewal", async () => {
    let away = true;
    const ada = await cutOff(() => away);
    await ada.claim(session);
    await join1();
    ada.entered("S1", place);
    await ada.left("S1", "R1");
    away = false;
    await ada.refresh();
    expect((await presence.occupants("R1")).length).toBe(1);
    await ada.refresh();
    expect(await presence.occupants("R1")).toEqual([]);
    await ada.stop();
  });

  test("[A71] a session that another node claimed and does not serve is taken back, with its place", async () => {
    const ada = new SessionKeeper({ node: "ada", presence, clock, log: silentLog });
    const asked: string[] = [];
    let served = false;
    await ada.start({
      superseded: (sessionId) => superseded.push(sessionId),
      isServedAt: async (node, sessionId) => {
        asked.push(`${sessionId} at ${node}`);
        return served;
      },
    });
    await ada.claim(session);
    await join1();
    ada.entered("S1", place);
    const { userId, deviceId, generation } = session;
    const stray = { sessionId: "S1", userId, deviceId, generation, node: "bell", ttlMs: 45_000 };
    await presence.putSession({ ...stray, epoch: 2 });
    await ada.refresh();
    expect([asked, superseded]).toEqual([["S1 at bell"], []]);
    expect(await presence.occupants("R1")).toMatchObject([{ sessionId: "S1", node: "ada", epoch: 3 }]);
    served = true;
    await presence.putSession({ ...stray, epoch: 4 });
    await ada.refresh();
    expect([superseded, ada.size]).toEqual([["S1"], 0]);
    expect(await presence.getSession("S1")).toMatchObject({ node: "bell", epoch: 4 });
    await ada.stop();
  });

  test("[A87] the token key of a data directory is made once, whoever asks first", () => {
    const [first, second] = [tokenKeyOf(folder), tokenKeyOf(folder)];
    expect(first).toHaveLength(32);
    expect(second).toEqual(first);
  });
});

test("[A19] one person on one device is one participant everywhere, and neither can be read from it", () => {
  const id = participantIdOf({ userId: "U1", deviceId: "D1" });
  expect(id).toBe(participantIdOf({ userId: "U1", deviceId: "D1" }));
  expect(id).toMatch(/^[A-Za-z0-9_-]{16}$/);
  expect(participantIdOf({ userId: "U1", deviceId: "D2" })).not.toBe(id);
  expect(participantIdOf({ userId: "U1D", deviceId: "1" })).not.toBe(id);
});
