import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Balances, Expense, ExpensePage } from "#protocol";
import { call, expectStatus, TestMesh, type TestNode } from "./harness.ts";

describe("bills", () => {
  const mesh = new TestMesh();
  let ada: TestNode;
  let bell: TestNode;
  const tokens: Record<string, string> = {};
  const ids: Record<string, string> = {};
  const path = "/v1/rooms/trip/expenses";
  const names = ["anna", "bo", "cy"];

  beforeAll(async () => {
    ada = await mesh.start("ada");
    bell = await mesh.start("bell");
    for (const name of [...names, "stranger"]) {
      const { token, user } = await mesh.user(ada, name);
      tokens[name] = token;
      ids[name] = user.userId;
    }
    await mesh.room(ada, tokens["anna"]!, { slug: "trip" });
    await mesh.room(ada, tokens["anna"]!, { slug: "other" });
    // Whoever has been in an open room is a member of it.
    for (const name of ["bo", "cy"])
      (await mesh.enter(ada, { token: tokens[name]!, slug: "trip" })).client.keepAlive(500);
  });
  afterAll(() => mesh.stop());

  const all = () => names.map((name) => ({ userId: ids[name]! }));
  const dinner = () => ({
    title: "Dinner",
    amountMinor: 1000,
    currency: "EUR",
    payerId: ids["anna"],
    split: "equal",
    shares: all(),
  });

  test("[B10] expenses are noted on any node, and the fewest payments settle them", async () => {
    const note = async (node: TestNode, body: object) =>
      expectStatus(201, await call<Expense>(node, "POST", path, { token: tokens["anna"]!, body }));
    const first = await note(ada, dinner());
    expect(first.owed.map(({ amountMinor }) => amountMinor)).toEqual([334, 333, 333]);
    const second = await note(bell, {
      ...dinner(),
      title: "Taxi",
      payerId: ids["bo"],
      amountMinor: 300,
      split: "weight",
      shares: [
        { userId: ids["cy"], weight: 1 },
        { userId: ids["anna"], weight: 2 },
      ],
    });
    await note(ada, {
      ...dinner(),
      title: "Phở",
      currency: "VND",
      amountMinor: 90_000,
      split: "exact",
      shares: [{ userId: ids["bo"], exactMinor: 90_000 }],
    });

    const { currencies } = expectStatus(
      200,
      await call<Balances>(bell, "GET", "/v1/rooms/trip/balances", { token: tokens["cy"]! }),
    );
    const balance = (currency: string) => currencies.find((each) => each.currency === currency);
    const named = (currency: string) =>
      Object.fromEntries(
        balance(currency)?.balances.map(({ userId, amountMinor }) => [
          names.find((name) => ids[name] === userId),
          amountMinor,
        ]) ?? [],
      );
    expect(named("EUR")).toEqual({ anna: 466, bo: -33, cy: -433 });
    expect(named("VND")).toEqual({ anna: 90_000, bo: -90_000 });
    expect([
      balance("EUR")?.digits,
      balance("VND")?.digits,
      balance("EUR")?.fewest,
      balance("EUR")?.payments.length,
    ]).toEqual([2, 0, true, 2]);

    await note(ada, {
      title: "paid back",
      settlement: true,
      currency: "VND",
      amountMinor: 90_000,
      payerId: ids["bo"],
      split: "equal",
      shares: [{ userId: ids["anna"] }],
    });
    const after = await call<Balances>(ada, "GET", "/v1/rooms/trip/balances", { token: tokens["anna"]! });
    expect(after.body.currencies.find(({ currency }) => currency === "VND")).toMatchObject({
      balances: [],
      payments: [],
      fewest: true,
    });

    const page = await call<ExpensePage>(bell, "GET", `${path}?limit=3`, { token: tokens["bo"]! });
    const older = await call<ExpensePage>(bell, "GET", `${path}?before=${page.body.nextCursor}`, {
      token: tokens["bo"]!,
    });
    expect(older.body.expenses).toMatchObject([{ expenseId: first.expenseId, settlement: false }]);

    const at = `${path}/${second.expenseId}`;
    expect((await call(ada, "DELETE", at, { token: tokens["bo"]! })).body.code).toBe("not_allowed");
    expect(
      (await call(ada, "DELETE", `/v1/rooms/other/expenses/${second.expenseId}`, { token: tokens["anna"]! })).body.code,
    ).toBe("unknown_expense");
    expectStatus(200, await call(bell, "DELETE", at, { token: tokens["anna"]! }));
    expect((await call(ada, "DELETE", at, { token: tokens["anna"]! })).body.code).toBe("unknown_expense");
  });

  test("[B10] the same Idempotency-Key notes an expense once", async () => {
    const ask = () =>
      call<Expense>(ada, "POST", path, {
        token: tokens["bo"]!,
        body: dinner(),
        headers: { "idempotency-key": "dinner-1" },
      });
    const [one, two] = await Promise.all([ask(), ask()]);
    expect(expectStatus(201, two).expenseId).toBe(expectStatus(201, one).expenseId);
    const other = {
      token: tokens["bo"]!,
      body: { ...dinner(), amountMinor: 5 },
      headers: { "idempotency-key": "dinner-1" },
    };
    expect((await call(ada, "POST", path, other)).body.code).toBe("idempotency_mismatch");
  });

  test.each([
    ["nobody", () => ({}), undefined, 401, "unauthenticated"],
    ["a stranger", () => ({}), "stranger", 403, "not_member"],
    ["no amount", () => ({ amountMinor: 0 }), "bo", 400, "invalid_input"],
    ["a negative amount", () => ({ amountMinor: -5 }), "bo", 400, "invalid_input"],
    ["half a cent", () => ({ amountMinor: 0.5 }), "bo", 400, "invalid_input"],
    ["an amount as text", () => ({ amountMinor: "5" }), "bo", 400, "invalid_input"],
    ["more money than there is", () => ({ amountMinor: 2 ** 53 }), "bo", 400, "invalid_input"],
    ["no such currency", () => ({ currency: "XYZ" }), "bo", 400, "invalid_input"],
    ["nobody to share", () => ({ shares: [] }), "bo", 400, "invalid_input"],
    ["somebody twice", () => ({ shares: [...all(), ...all()] }), "bo", 400, "invalid_input"],
    ["a share of a stranger", () => ({ shares: [{ userId: ids["stranger"] }] }), "bo", 400, "invalid_input"],
    ["a stranger who pays", () => ({ payerId: ids["stranger"] }), "bo", 400, "invalid_input"],
    ["a query for a payer", () => ({ payerId: { $ne: null } }), "bo", 400, "invalid_input"],
    [
      "exact shares that do not add up",
      () => ({ split: "exact", shares: all().map((each) => ({ ...each, exactMinor: 1 })) }),
      "bo",
      400,
      "invalid_input",
    ],
    [
      "weights where it is split equally",
      () => ({ shares: all().map((each) => ({ ...each, weight: 1 })) }),
      "bo",
      400,
      "invalid_input",
    ],
    [
      "a payment to oneself",
      () => ({ settlement: true, shares: [{ userId: ids["anna"] }] }),
      "bo",
      400,
      "invalid_input",
    ],
    ["a payment to many", () => ({ settlement: true }), "bo", 400, "invalid_input"],
    ["an unknown field", () => ({ approved: true }), "bo", 400, "invalid_input"],
  ] as const)("[B11] %s is refused, and nothing is noted", async (...row) => {
    const [, over, who, status, code] = row;
    const balances = () => call(ada, "GET", "/v1/rooms/trip/balances", { token: tokens["anna"]! });
    const before = await balances();
    const token = who === undefined ? {} : { token: tokens[who]! };
    const answer = await call(ada, "POST", path, { ...token, body: { ...dinner(), ...over() } });
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect((await balances()).body).toEqual(before.body);
  });
});
