/** Rooms: making, finding, choosing a node for one, entering one. */
import { ulid } from "ulid";
import type { ReadMarkerService } from "../chat/read-markers.ts";
import type { Clock } from "../mesh/clock.ts";
import type { Mesh } from "../mesh/mesh.ts";
import { placeNearest } from "../placement/nearest.ts";
import { parseSlug, type SlugProblem } from "../room/slug.ts";
import { type Joining, roomInfoOf } from "../session/joining.ts";
import { RoomNames } from "../session/room-names.ts";
import type { Archive, RoomRecord, UserRecord } from "../store/archive.ts";
import { handleKeyOf } from "../store/case-fold.ts";
import * as answers from "./answers.dto.ts";
import { personOf, sessionOf } from "./caller.ts";
import { IdempotencyTable } from "./idempotency.ts";
import { nodeInfoOf } from "./mesh-report.ts";
import { ApiError } from "./problems.ts";
import { CreateRoomDto, JoinDto, ListRoomsDto, PlaceDto } from "./rooms.dto.ts";
import { type Answer, type ApiRoute, type Call, route } from "./route.ts";

const DEFAULT_CAPACITY = 16;
const DEFAULT_PAGE = 20;
/** Looked at for a free place. */
const PICKED_ROOMS = 10;

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
  /** In [0, 1). */
  readonly random: () => number;
  readonly markers: () => Pick<ReadMarkerService, "unreadOf">;
  readonly creators: RoomCreators;
}

/** Who may make rooms: the operator's choice. */
export interface RoomCreators {
  readonly who: "everyone" | "members" | "listed";
  readonly handles: readonly string[];
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
      problems: [
        "bad_slug",
        "slug_taken",
        "slug_confusable",
        "guest_not_allowed",
        "not_listed",
        "idempotency_mismatch",
      ],
      handle: (call) =>
        made.once({ owner: personOf(call).user.id, key: call.idempotencyKey, request: call.body }, () =>
          createRoom(services, personOf(call).user, call.body),
        ),
    }),
    route<undefined, ListRoomsDto>({
      method: "GET",
      path: "/v1/rooms",
      summary: "The caller's rooms, newest first (?mine), with what is unread in them.",
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
      problems: ["room_moved", "unknown_room", "store_unavailable"],
      handle: async (call) => {
        const room = await services.joining.roomOf(call.params["slug"] ?? "");
        const role = call.person === undefined ? undefined : await services.joining.roleOf(room, call.person.user);
        return { body: await services.joining.infoOf(room, role) };
      },
    }),
    route({
      method: "GET",
      path: "/v1/random-room",
      summary: "An open room that has a free place, picked by chance.",
      tag,
      auth: "person",
      answers: { status: 200, schema: answers.RoomInfo },
      problems: ["unknown_room"],
      handle: (call) => pickRoom(services, personOf(call).user),
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
      problems: ["room_moved", "unknown_room"],
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
      problems: [
        "room_moved",
        "unknown_room",
        "not_member",
        "guest_not_allowed",
        "no_session",
        "session_superseded",
        "room_full",
        "room_locked",
      ],
      handle: async (call) => {
        const room = await services.joining.roomOf(call.params["slug"] ?? "");
        return { body: await services.joining.join(room, personOf(call).user, sessionOf(call)) };
      },
    }),
  ];
}

async function createRoom(services: RoomServices, owner: UserRecord, input: CreateRoomDto): Promise<Answer> {
  assertMayCreate(services.creators, owner);
  const slug = namesOf(input.slug);
  const nowMs = services.clock.wallMs();
  const outcome = await new RoomNames(services.archive).create({
    id: ulid(nowMs),
    slug: slug.slug,
    slugKey: slug.slugKey,
    skeleton: slug.skeleton,
    title: input.title ?? slug.slug,
    access: input.access ?? "open",
    capacity: input.capacity ?? DEFAULT_CAPACITY,
    ...(input.description === undefined ? {} : { description: input.description }),
    ownerId: owner.id,
    createdAtMs: nowMs,
  });
  if (outcome.kind === "slug_taken") throw new ApiError("slug_taken");
  if (outcome.kind === "confusable")
    throw new ApiError("slug_confusable", { detail: `it looks like the room ${outcome.slug}` });
  return { status: 201, body: roomInfoOf(outcome.room, 0, "owner") };
}

/** Throws ApiError bad_slug. */
export function namesOf(text: string): Pick<RoomRecord, "slug" | "slugKey" | "skeleton"> {
  const parsed = parseSlug(text);
  if (!parsed.ok) throw new ApiError("bad_slug", { detail: SLUG_PROBLEMS[parsed.reason] });
  return { slug: parsed.slug, slugKey: parsed.key, skeleton: parsed.skeleton };
}

function assertMayCreate({ who, handles }: RoomCreators, user: UserRecord): void {
  // A guest of one room makes no other, whoever else may.
  if (user.guest && (who !== "everyone" || user.guestRoomId !== undefined)) throw new ApiError("guest_not_allowed");
  if (who === "listed" && !handles.some((handle) => handleKeyOf(handle) === user.handleKey))
    throw new ApiError("not_listed");
}

async function pickRoom({ archive, joining, random }: RoomServices, user: UserRecord): Promise<Answer> {
  if (user.guestRoomId !== undefined) throw new ApiError("unknown_room");
  for (const room of await archive.pickOpenRooms(random(), PICKED_ROOMS)) {
    const info = await joining.infoOf(room, await joining.roleOf(room, user));
    if (info.occupants < info.capacity) return { body: info };
  }
  throw new ApiError("unknown_room", { detail: "no open room has a free place" });
}

async function listRooms(services: RoomServices, call: Call<undefined, ListRoomsDto>): Promise<Answer> {
  const { before, limit = DEFAULT_PAGE } = call.query;
  const { user } = personOf(call);
  // One more than asked for tells whether there is more.
  const page = { limit: limit + 1, ...(before === undefined ? {} : { before }) };
  const found = await services.archive.listRoomsOf(user.id, page);
  const shown = found.slice(0, limit);
  const rooms = await Promise.all(
    shown.map(async ({ room, role }) => ({
      ...(await services.joining.infoOf(room, role)),
      ...(await services.markers().unreadOf(room, user.id)),
    })),
  );
  const last = shown.at(-1);
  const more = found.length > limit && last !== undefined ? { nextCursor: last.room.id } : {};
  return { body: { rooms, ...more } };
}
