/** What owners and moderators do to people in a call, and to its door. */
import type { LiveRooms } from "../room/live-rooms.ts";
import type { GrantsChange, ModerationOrder } from "../room/moderation.ts";
import type { Joining } from "../session/joining.ts";
import type { Restrictions } from "../session/restrictions.ts";
import type { RoomLock } from "../session/room-lock.ts";
import type { Archive } from "../store/archive.ts";
import type { Presence } from "../store/presence.ts";
import { Done } from "./files.dto.ts";
import { ModerationDto } from "./moderation.dto.ts";
import { ApiError } from "./problems.ts";
import type { Inside, RoomDoor } from "./room-door.ts";
import { type Answer, type ApiRoute, route } from "./route.ts";

export interface ModerationServices {
  readonly door: RoomDoor;
  readonly joining: Pick<Joining, "roleOf">;
  readonly lock: RoomLock;
  readonly restrictions: Pick<Restrictions, "change">;
  readonly archive: Pick<Archive, "getMember">;
  readonly presence: Pick<Presence, "occupants">;
  readonly rooms: () => Pick<LiveRooms, "order">;
}

const DONE: Answer = { body: { done: true } };

export function moderationRoutes(services: ModerationServices): readonly ApiRoute[] {
  return [
    route<ModerationDto>({
      method: "POST",
      path: "/v1/rooms/:slug/moderation",
      summary:
        "Mute or remove somebody in the call, or change what they may do in the room until it is changed again, as owner or moderator towards those below; lock the room, which then takes nobody in but its owner and moderators.",
      tag: "rooms",
      auth: "person",
      body: ModerationDto,
      answers: { status: 200, schema: Done },
      problems: ["room_moved", "unknown_room", "not_member", "not_allowed", "unknown_member", "busy"],
      handle: async (call) => {
        const inside = await services.door.moderate(call);
        const { action } = call.body;
        if (action === "lock" || action === "unlock") await services.lock.set(inside.room.id, action === "lock");
        else await moderate(services, inside, orderOf(call.body));
        return DONE;
      },
    }),
  ];
}

interface Deed {
  readonly userId: string;
  readonly order: (participantId: string) => ModerationOrder;
  /** Kept for later sessions. */
  readonly lasting?: GrantsChange;
}

function orderOf({ action, userId, trackId, publish, subscribe, chat }: ModerationDto): Deed {
  if (userId === undefined)
    throw new ApiError("invalid_input", { errors: [{ path: "userId", message: "whom is this for?" }] });
  if (action === "remove") return { userId, order: (participantId) => ({ action, participantId }) };
  if (action === "mute") {
    const track = trackId === undefined ? {} : { trackId };
    return { userId, order: (participantId) => ({ action, participantId, ...track }) };
  }
  const grants = {
    ...(publish === undefined ? {} : { publish }),
    ...(subscribe === undefined ? {} : { subscribe }),
    ...(chat === undefined ? {} : { chat }),
  };
  if (Object.keys(grants).length === 0)
    throw new ApiError("invalid_input", { errors: [{ path: "", message: "no right is to be changed" }] });
  return { userId, order: (participantId) => ({ action: "grants", participantId, grants }), lasting: grants };
}

/** Rights are kept first: whoever comes in meanwhile has them already. So they also change for members who are away. */
async function moderate(services: ModerationServices, inside: Inside, { userId, order, lasting }: Deed): Promise<void> {
  const { room, user } = inside;
  const occupants = (await services.presence.occupants(room.id)).filter((occupant) => occupant.userId === userId);
  const member = await services.archive.getMember({ roomId: room.id, userId });
  const subject = member?.role ?? occupants[0]?.joinedAs.role;
  if (subject === undefined || (occupants.length === 0 && lasting === undefined))
    throw new ApiError("unknown_member", { detail: "this person is not in the call" });
  await assertBelow(services, inside, { userId, role: subject });
  if (lasting !== undefined) await services.restrictions.change(room.id, userId, lasting);
  if (occupants.length === 0) return;
  const rooms = services.rooms();
  const done = occupants.map(async ({ node, joinedAs: { participantId } }) => {
    if (typeof participantId !== "string") throw new ApiError("unknown_member");
    await rooms.order(node, { roomId: room.id, byUserId: user.id, order: order(participantId) });
  });
  const outcomes = await Promise.allSettled(done);
  // Several devices: a track is on one of them only.
  if (outcomes.some((outcome) => outcome.status === "fulfilled")) return;
  const failed = outcomes.find((outcome) => outcome.status === "rejected");
  throw problemOf(failed?.reason);
}

/** Owners act towards all others, moderators towards those who are neither. */
async function assertBelow(
  services: ModerationServices,
  { room, user }: Inside,
  subject: { readonly userId: string; readonly role: unknown },
): Promise<void> {
  const role = await services.joining.roleOf(room, user);
  const isBelow = subject.role !== "owner" && (subject.role !== "moderator" || role === "owner");
  if (!isBelow || subject.userId === user.id) throw new ApiError("not_allowed");
}

function problemOf(cause: unknown): ApiError {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  if (code === "unknown_participant" || code === "unknown_track")
    return new ApiError("unknown_member", { detail: "this person, or this track, is not in the call", cause });
  return new ApiError("busy", { detail: "the node that serves this person does not answer", cause });
}
