/** Invites: links with a code that let people into a room. */
import type { AcceptedInvite, Role } from "#protocol";
import type { Invite, Invites } from "../session/invites.ts";
import type { Joining } from "../session/joining.ts";
import type { Archive, RoomRecord, UserRecord } from "../store/archive.ts";
import * as answers from "./answers.dto.ts";
import { personOf } from "./caller.ts";
import { ULID } from "./fields.ts";
import { Done } from "./files.dto.ts";
import type { People } from "./people.ts";
import { ApiError } from "./problems.ts";
import type { RoomDoor } from "./room-door.ts";
import { AcceptInviteDto, CreateInviteDto, ListInvitesDto } from "./rooms.dto.ts";
import { type Answer, type ApiRoute, type Call, route } from "./route.ts";

const DEFAULT_PAGE = 50;
const tag = "rooms";

export interface InviteServices {
  readonly invites: Invites;
  readonly people: People;
  readonly joining: Joining;
  readonly door: RoomDoor;
  readonly archive: Pick<Archive, "getRoom" | "addMember">;
  readonly told: (roomId: string, userId: string, role: Role) => Promise<void>;
}

export function inviteRoutes(services: InviteServices): readonly ApiRoute[] {
  return [...makerRoutes(services), ...inviteeRoutes(services)];
}

function makerRoutes({ invites, door, joining }: InviteServices): readonly ApiRoute[] {
  const path = "/v1/rooms/:slug/invites";
  return [
    route<CreateInviteDto>({
      method: "POST",
      path,
      summary: "Make an invite, as a moderator; the owner alone invites moderators. The code is told this once.",
      tag,
      auth: "person",
      body: CreateInviteDto,
      bodyOptional: true,
      answers: { status: 201, schema: answers.InviteInfo },
      problems: ["room_moved", "unknown_room", "not_member", "not_allowed", "too_many"],
      handle: async (call) => {
        const { room, user } = await door.moderate(call);
        const { role = "member", maxUses, expiresInMs } = call.body;
        if (role === "moderator" && (await joining.roleOf(room, user)) !== "owner")
          throw new ApiError("not_allowed", { detail: "moderators are the owner's choice" });
        return { body: await invites.create(room, user, { role, maxUses, expiresInMs }) };
      },
    }),
    route<undefined, ListInvitesDto>({
      method: "GET",
      path,
      summary: "The room's invites and how often they were used, newest first, for moderators.",
      tag,
      auth: "person",
      query: ListInvitesDto,
      answers: { status: 200, schema: answers.InvitesResponse },
      problems: ["room_moved", "unknown_room", "not_member", "not_allowed"],
      handle: async (call) => {
        const { room } = await door.moderate(call);
        const { before, limit = DEFAULT_PAGE } = call.query;
        return { body: await invites.list(room, { before, limit }) };
      },
    }),
    route({
      method: "DELETE",
      path: `${path}/:inviteId`,
      summary: "Revoke an invite; who came with it stays.",
      tag,
      auth: "person",
      answers: { status: 200, schema: Done },
      problems: ["room_moved", "unknown_room", "not_member", "not_allowed", "unknown_invite"],
      handle: async (call) => {
        const { room } = await door.moderate(call);
        const inviteId = call.params["inviteId"] ?? "";
        if (!ULID.test(inviteId)) throw new ApiError("unknown_invite");
        await invites.revoke(room, inviteId);
        return { body: { done: true } };
      },
    }),
  ];
}

function inviteeRoutes(services: InviteServices): readonly ApiRoute[] {
  return [
    route({
      method: "GET",
      path: "/v1/invites/:code",
      summary: "Where an invite leads.",
      tag,
      auth: "optional",
      answers: { status: 200, schema: answers.InvitePreview },
      problems: ["unknown_invite", "invite_over", "store_unavailable"],
      handle: async (call) => {
        const { invite, room } = await invitedTo(services, call);
        const { role, expiresAtMs } = invite;
        // Whoever has the code may know what the room is about.
        const info = await services.joining.infoOf(room, role);
        return { body: { room: info, role, ...(expiresAtMs === undefined ? {} : { expiresAtMs }) } };
      },
    }),
    route<AcceptInviteDto>({
      method: "POST",
      path: "/v1/invites/:code/accept",
      summary: "Become a member; without a user token a guest of the room, who needs a displayName. Again: the same.",
      tag,
      auth: "optional",
      body: AcceptInviteDto,
      bodyOptional: true,
      answers: { status: 200, schema: answers.AcceptedInvite },
      problems: [
        ...["unknown_invite", "invite_over", "invite_used_up", "guest_not_allowed", "rate_limited", "busy"],
        "store_unavailable",
      ] as ApiRoute["problems"],
      handle: (call) => accept(services, call),
    }),
  ];
}

async function invitedTo(
  { invites, archive }: InviteServices,
  call: Call<unknown, unknown>,
): Promise<{ readonly invite: Invite; readonly room: RoomRecord }> {
  const invite = await invites.find(call.params["code"] ?? "");
  const room = await archive.getRoom(invite.roomId);
  if (room === undefined) throw new ApiError("unknown_invite");
  return { invite, room };
}

async function accept(services: InviteServices, call: Call<AcceptInviteDto>): Promise<Answer> {
  const { invite, room } = await invitedTo(services, call);
  if (call.person === undefined) return { body: await acceptAsGuest(services, call, { invite, room }) };
  const { user } = personOf(call);
  if (user.guestRoomId !== undefined && user.guestRoomId !== room.id) throw new ApiError("guest_not_allowed");
  const known = await services.joining.roleOf(room, user);
  if (known !== undefined) return { body: { room: await services.joining.infoOf(room, known) } };
  await services.invites.use(invite, user.id);
  const role = await enroll(services, room, { user, role: user.guest ? "guest" : invite.role });
  return { body: { room: await services.joining.infoOf(room, role) } };
}

async function acceptAsGuest(
  services: InviteServices,
  call: Call<AcceptInviteDto>,
  { invite, room }: { readonly invite: Invite; readonly room: RoomRecord },
): Promise<AcceptedInvite> {
  const { people, joining } = services;
  const { displayName } = call.body;
  if (displayName === undefined)
    throw new ApiError("invalid_input", { errors: [{ path: "displayName", message: "guests need a name" }] });
  people.spendArrival(call.address);
  const id = people.newId();
  await services.invites.use(invite, id);
  const credentials = await people.makeGuest({ id, displayName, guestRoomId: room.id });
  const role = await enroll(services, room, { user: { id }, role: "guest" });
  return { room: await joining.infoOf(room, role), credentials };
}

async function enroll(
  services: InviteServices,
  room: RoomRecord,
  { user, role }: { readonly user: Pick<UserRecord, "id">; readonly role: Role },
): Promise<Role> {
  const added = { roomId: room.id, userId: user.id, role, addedAtMs: services.joining.nowMs() };
  const { member } = await services.archive.addMember(added);
  await services.told(room.id, user.id, member.role);
  return member.role;
}
