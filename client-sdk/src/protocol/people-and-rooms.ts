/** People, rooms and invites, as HTTP speaks of them. */

export type Role = "owner" | "moderator" | "member" | "guest";
export type RoomAccess = "open" | "invite";

export interface RoomInfo {
  readonly roomId: string;
  readonly slug: string;
  readonly title: string;
  readonly access: RoomAccess;
  readonly capacity: number;
  readonly occupants: number;
  readonly createdAtMs: number;
  readonly role?: Role;
  /** To members, when it is: nobody else comes in but its owner and moderators. */
  readonly locked?: boolean;
  readonly description?: string;
  /** A memory of the room, or an id that the client understands. */
  readonly pictureId?: string;
  /** Grows with every change of the room. */
  readonly version?: number;
  /** In lists of the own rooms: messages of others since the read marker; counting stops at 200. */
  readonly unread?: number;
  /** Those of them that name the reader. */
  readonly unreadMentions?: number;
  /** The reader's marker. */
  readonly readUpTo?: string;
  /** Of the newest message. */
  readonly newestMessageId?: string;
}
/** Answer of GET /v1/rooms?mine. */
export interface RoomsResponse {
  readonly rooms: readonly RoomInfo[];
  readonly nextCursor?: string;
}
/** Body of POST /v1/rooms. */
export interface CreateRoom {
  readonly slug: string;
  readonly title?: string;
  readonly description?: string;
  readonly access?: RoomAccess;
  readonly capacity?: number;
}
/** Body of PATCH /v1/rooms/:slug. A new slug leaves the old one as a redirect. */
export interface ChangeRoom {
  readonly slug?: string;
  readonly title?: string;
  readonly description?: string;
  /** null takes the picture away. */
  readonly pictureId?: string | null;
  readonly access?: RoomAccess;
  readonly capacity?: number;
}

export interface UserInfo {
  readonly userId: string;
  readonly handle?: string;
  readonly displayName: string;
  readonly guest: boolean;
  readonly pictureId?: string;
}
/** Answer of POST /v1/users, /v1/login, /v1/guests, and of PATCH /v1/me. */
export interface Credentials {
  readonly user: UserInfo;
  /** User token: 30 days. */
  readonly token: string;
}
/** Body of PATCH /v1/me. A new password, and signOutEverywhere, end every older token and every connected session. */
export interface ChangeMe {
  readonly displayName?: string;
  readonly pictureId?: string | null;
  readonly password?: { readonly current: string; readonly next: string };
  readonly signOutEverywhere?: true;
}
/** Body of DELETE /v1/me; guests have no password. */
export interface DeleteMe {
  readonly password?: string;
}

/** A member of a room. */
export interface MemberInfo {
  readonly userId: string;
  readonly role: Role;
  readonly displayName: string;
  readonly addedAtMs: number;
  readonly handle?: string;
  readonly pictureId?: string;
}
/** Answer of GET /v1/rooms/:slug/members. */
export interface MembersResponse {
  readonly members: readonly MemberInfo[];
  readonly nextCursor?: string;
}
/** Body of PATCH /v1/rooms/:slug/members/:userId. "owner" hands the room over. */
export interface ChangeMember {
  readonly role: Role;
}

/** Body of POST /v1/rooms/:slug/invites. */
export interface CreateInvite {
  /** Default "member". */
  readonly role?: "moderator" | "member" | "guest";
  /** People who may come with it; absent: any number. */
  readonly maxUses?: number;
  /** From now; absent: it does not expire. */
  readonly expiresInMs?: number;
}
export interface InviteInfo {
  readonly inviteId: string;
  readonly role: Role;
  readonly uses: number;
  readonly createdBy: string;
  readonly createdAtMs: number;
  readonly maxUses?: number;
  readonly expiresAtMs?: number;
  /** Only in the answer that makes the invite: nodes keep a hash of it. */
  readonly code?: string;
}
/** Answer of GET /v1/rooms/:slug/invites: newest first. */
export interface InvitesResponse {
  readonly invites: readonly InviteInfo[];
  readonly nextCursor?: string;
}
/** Answer of GET /v1/invites/:code. */
export interface InvitePreview {
  readonly room: RoomInfo;
  readonly role: Role;
  readonly expiresAtMs?: number;
}
/** Body of POST /v1/invites/:code/accept without a user token: the invited becomes a guest of the room. */
export interface AcceptInvite {
  readonly displayName?: string;
}
export interface AcceptedInvite {
  readonly room: RoomInfo;
  /** Of the guest that was made. */
  readonly credentials?: Credentials;
}
