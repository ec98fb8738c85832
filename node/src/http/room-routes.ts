/** Rooms: making, finding, choosing a node for one, entering one. */
import { ulid } from "ulid";
import type { Clock } from "../mesh/clock.ts";
import type { Mesh } from "../mesh/mesh.ts";
import { placeNearest } from "../placement/nearest.ts";
import { parseSlug, type SlugProblem } from "../room/slug.ts";
import { type Joining, roomInfoOf } from "../session/joining.ts";
import type { Archive, UserRecord } from "../store/archive.ts";
import * as answers from "./answers.dto.ts";
import { personOf, sessionOf } from "./caller.ts";
import { IdempotencyTable } from "./idempotency.ts";
import { nodeInfoOf } from "./mesh-report.ts";
import { ApiError } from "./problems.ts";
import { CreateRoomDto, JoinDto, ListRoomsDto, PlaceDto } from "./rooms.dto.ts";
import { type Answer, type ApiRoute, type Call, route } from "./route.ts";

const DEFAULT_CAPACITY = 16;
const DEFAULT_PAGE = 20;

const SLUG_PROBLEMS: Readonly<Record<SlugProblem, string>> = {
  empty: "an address has at least one character",
  too_long: "an address has at most 64 characters",
  bad_character: 'letters, digits, "-", "_" and emoji only',
  only_digits: "not only digits",
  reserved: "this word, or one that looks like it, is used by the service itself",
};

export interface RoomServices {
  readonly archive: Archive;
  readonly joining: Joining;
  readonly clock: Clock;
  readonly mesh: () => Mesh;
}

const tag = "rooms";

export function roomRoutes(services: RoomServices): readonly ApiRoute[] {
  return [...shelfRoutes(services), ...entryRoutes(services)];
}

/** Making and finding rooms. */
function shelfRoutes(services: RoomServices): readonly ApiRoute[] {
  const made = new IdempotencyTable(services.clock);
  return [
    route<CreateRoomDto>({
      method: "POST",
      path: "/v1/rooms",
      summary: "Make a room under an address of one's own choice.",
      tag,
      auth: "user",
      body: CreateRoomDto,
      takesIdempotencyKey: true,
      answers: { status: 201, schema: answers.RoomInfo },
      problems: ["bad_slug", "slug_taken", "slug_confusable", "guest_not_allowed", "idempotency_mismatch"],
      handle: (call) =>
        made.once({ owner: personOf(call).user.id, key: call.idempotencyKey, request: call.body }, () =>
          createRoom(services, personOf(call).user, call.body),
        ),
    }),
    route<undefined, ListRoomsDto>({
      method: "GET",
      path: "/v1/rooms",
      summary: "The caller's rooms, newest first (?mine).",
      tag,
      auth: "user",
      query: ListRoomsDto,
      answers: { status: 200, schema: answers.RoomsResponse },
      problems: [],
      handle: (call) => listRooms(services, call),
    }),
    route({
      method: "GET",
      path: "/v1/rooms/:slug",
      summary: "What a room is, and how many people are in it now.",
      tag,
      auth: "optional",
      answers: { status: 200, schema: answers.RoomInfo },
      problems: ["unknown_room", "store_unavailable"],
      handle: async (call) => {
        const room = await services.joining.roomOf(call.params["slug"] ?? "");
        const role = call.person === undefined ? undefined : await services.joining.roleOf(room, call.person.user);
        return { body: await services.joining.infoOf(room, role) };
      },
    }),
  ];
}

/** On the way into a room. */
function entryRoutes(services: RoomServices): readonly ApiRoute[] {
  return [
    route<PlaceDto>({
      method: "POST",
      path: "/v1/rooms/:slug/place",
      summary: "Which node to connect to, from the round trips that the client measured, and why.",
      tag,
      auth: "person",
      body: PlaceDto,
      answers: { status: 200, schema: answers.PlaceResponse },
      problems: ["unknown_room"],
      handle: async (call) => {
        await services.joining.roomOf(call.params["slug"] ?? "");
        const [self, ...others] = services.mesh().nodes().map(nodeInfoOf);
        return { body: placeNearest([self ?? nodeInfoOf(services.mesh().self), ...others], call.body.rtts) };
      },
    }),
    route<JoinDto>({
      method: "POST",
      path: "/v1/rooms/:slug/join",
      summary: "A place in the room and a room token for the socket; the session must be connected to a node.",
      tag,
      auth: "session",
      body: JoinDto,
      bodyOptional: true,
      answers: { status: 200, schema: answers.JoinTicket },
      problems: ["unknown_room", "not_member", "guest_not_allowed", "no_session", "session_superseded", "room_full"],
      handle: async (call) => {
        const room = await services.joining.roomOf(call.params["slug"] ?? "");
        return { body: await services.joining.join(room, personOf(call).user, sessionOf(call)) };
      },
    }),
  ];
}

async function createRoom(services: RoomServices, owner: UserRecord, input: CreateRoomDto): Promise<Answer> {
  if (owner.guest) throw new ApiError("guest_not_allowed");
  const slug = parseSlug(input.slug);
  if (!slug.ok) throw new ApiError("bad_slug", { detail: SLUG_PROBLEMS[slug.reason] });
  const nowMs = services.clock.wallMs();
  const outcome = await services.archive.createRoom({
    id: ulid(nowMs),
    slug: slug.slug,
    slugKey: slug.key,
    skeleton: slug.skeleton,
    title: input.title ?? slug.slug,
    access: input.access ?? "open",
    capacity: input.capacity ?? DEFAULT_CAPACITY,
    ownerId: owner.id,
    createdAtMs: nowMs,
  });
  if (outcome.kind === "slug_taken") throw new ApiError("slug_taken");
  if (outcome.kind === "confusable")
    throw new ApiError("slug_confusable", { detail: `it looks like the room ${outcome.slug}` });
  return { status: 201, body: roomInfoOf(outcome.room, 0, "owner") };
}

async function listRooms(services: RoomServices, call: Call<undefined, ListRoomsDto>): Promise<Answer> {
  const { before, limit = DEFAULT_PAGE } = call.query;
  const { user } = personOf(call);
  // One more than asked for tells whether there is more.
  const page = { limit: limit + 1, ...(before === undefined ? {} : { before }) };
  const found = await services.archive.listRoomsOf(user.id, page);
  const shown = found.slice(0, limit);
  const rooms = await Promise.all(shown.map(({ room, role }) => services.joining.infoOf(room, role)));
  const last = shown.at(-1);
  const more = found.length > limit && last !== undefined ? { nextCursor: last.room.id } : {};
  return { body: { rooms, ...more } };
}
