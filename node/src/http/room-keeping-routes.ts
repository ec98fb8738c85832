/** What owners and moderators do to rooms and members. */
import type { Joining } from "../session/joining.ts";
import type { Keeper, RoomKeeping } from "../session/room-keeping.ts";
import type { Archive } from "../store/archive.ts";
import * as answers from "./answers.dto.ts";
import { personOf } from "./caller.ts";
import { ULID } from "./fields.ts";
import { Done } from "./files.dto.ts";
import { assertPicture } from "./picture-check.ts";
import { ApiError } from "./problems.ts";
import type { RoomDoor } from "./room-door.ts";
import { namesOf } from "./room-routes.ts";
import { ChangeMemberDto, ChangeRoomDto, ListMembersDto } from "./rooms.dto.ts";
import { type Answer, type ApiRoute, type Call, route } from "./route.ts";

const DEFAULT_PAGE = 50;
const tag = "rooms";
const DONE: Answer = { body: { done: true } };

export interface RoomKeepingServices {
  readonly keeping: RoomKeeping;
  readonly joining: Joining;
  readonly door: RoomDoor;
  readonly archive: Pick<Archive, "records">;
}

export function roomKeepingRoutes(services: RoomKeepingServices): readonly ApiRoute[] {
  return [...roomRoutes(services), ...memberRoutes(services)];
}

function roomRoutes(services: RoomKeepingServices): readonly ApiRoute[] {
  const { keeping } = services;
  return [
    route<ChangeRoomDto>({
      method: "PATCH",
      path: "/v1/rooms/:slug",
      summary: "Change a room, as its owner or moderator. A new slug (the owner's) leaves the old one as a redirect.",
      tag,
      auth: "person",
      body: ChangeRoomDto,
      answers: { status: 200, schema: answers.RoomInfo },
      problems: [
        ...["room_moved", "unknown_room", "not_member", "not_allowed", "unknown_file"],
        ...["bad_slug", "slug_taken", "slug_confusable", "too_many"],
      ] as ApiRoute["problems"],
      handle: (call) => changeRoom(services, call),
    }),
    route({
      method: "DELETE",
      path: "/v1/rooms/:slug",
      summary: "Delete a room and all that is in it, as its owner. Its address stays taken.",
      tag,
      auth: "user",
      answers: { status: 200, schema: Done },
      problems: ["room_moved", "unknown_room", "not_allowed"],
      handle: async (call) => {
        await keeping.remove(await keeperOf(services, call));
        return DONE;
      },
    }),
  ];
}

function memberRoutes(services: RoomKeepingServices): readonly ApiRoute[] {
  const { keeping, door } = services;
  const path = "/v1/rooms/:slug/members";
  return [
    route<undefined, ListMembersDto>({
      method: "GET",
      path,
      summary: "The room's members, by ascending person id.",
      tag,
      auth: "person",
      query: ListMembersDto,
      answers: { status: 200, schema: answers.MembersResponse },
      problems: ["room_moved", "unknown_room", "not_member"],
      handle: async (call) => {
        const { room } = await door.enter(call);
        const { after, limit = DEFAULT_PAGE } = call.query;
        return { body: await keeping.members(room, { after, limit }) };
      },
    }),
    route<ChangeMemberDto>({
      method: "PATCH",
      path: `${path}/:userId`,
      summary: "Give a member another role. The owner alone makes moderators, and hands the room over with 'owner'.",
      tag,
      auth: "person",
      body: ChangeMemberDto,
      answers: { status: 200, schema: answers.MemberInfo },
      problems: ["room_moved", "unknown_room", "unknown_member", "not_allowed", "guest_not_allowed"],
      handle: async (call) => {
        const keeper = await keeperOf(services, call);
        return { body: await keeping.setRole(keeper, userIdOf(call), call.body.role) };
      },
    }),
    route({
      method: "DELETE",
      path: `${path}/:userId`,
      summary: "Remove a member, who leaves at once; or go oneself.",
      tag,
      auth: "person",
      answers: { status: 200, schema: Done },
      problems: ["room_moved", "unknown_room", "unknown_member", "not_allowed"],
      handle: async (call) => {
        await keeping.removeMember(await keeperOf(services, call), userIdOf(call));
        return DONE;
      },
    }),
  ];
}

async function changeRoom(services: RoomKeepingServices, call: Call<ChangeRoomDto>): Promise<Answer> {
  const { slug, title, description, pictureId, access, capacity } = call.body;
  const changes = {
    ...(slug === undefined ? {} : { names: namesOf(slug) }),
    ...(title === undefined ? {} : { title }),
    ...(description === undefined ? {} : { description }),
    ...(pictureId === undefined ? {} : { pictureId }),
    ...(access === undefined ? {} : { access }),
    ...(capacity === undefined ? {} : { capacity }),
  };
  if (Object.keys(changes).length === 0)
    throw new ApiError("invalid_input", { errors: [{ path: "", message: "nothing is to be changed" }] });
  const keeper = await keeperOf(services, call);
  await assertPicture(services.archive, pictureId);
  return { body: await services.keeping.change(keeper, changes) };
}

async function keeperOf({ joining }: RoomKeepingServices, call: Call<unknown, unknown>): Promise<Keeper> {
  const { user } = personOf(call);
  const room = await joining.roomOf(call.params["slug"] ?? "");
  return { room, user, role: await joining.roleOf(room, user) };
}

/** What is no id is nobody. */
function userIdOf(call: Call<unknown, unknown>): string {
  const userId = call.params["userId"] ?? "";
  if (!ULID.test(userId)) throw new ApiError("unknown_member");
  return userId;
}
