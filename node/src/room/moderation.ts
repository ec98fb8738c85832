/**
 * What moderators do to people in a call, wherever those are served: mute, remove, change rights. The node that serves the
 * person carries it out. Rules: SPEC.md [P100…P106].
 */
import type { Grants, Role } from "#protocol";
import type { MediaPlane } from "../media/control.ts";
import { type Mesh, MeshError } from "../mesh/mesh.ts";
import { isFields, isOneOf, isText } from "../mesh/shape.ts";
import type { Member, RoomRegistry } from "./registry.ts";
import { RoomError } from "./room-service.ts";
import type { RoomRefusal } from "./room-state.ts";

export const MODERATE_TOPIC = "room.moderate";
const TIMEOUT_MS = 5_000;
const MAX_ID = 128;
const MAX_ROOM_ID = 256;

export type GrantsChange = Partial<Pick<Grants, "publish" | "subscribe" | "chat">>;

/** One deed towards one participant. Without `trackId`, mute means all of their sound. */
export type ModerationOrder =
  | { readonly action: "mute"; readonly participantId: string; readonly trackId?: string }
  | { readonly action: "remove"; readonly participantId: string }
  | { readonly action: "grants"; readonly participantId: string; readonly grants: GrantsChange };

/** Of a moderator over HTTP. */
export interface HttpOrder {
  readonly roomId: string;
  readonly byUserId: string;
  readonly order: ModerationOrder;
}

interface OrderBody {
  readonly roomId: string;
  /** The participant who orders it; null: a moderator over HTTP, checked by the sending node. */
  readonly by: string | null;
  readonly byUserId: string;
  readonly order: ModerationOrder;
}

/** A member's role changed for good. */
export interface RoleChange {
  readonly roomId: string;
  readonly userId: string;
  readonly role: Role;
  /** What that role may do, without what was taken from this person. */
  readonly grants: Grants;
}

/** What a removed session and changed tracks mean is the live rooms' business. */
export interface ModeratedRooms {
  remove(member: Member): void;
  /** Its tracks or what it may do changed. */
  update(member: Member): void;
  refused(code: RoomRefusal, from: string): void;
}

const CODES = ["not_allowed", "unknown_participant", "unknown_track"] as const;

export class Moderation {
  readonly #mesh: Mesh;
  readonly #media: MediaPlane;
  readonly #registry: RoomRegistry;
  readonly #rooms: ModeratedRooms;
  readonly #counts = { mute: 0, remove: 0, grants: 0 };
  #unhandle: () => void = () => undefined;

  constructor(
    parts: { readonly mesh: Mesh; readonly media: MediaPlane; readonly registry: RoomRegistry },
    rooms: ModeratedRooms,
  ) {
    this.#mesh = parts.mesh;
    this.#media = parts.media;
    this.#registry = parts.registry;
    this.#rooms = rooms;
  }

  start(): void {
    this.#unhandle = this.#mesh.handle(MODERATE_TOPIC, (from, body) => this.#receive(from, body));
  }

  stop(): void {
    this.#unhandle();
  }

  /** Deeds carried out on this node's people. */
  counters(): Readonly<Record<ModerationOrder["action"], number>> {
    return { ...this.#counts };
  }

  /** By a participant of this node. */
  async moderate(actor: Member, order: ModerationOrder): Promise<void> {
    const { roomId, entry } = actor;
    const node = this.#registry.find(roomId)?.nodeOf(order.participantId);
    if (node === undefined) throw new RoomError("unknown_participant", "nobody of that name is in the room");
    this.#assertMay(roomId, entry.participantId, order);
    await this.#order(node, { roomId, by: entry.participantId, byUserId: entry.userId, order });
  }

  /** By somebody whose right the caller has checked; `node` serves the participant. */
  async order(node: string, input: HttpOrder): Promise<void> {
    await this.#order(node, { by: null, ...input });
  }

  /** This node's sessions of the person follow at once; of others nothing is known here. */
  roleChanged({ roomId, userId, role, grants }: RoleChange): void {
    for (const member of this.#registry.members()) {
      if (member.roomId !== roomId || member.entry.userId !== userId) continue;
      if (member.entry.role === role && JSON.stringify(member.grants) === JSON.stringify(grants)) continue;
      member.entry = { ...member.entry, role };
      this.#setGrants(member, grants);
    }
  }

  async #order(node: string, body: OrderBody): Promise<void> {
    if (node === this.#mesh.self.name) {
      this.#carryOut(body);
      return;
    }
    try {
      await this.#mesh.request(node, MODERATE_TOPIC, body, { timeoutMs: TIMEOUT_MS });
    } catch (error) {
      throw refusalOf(error);
    }
  }

  /** Owners may do it to all others, moderators to those who are neither; everybody to themselves but for leaving so. */
  #assertMay(roomId: string, actorId: string, { action, participantId }: ModerationOrder): void {
    const room = this.#registry.find(roomId);
    const actor = room?.roleOf(actorId);
    const subject = room?.roleOf(participantId);
    const isBelow = subject !== undefined && subject !== "owner" && (subject !== "moderator" || actor === "owner");
    const isSelf = actorId === participantId;
    if (!moderates(actor) || (isSelf ? action !== "mute" : !isBelow))
      throw new RoomError("not_allowed", "this is for moderators, towards those below them");
  }

  #receive(from: string, value: unknown): { readonly ok: true } {
    const body = readOrder(value);
    if (body === undefined) throw this.#refuse("bad_shape", from);
    const room = this.#registry.find(body.roomId);
    if (body.by !== null) {
      // A node speaks for the people that it serves, for no others.
      if (room?.nodeOf(body.by) !== from) throw this.#refuse("foreign_node", from);
      this.#assertMay(body.roomId, body.by, body.order);
    }
    this.#carryOut(body);
    return { ok: true };
  }

  #refuse(code: RoomRefusal, from: string): MeshError {
    this.#rooms.refused(code, from);
    return new MeshError(code, "the order was refused; nothing changed");
  }

  // ---------------------------------------------------------------- to people of this node

  #carryOut({ roomId, byUserId, order }: OrderBody): void {
    const member = this.#registry.memberOf(roomId, order.participantId);
    if (member === undefined) throw new RoomError("unknown_participant", "this person is not on this node");
    if (order.action === "mute") this.#mute(member, order.trackId, byUserId);
    else if (order.action === "grants") this.#change(member, order.grants);
    else this.#rooms.remove(member);
    this.#counts[order.action] += 1;
  }

  #mute(member: Member, trackId: string | undefined, by: string): void {
    const isMeant = (track: Member["tracks"][number]): boolean =>
      trackId === undefined ? track.kind === "audio" : track.trackId === trackId;
    if (trackId !== undefined && !member.tracks.some(isMeant))
      throw new RoomError("unknown_track", "this person publishes no such track");
    const muted = member.tracks.filter((track) => isMeant(track) && !track.muted);
    for (const track of muted) this.#media.setTrackMuted({ trackId: track.trackId, muted: true });
    member.tracks = member.tracks.map((track) => (muted.includes(track) ? { ...track, muted: true } : track));
    for (const track of muted) member.client.notify({ type: "muted", trackId: track.trackId, by });
    this.#rooms.update(member);
  }

  #change(member: Member, change: GrantsChange): void {
    this.#setGrants(member, { ...member.grants, ...change });
  }

  #setGrants(member: Member, grants: Grants): void {
    const { publish, subscribe, chat } = grants;
    member.grants = grants;
    this.#media.setPeerGrants({ peerId: member.sessionId, grants: { publish, subscribe, data: chat } });
    member.client.notify({ type: "grants", role: member.entry.role, grants });
    this.#fillSlots(member);
    this.#rooms.update(member);
  }

  #fillSlots({ sessionId, roomId, grants, slots }: Member): void {
    const { subscribe } = grants;
    if (!subscribe) for (const { mid } of slots) this.#media.assignSlot({ peerId: sessionId, mid, trackId: null });
    const room = this.#registry.find(roomId);
    room?.setSlots(sessionId, subscribe ? slots : [], { fresh: false });
    room?.refresh();
  }
}

function refusalOf(error: unknown): RoomError {
  const code = error instanceof MeshError && isOneOf(error.code, CODES) ? error.code : "media_unavailable";
  return new RoomError(code, "the node that serves this person did not do it", { cause: error });
}

function moderates(role: Role | undefined): boolean {
  return role === "owner" || role === "moderator";
}

function readOrder(value: unknown): OrderBody | undefined {
  if (!isFields(value) || !isText(value["roomId"], MAX_ROOM_ID)) return undefined;
  const { roomId, by, byUserId } = value;
  const order = readDeed(value["order"]);
  if (!(by === null || isText(by, MAX_ID)) || !isText(byUserId, MAX_ID) || order === undefined) return undefined;
  return { roomId, by, byUserId, order };
}

function readDeed(value: unknown): ModerationOrder | undefined {
  if (!isFields(value) || !isText(value["participantId"], MAX_ID)) return undefined;
  const { action, participantId, trackId, grants } = value;
  if (action === "remove") return { action, participantId };
  if (action === "mute" && (trackId === undefined || isText(trackId, MAX_ID)))
    return { action, participantId, ...(trackId === undefined ? {} : { trackId }) };
  const change = action === "grants" ? readGrants(grants) : undefined;
  return change === undefined ? undefined : { action: "grants", participantId, grants: change };
}

function readGrants(value: unknown): GrantsChange | undefined {
  if (!isFields(value)) return undefined;
  const change: { -readonly [Right in keyof GrantsChange]: boolean } = {};
  for (const right of ["publish", "subscribe", "chat"] as const) {
    const may = value[right];
    if (may !== undefined && typeof may !== "boolean") return undefined;
    if (may !== undefined) change[right] = may;
  }
  return change;
}
