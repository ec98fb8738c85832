/** Who paid what for whom, and how to settle it. */
import type { Bills } from "../bills/bills.ts";
import type { Clock } from "../mesh/clock.ts";
import * as dto from "./bills.dto.ts";
import { personOf } from "./caller.ts";
import { ULID } from "./fields.ts";
import { Done } from "./files.dto.ts";
import { IdempotencyTable } from "./idempotency.ts";
import { ApiError } from "./problems.ts";
import type { RoomDoor } from "./room-door.ts";
import { type ApiRoute, route } from "./route.ts";

const DEFAULT_PAGE = 30;
const tag = "bills";
const known = ["unknown_room", "not_member"] as const;

export function billRoutes({
  door,
  bills,
  clock,
}: {
  readonly door: RoomDoor;
  readonly bills: Bills;
  readonly clock: Clock;
}): readonly ApiRoute[] {
  const made = new IdempotencyTable(clock);
  return [
    route<dto.ExpenseDto>({
      ...{ method: "POST", path: "/v1/rooms/:slug/expenses", tag, auth: "person" },
      summary: "Note an expense, or a payment between two people. Nothing is paid by this.",
      body: dto.ExpenseDto,
      takesIdempotencyKey: true,
      answers: { status: 201, schema: dto.Expense },
      problems: [...known, "too_many", "idempotency_mismatch"],
      handle: async (call) => {
        const { room, user } = await door.enter(call);
        const input = { ...call.body, settlement: call.body.settlement ?? false };
        const once = { owner: user.id, key: call.idempotencyKey, request: { room: room.id, ...call.body } };
        return made.once(once, async () => ({ body: await bills.add(room.id, user, input) }));
      },
    }),
    route<undefined, dto.ListExpensesDto>({
      ...{ method: "GET", path: "/v1/rooms/:slug/expenses", tag, auth: "person" },
      summary: "What was spent, newest first.",
      query: dto.ListExpensesDto,
      answers: { status: 200, schema: dto.ExpensePage },
      problems: known,
      handle: async (call) => {
        const { room } = await door.enter(call);
        const { before, limit = DEFAULT_PAGE } = call.query;
        return { body: await bills.list(room.id, { limit, ...(before === undefined ? {} : { before }) }) };
      },
    }),
    route({
      ...{ method: "DELETE", path: "/v1/rooms/:slug/expenses/:expenseId", tag, auth: "person" },
      summary: "Strike an expense off: who noted it, and moderators.",
      answers: { status: 200, schema: Done },
      problems: [...known, "unknown_expense", "not_allowed"],
      handle: async (call) => {
        const inside = await door.enter(call);
        const id = call.params["expenseId"] ?? "";
        if (!ULID.test(id)) throw new ApiError("unknown_expense");
        const record = await bills.get(inside.room.id, id);
        await door.assertMakerOrModerator(inside, (record.value as { createdBy: string }).createdBy);
        await bills.remove(record, personOf(call).user);
        return { body: { done: true } };
      },
    }),
    route({
      ...{ method: "GET", path: "/v1/rooms/:slug/balances", tag, auth: "person" },
      summary: "Who owes and who is owed, by currency, and the fewest payments that settle it.",
      answers: { status: 200, schema: dto.Balances },
      problems: known,
      handle: async (call) => ({ body: await bills.balances((await door.enter(call)).room.id) }),
    }),
  ];
}
