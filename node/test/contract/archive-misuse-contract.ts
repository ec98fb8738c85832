// The Archive's contract, second part: wrong calls, a server that goes away, and agreement with a reference model.

import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Archive } from "../../src/store/archive.ts";
import { MAX_PAGE, MAX_TEXT_CHARS } from "../../src/store/archive.ts";
import type { ArchiveHarness } from "./archive-contract.ts";
import { names, newMessage, newRoom, newUser } from "./archive-contract.ts";
import { ArchiveModel, archiveSteps } from "./archive-model.ts";
import { untilAnswered } from "./harness.ts";

const SEED = 20_261_122;

export function registerArchiveMisuseContract(
  name: string,
  makeHarness: () => Promise<ArchiveHarness>,
  options: { readonly propertyRuns: number; readonly stalls: boolean },
): void {
  describe(`${name} as Archive, misused or away`, () => {
    let harness: ArchiveHarness;
    let archive: Archive;

    beforeAll(async () => {
      harness = await makeHarness();
      archive = await harness.open();
    });

    afterAll(async () => {
      await archive.close();
      await harness.dispose();
    });

    // Also after a test that failed half-way, so that one failure does not look like five.
    afterEach(async () => {
      await harness.heal();
      await untilAnswered(() => archive.ping(), 5000);
    });

    test("[T17] a call that breaks the contract is refused with a code and changes nothing", async () => {
      const roomId = names.id("room");
      const wrong = { code: "bad_argument" };
      // biome-ignore lint/suspicious/noExplicitAny: the point is what the types forbid.
      const untyped = archive as any;

      await expect(untyped.getUser({ $gt: "" })).rejects.toMatchObject(wrong);
      await expect(untyped.findUserByHandle({ $ne: null })).rejects.toMatchObject(wrong);
      await expect(archive.getRoom("")).rejects.toMatchObject(wrong);
      await expect(archive.getRoom("ひ")).rejects.toMatchObject(wrong);
      await expect(archive.getRoom("x".repeat(129))).rejects.toMatchObject(wrong);
      await expect(archive.createUser({ ...newUser("a"), guest: true })).rejects.toMatchObject(wrong);
      await expect(archive.createUser({ ...newUser(null), guest: false })).rejects.toMatchObject(wrong);
      await expect(archive.createRoom(newRoom("a", { capacity: 0 }))).rejects.toMatchObject(wrong);
      await expect(untyped.createRoom({ ...newRoom("a"), access: "secret" })).rejects.toMatchObject(wrong);
      await expect(untyped.setRole({ roomId, userId: "u", role: "king" })).rejects.toMatchObject(wrong);
      for (const limit of [0, -1, 1.5, MAX_PAGE + 1, Number.NaN]) {
        await expect(archive.listMessages(roomId, { limit })).rejects.toMatchObject(wrong);
        await expect(archive.listMembers(roomId, { limit })).rejects.toMatchObject(wrong);
        await expect(archive.listRoomsOf("u", { limit })).rejects.toMatchObject(wrong);
      }
      const tooLong = newMessage(roomId, { text: "x".repeat(MAX_TEXT_CHARS + 1) });
      await expect(archive.appendMessage(tooLong)).rejects.toMatchObject(wrong);
      await expect(archive.appendMessage(newMessage(roomId, { clientId: "" }))).rejects.toMatchObject(wrong);

      expect(await archive.listMessages(roomId, { limit: 5 })).toEqual({ messages: [], more: false });
      expect(await archive.getRoomBySlug("a")).toBeUndefined();
    });

    test("[T17] a closed archive says so", async () => {
      const closed = await harness.open();
      await closed.close();
      await closed.close();
      await expect(closed.getUser("x")).rejects.toMatchObject({ code: "store_closed" });
      await expect(closed.ping()).rejects.toMatchObject({ code: "store_closed" });
    });

    test("[T18] while the server is away a change is refused with a clear error, and it works again on return", async () => {
      const message = newMessage(names.id("room"));
      await archive.ping();
      await harness.break();
      const error = await archive.appendMessage(message).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "store_unavailable", store: "archive", operation: "appendMessage" });
      expect(error).toHaveProperty("cause");
      expect(["no", "unknown"]).toContain((error as { stateChanged: string }).stateChanged);

      await harness.heal();
      const outcome = await untilAnswered(() => archive.appendMessage(message), 5000);
      expect(["appended", "duplicate"]).toContain(outcome.kind);
      expect((await archive.listMessages(message.roomId, { limit: 5 })).messages).toEqual([message]);
      await archive.ping();
    });

    if (options.stalls) {
      test("[T18] a server that accepts and answers nothing is reported too, and outlived", async () => {
        const message = newMessage(names.id("room"));
        await archive.ping();
        await harness.stall?.();
        await expect(archive.appendMessage(message)).rejects.toMatchObject({
          code: "store_unavailable",
          stateChanged: "unknown",
        });
        await harness.heal();
        await untilAnswered(() => archive.appendMessage(message), 5000);
        expect((await archive.listMessages(message.roomId, { limit: 5 })).messages).toEqual([message]);
      });
    }

    test("[T18] an archive that is opened while the server is away works when it comes back", async () => {
      await harness.break();
      const early = await harness.open();
      const change = () => early.addMember({ roomId: "r", userId: "u", role: "member", addedAtMs: 1 });
      await expect(change()).rejects.toMatchObject({ code: "store_unavailable", stateChanged: "no" });
      await harness.heal();
      expect((await untilAnswered(change, 5000)).kind).toBe("added");
      await early.close();
    });

    // For every list of operations, each answer is the one that the reference model gives.
    test("[T19] any sequence of operations is answered as the reference model answers it", async () => {
      await fc.assert(
        fc.asyncProperty(archiveSteps(), async (steps) => {
          const model = new ArchiveModel(names.id("m"));
          for (const step of steps) {
            const { expected, actual } = await model.apply(step, archive);
            expect(actual).toEqual(expected);
          }
        }),
        { seed: SEED, numRuns: options.propertyRuns },
      );
    });
  });
}
