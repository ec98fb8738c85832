// The contract of Presence, third part: wrong calls, a server that goes away, and agreement with a reference model.

import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Presence } from "../../src/store/presence.ts";
import { MAX_INFO_BYTES } from "../../src/store/presence.ts";
import { untilAnswered } from "./harness.ts";
import type { PresenceHarness } from "./presence-contract.ts";
import { enter, names, newClaim, sessionsIn } from "./presence-contract.ts";
import { PresenceModel, presenceSteps } from "./presence-model.ts";

const SEED = 20_261_122;

export function registerPresenceMisuseContract(
  name: string,
  makeHarness: () => Promise<PresenceHarness>,
  options: { readonly propertyRuns: number; readonly stalls: boolean },
): void {
  describe(`${name} as Presence, misused or away`, () => {
    let harness: PresenceHarness;
    let presence: Presence;

    beforeAll(async () => {
      harness = await makeHarness();
      presence = await harness.open();
    });

    afterAll(async () => {
      await presence.close();
      await harness.dispose();
    });

    // Also after a test that failed half-way, so that one failure does not look like five.
    afterEach(async () => {
      await harness.heal();
      await untilAnswered(() => presence.ping(), 5000);
    });

    test("[T40] while the server is away a join is refused with a clear error, and it works again on return", async () => {
      const roomId = names.id("room");
      const claim = newClaim();
      await presence.putSession(claim);
      await presence.ping();
      await harness.break();
      const join = () => presence.joinRoom({ roomId, sessionId: claim.sessionId, capacity: 2, joinedAs: {} });
      const error = await join().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "store_unavailable", store: "presence", operation: "joinRoom" });
      expect(error).toHaveProperty("cause");

      await harness.heal();
      expect(await untilAnswered(join, 5000)).toMatchObject({ kind: "joined", people: 1 });
      expect(await sessionsIn(presence, roomId)).toEqual([claim.sessionId]);
      await presence.ping();
    });

    if (options.stalls) {
      test("[T40] a server that accepts and answers nothing is reported too, and outlived", async () => {
        const claim = newClaim();
        await presence.ping();
        await harness.stall?.();
        await expect(presence.putSession(claim)).rejects.toMatchObject({
          code: "store_unavailable",
          stateChanged: "unknown",
        });
        await harness.heal();
        expect(await untilAnswered(() => presence.putSession(claim), 5000)).toMatchObject({ kind: "claimed" });
      });
    }

    test("[T40] a presence store that is opened while the server is away works when it comes back", async () => {
      await harness.break();
      const early = await harness.open();
      const claim = newClaim();
      await expect(early.putSession(claim)).rejects.toMatchObject({ code: "store_unavailable", stateChanged: "no" });
      await harness.heal();
      expect(await untilAnswered(() => early.putSession(claim), 5000)).toMatchObject({ kind: "claimed" });
      await early.close();
    });

    test("[T41] a call that breaks the contract is refused with a code and changes nothing", async () => {
      const roomId = names.id("room");
      const claim = newClaim();
      await presence.putSession(claim);
      const wrong = { code: "bad_argument" };
      const join = { roomId, sessionId: claim.sessionId, capacity: 2, joinedAs: {} };
      // biome-ignore lint/suspicious/noExplicitAny: the point is what the types forbid.
      const untyped = presence as any;

      for (const id of ["", "a b", "a{b}", "ひ", "x".repeat(129), 5, { $gt: "" }, undefined]) {
        await expect(untyped.getSession(id)).rejects.toMatchObject(wrong);
        await expect(untyped.occupants(id)).rejects.toMatchObject(wrong);
        await expect(untyped.putSession({ ...claim, deviceId: id })).rejects.toMatchObject(wrong);
        await expect(untyped.joinRoom({ ...join, roomId: id })).rejects.toMatchObject(wrong);
        await expect(untyped.sessionsOfNode(id)).rejects.toMatchObject(wrong);
      }
      for (const bad of [{ epoch: 0 }, { epoch: 1.5 }, { generation: -1 }, { ttlMs: 0 }, { ttlMs: 1e9 }]) {
        await expect(presence.putSession({ ...claim, ...bad })).rejects.toMatchObject(wrong);
      }
      const circular: Record<string, unknown> = {};
      circular["self"] = circular;
      for (const joinedAs of [null, [], "x", circular, { name: "x".repeat(MAX_INFO_BYTES) }]) {
        await expect(untyped.joinRoom({ ...join, joinedAs })).rejects.toMatchObject(wrong);
      }
      for (const capacity of [0, -1, 1.5, Number.NaN]) {
        await expect(presence.joinRoom({ ...join, capacity })).rejects.toMatchObject(wrong);
      }
      expect(await presence.occupants(roomId)).toEqual([]);
    });

    test("[T41] a closed presence store says so", async () => {
      const closed = await harness.open();
      await closed.close();
      await closed.close();
      await expect(closed.getSession("x")).rejects.toMatchObject({ code: "store_closed" });
      await expect(closed.ping()).rejects.toMatchObject({ code: "store_closed" });
    });

    test("[T41] what the others see of a participant may hold any text", async () => {
      const roomId = names.id("room");
      const joinedAs = { name: "🏡 \"'\\\u2028\0", nested: { list: [1, null, true, "x"], empty: [], none: {} } };
      await enter(presence, newClaim(), { roomId, joinedAs });
      expect((await presence.occupants(roomId))[0]?.joinedAs).toEqual(joinedAs);
    });

    // For every list of operations, each answer is the one that the reference model gives.
    test("[T42] any sequence of operations is answered as the reference model answers it", async () => {
      await fc.assert(
        fc.asyncProperty(presenceSteps(), async (steps) => {
          const model = new PresenceModel(names.id("m"));
          for (const step of steps) {
            const { expected, actual } = await model.apply(step, presence);
            expect(actual).toEqual(expected);
          }
        }),
        { seed: SEED, numRuns: options.propertyRuns },
      );
    });
  });
}
