/** Making, finding and keeping rooms, their members and invites. A slug that a room gave up leads to the room still. */
import { type Http, queryOf, roomPath, type UploadOptions } from "./http.ts";
import type {
  AcceptedInvite,
  ChangeRoom,
  CreateInvite,
  CreateRoom,
  Credentials,
  InviteInfo,
  InvitePreview,
  InvitesResponse,
  MemberInfo,
  MembersResponse,
  Role,
  RoomInfo,
  RoomsResponse,
} from "./protocol/messages.ts";

interface Page {
  /** A page's nextCursor. */
  readonly before?: string;
  /** 1 to 100. */
  readonly limit?: number;
}
/** At most so many pages are put together by a function that promises all. */
const MAX_PAGES = 50;
const MAX_OWN_PAGES = 5;

export class Rooms {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  create(room: CreateRoom): Promise<RoomInfo> {
    return this.#http.send("POST", "/v1/rooms", room);
  }
  /** `slug` of the answer is another one when the room was renamed. */
  get(slug: string): Promise<RoomInfo> {
    return this.#http.get(roomPath(slug));
  }
  /** Own rooms with what is unread in them, newest first. */
  mine(page: Page = {}): Promise<RoomsResponse> {
    return this.#http.get(`/v1/rooms${queryOf({ mine: "true", ...page })}`);
  }
  /** An own room with what is unread in it; undefined when it is not among them (or among far too many). */
  async own(roomId: string): Promise<RoomInfo | undefined> {
    let before: string | undefined;
    for (let page = 0; page < MAX_OWN_PAGES; page += 1) {
      const { rooms, nextCursor } = await this.mine({ limit: 100, ...(before === undefined ? {} : { before }) });
      const found = rooms.find((room) => room.roomId === roomId);
      if (found !== undefined || nextCursor === undefined) return found;
      before = nextCursor;
    }
    return undefined;
  }
  /** An open room that has a free place; rejects with "unknown_room" when there is none. */
  random(): Promise<RoomInfo> {
    return this.#http.get("/v1/random-room");
  }
  /** A new `slug` (the owner's alone) leaves the old one as a redirect. */
  update(slug: string, changes: ChangeRoom): Promise<RoomInfo> {
    return this.#http.send("PATCH", roomPath(slug), changes);
  }
  async setPicture(slug: string, picture: Blob | null, options: UploadOptions = {}): Promise<RoomInfo> {
    const pictureId = picture === null ? null : await addPicture(this.#http, picture, options);
    return this.update(slug, { pictureId });
  }
  /** With everything in it, for ever; the owner's alone. */
  async delete(slug: string): Promise<void> {
    await this.#http.send("DELETE", roomPath(slug));
  }

  /** A locked room takes nobody in but its owner, its moderators and who is inside. For those two to say. */
  async setLocked(slug: string, locked: boolean): Promise<void> {
    await this.#http.send("POST", roomPath(slug, "/moderation"), { action: locked ? "lock" : "unlock" });
  }

  members(slug: string, page: { readonly after?: string; readonly limit?: number } = {}): Promise<MembersResponse> {
    return this.#http.get(roomPath(slug, `/members${queryOf(page)}`));
  }
  async allMembers(slug: string): Promise<readonly MemberInfo[]> {
    const all: MemberInfo[] = [];
    let after: string | undefined;
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const next = await this.members(slug, { limit: 100, ...(after === undefined ? {} : { after }) });
      all.push(...next.members);
      after = next.nextCursor;
      if (after === undefined) break;
    }
    return all;
  }
  /** "owner" hands the room over. */
  setRole(slug: string, userId: string, role: Role): Promise<MemberInfo> {
    return this.#http.send("PATCH", roomPath(slug, `/members/${userId}`), { role }, { repeatable: true });
  }
  /** Takes a member out, who leaves the call at once; or oneself. */
  async removeMember(slug: string, userId: string): Promise<void> {
    await this.#http.send("DELETE", roomPath(slug, `/members/${userId}`));
  }
}

export class Invites {
  readonly #http: Http;
  readonly #use: (credentials: Credentials) => void;

  constructor(http: Http, use: (credentials: Credentials) => void) {
    this.#http = http;
    this.#use = use;
  }

  /** `code` is told this once. */
  create(slug: string, invite: CreateInvite = {}): Promise<InviteInfo> {
    return this.#http.send("POST", roomPath(slug, "/invites"), invite);
  }
  list(slug: string, page: Page = {}): Promise<InvitesResponse> {
    return this.#http.get(roomPath(slug, `/invites${queryOf({ ...page })}`));
  }
  /** Who came with it stays. */
  async revoke(slug: string, inviteId: string): Promise<void> {
    await this.#http.send("DELETE", roomPath(slug, `/invites/${inviteId}`));
  }
  /** Where it leads. */
  get(code: string): Promise<InvitePreview> {
    return this.#http.get(`/v1/invites/${encodeURIComponent(code)}`);
  }
  /**
   * Becomes a member. Without a user token a guest of the room, who needs a name; the client then acts for that guest
   * (keep `client.token`).
   */
  async accept(code: string, guest: { readonly displayName?: string } = {}): Promise<RoomInfo> {
    const path = `/v1/invites/${encodeURIComponent(code)}/accept`;
    const { room, credentials } = await this.#http.send<AcceptedInvite>("POST", path, guest);
    if (credentials !== undefined) this.#use(credentials);
    return room;
  }
}

/** Cut to a square by the node; its id goes into a profile or a room. */
export async function addPicture(http: Http, picture: Blob, options: UploadOptions = {}): Promise<string> {
  return (await http.upload<{ readonly pictureId: string }>("/v1/pictures", picture, options)).pictureId;
}
