/** What rooms plan, and calendars of it. */

import type { Feeds } from "../happenings/feeds.ts";
import { happeningOf } from "../happenings/happening-record.ts";
import type { Happenings } from "../happenings/happenings.ts";
import { contentDisposition, safeFileName } from "../memories/file-name.ts";
import type { Clock } from "../mesh/clock.ts";
import type { Archive } from "../store/archive.ts";
import { ULID } from "./fields.ts";
import { Bytes, Done } from "./files.dto.ts";
import * as dto from "./happenings.dto.ts";
import { IdempotencyTable } from "./idempotency.ts";
import { ApiError } from "./problems.ts";
import type { RoomDoor } from "./room-door.ts";
import { type Answer, type ApiRoute, type Call, route } from "./route.ts";

export interface HappeningServices {
  readonly archive: Pick<Archive, "getUser" | "getRoom">;
  readonly door: RoomDoor;
  readonly happenings: Happenings;
  readonly feeds: Feeds;
  readonly clock: Clock;
  /** Base URL of this node. */
  readonly url: () => string;
}

const DEFAULT_PAGE = 20;
const tag = "happenings";
const CALENDAR = "text/calendar; charset=utf-8";
const calendar = { status: 200, schema: Bytes, type: "text/calendar" } as const;

export function happeningRoutes(services: HappeningServices): readonly ApiRoute[] {
  return [...planRoutes(services), ...changeRoutes(services), ...calendarRoutes(services), ...feedRoutes(services)];
}

function planRoutes({ door, happenings, clock }: HappeningServices): readonly ApiRoute[] {
  const made = new IdempotencyTable(clock);
  return [
    route<dto.HappeningDto>({
      method: "POST",
      path: "/v1/rooms/:slug/happenings",
      summary: "Plan something: when by the clock of its time zone, where, and when the room is reminded.",
      tag,
      auth: "person",
      body: dto.HappeningDto,
      takesIdempotencyKey: true,
      answers: { status: 201, schema: dto.Happening },
      problems: ["unknown_room", "not_member", "too_many", "idempotency_mismatch"],
      handle: async (call) => {
        const { room, user } = await door.enter(call);
        const once = { owner: user.id, key: call.idempotencyKey, request: { room: room.id, ...call.body } };
        return made.once(once, async () => ({ body: await happenings.add(room.id, user, { ...call.body }) }));
      },
    }),
    route<undefined, dto.ListHappeningsDto>({
      method: "GET",
      path: "/v1/rooms/:slug/happenings",
      summary: "What the room plans, by time.",
      tag,
      auth: "person",
      query: dto.ListHappeningsDto,
      answers: { status: 200, schema: dto.HappeningPage },
      problems: ["unknown_room", "not_member"],
      handle: async (call) => {
        const { room } = await door.enter(call);
        const { from = "0", after, limit = DEFAULT_PAGE } = call.query;
        return { body: await happenings.list(room.id, { fromMs: Number(from), after, limit }) };
      },
    }),
  ];
}

function changeRoutes({ door, happenings }: HappeningServices): readonly ApiRoute[] {
  const path = "/v1/rooms/:slug/happenings/:happeningId";
  const known = ["unknown_room", "not_member", "unknown_happening"] as const;
  const found = async (call: Call<unknown, unknown>) => {
    const inside = await door.enter(call);
    return { inside, record: await happenings.get(inside.room.id, idOf(call)) };
  };
  return [
    route({
      ...{ method: "GET", path, tag, auth: "person", problems: known },
      summary: "One happening with its answers.",
      answers: { status: 200, schema: dto.Happening },
      handle: async (call) => ({ body: await happenings.info((await found(call)).record) }),
    }),
    route<dto.ChangeHappeningDto>({
      ...{ method: "PUT", path, tag, auth: "person", body: dto.ChangeHappeningDto },
      summary: "Change a happening: all of it anew, by who planned it or a moderator.",
      answers: { status: 200, schema: dto.Happening },
      problems: [...known, "not_allowed", "changed_meanwhile"],
      handle: async (call) => {
        const { inside, record } = await found(call);
        await door.assertMakerOrModerator(inside, happeningOf(record).createdBy);
        return { body: await happenings.change(record, inside.user, { ...call.body }) };
      },
    }),
    route({
      ...{ method: "DELETE", path, tag, auth: "person" },
      summary: "Call a happening off.",
      answers: { status: 200, schema: Done },
      problems: [...known, "not_allowed"],
      handle: async (call) => {
        const { inside, record } = await found(call);
        await door.assertMakerOrModerator(inside, happeningOf(record).createdBy);
        await happenings.remove(record, inside.user);
        return { body: { done: true } };
      },
    }),
    route<dto.ReplyDto>({
      ...{ method: "PUT", path: `${path}/answer`, tag, auth: "person", body: dto.ReplyDto },
      summary: "Say whether one comes.",
      answers: { status: 200, schema: dto.Happening },
      problems: [...known, "too_many", "busy"],
      handle: async (call) => {
        const { inside, record } = await found(call);
        const { reply } = call.body;
        return { body: await happenings.answer(record, inside.user, reply === "none" ? null : reply) };
      },
    }),
  ];
}

function calendarRoutes({ door, happenings }: HappeningServices): readonly ApiRoute[] {
  return [
    route({
      ...{ method: "GET", path: "/v1/rooms/:slug/calendar.ics", tag, auth: "person" },
      summary: "What the room plans as a calendar file; the 400 latest.",
      answers: calendar,
      problems: ["unknown_room", "not_member"],
      handle: async (call) => {
        const { room } = await door.enter(call);
        return calendarFile(room.slug, await happenings.calendar(room.title, room.id));
      },
    }),
    route({
      ...{ method: "GET", path: "/v1/rooms/:slug/happenings/:happeningId/calendar.ics", tag, auth: "person" },
      summary: "One happening as a calendar file.",
      answers: calendar,
      problems: ["unknown_room", "not_member", "unknown_happening"],
      handle: async (call) => {
        const { room } = await door.enter(call);
        const record = await happenings.get(room.id, idOf(call));
        return calendarFile(happeningOf(record).title, await happenings.calendar(room.title, room.id, record));
      },
    }),
  ];
}

function feedRoutes({ archive, door, happenings, feeds, url }: HappeningServices): readonly ApiRoute[] {
  const path = "/v1/rooms/:slug/calendar-feed";
  return [
    route({
      ...{ method: "POST", path, tag, auth: "user" },
      summary: "A secret address of the room's calendar, for programs that can send no token. An earlier one ends.",
      answers: { status: 201, schema: dto.CalendarFeed },
      problems: ["unknown_room", "not_member"],
      handle: async (call) => {
        const { room, user } = await door.enter(call);
        return { body: { url: `${url()}/v1/calendars/${await feeds.renew(room.id, user.id)}.ics` } };
      },
    }),
    route({
      ...{ method: "DELETE", path, tag, auth: "user" },
      summary: "End the secret address.",
      answers: { status: 200, schema: Done },
      problems: ["unknown_room", "not_member"],
      handle: async (call) => {
        const { room, user } = await door.enter(call);
        await feeds.revoke(room.id, user.id);
        return { body: { done: true } };
      },
    }),
    route({
      ...{ method: "GET", path: "/v1/calendars/:feed", tag, auth: "none" },
      summary: "The calendar behind a secret address.",
      answers: calendar,
      problems: ["not_found", "store_unavailable"],
      handle: async (call) => {
        const feed = /^(.{1,100})\.ics$/.exec(call.params["feed"] ?? "")?.[1] ?? "";
        const found = await feeds.find(feed);
        const user = found && (await archive.getUser(found.userId));
        if (found === undefined || user === undefined) throw new ApiError("not_found");
        // Whoever may not read the room any more reads nothing, whatever addresses are still about.
        const { room } = await door.enterById(found.roomId, user, "not_found");
        return calendarFile(room.slug, await happenings.calendar(room.title, room.id));
      },
    }),
  ];
}

function calendarFile(name: string, text: string): Answer {
  const disposition = contentDisposition("attachment", safeFileName(`${name}.ics`, "txt"));
  return { body: text, headers: { "content-type": CALENDAR, "content-disposition": disposition } };
}

function idOf(call: Call<unknown, unknown>): string {
  const id = call.params["happeningId"] ?? "";
  if (!ULID.test(id)) throw new ApiError("unknown_happening");
  return id;
}
