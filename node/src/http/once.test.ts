import { describe, expect, test } from "@jest/globals";
import { ManualClock, settle } from "../../test/fakes/manual-clock.ts";
import { IdempotencyTable } from "./idempotency.ts";
import { Passwords } from "./passwords.ts";
import { ApiError } from "./problems.ts";

const codeOf = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
    return "done";
  } catch (error) {
    return error instanceof ApiError ? error.code : String(error);
  }
};

describe("creation with a key", () => {
  const call = (key: string | undefined, request: object = { slug: "a" }, owner = "U1") => ({ owner, key, request });

  test("[A46] the same key and request are done once, also at the same time", async () => {
    const table = new IdempotencyTable(new ManualClock());
    let count = 0;
    const work = async () => ({ body: ++count });
    const answers = await Promise.all([table.once(call("k"), work), table.once(call("k"), work)]);
    expect([answers, (await table.once(call("k"), work)).body]).toEqual([[{ body: 1 }, { body: 1 }], 1]);
    expect(await codeOf(table.once(call("k", { slug: "b" }), work))).toBe("idempotency_mismatch");
    await table.once(call("k", { slug: "b" }, "U2"), work);
    await table.once(call(undefined), work);
    await table.once(call(undefined), work);
    expect(count).toBe(4);
  });

  test("[A46] refusals and old answers are not remembered", async () => {
    const clock = new ManualClock();
    const table = new IdempotencyTable(clock);
    const refuse = () => Promise.reject(new ApiError("slug_taken"));
    expect(await codeOf(table.once(call("k"), refuse))).toBe("slug_taken");
    expect((await table.once(call("k"), async () => ({ body: "made" }))).body).toBe("made");
    await clock.advance(600_001);
    expect((await table.once(call("k"), async () => ({ body: "again" }))).body).toBe("again");
  });

  test("[A46] answers of ten minutes are kept, however many there were before", async () => {
    const clock = new ManualClock();
    const table = new IdempotencyTable(clock);
    for (let made = 0; made < 100; made++) {
      await table.once(call(`k${made}`), async () => ({ body: made }));
      await clock.advance(60_000);
    }
    expect(table.size).toBe(10);
  });
});

describe("passwords", () => {
  test("[A47] are hashed with argon2id as OWASP asks, and nobody's password is wrong like anybody's", async () => {
    const passwords = new Passwords();
    const hash = await passwords.hash("correct horse");
    expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(await Promise.all([passwords.verify(hash, "correct horse"), passwords.verify(hash, "battery")])).toEqual([
      true,
      false,
    ]);
    expect(await Promise.all([passwords.verify(null, "x"), passwords.verify(undefined, "x")])).toEqual([false, false]);
  });

  test("[A47] so many at once, so many waiting, the rest is told to come again", async () => {
    const passwords = new Passwords({ atOnce: 1, maxWaiting: 1 });
    const work = ["a", "b", "c"].map((password) => codeOf(passwords.hash(password)));
    await settle();
    expect(await Promise.all(work)).toEqual(["done", "done", "busy"]);
    expect(await codeOf(passwords.hash("d"))).toBe("done");
  });
});
