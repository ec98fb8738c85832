/**
 * Requests about text, rooms, members, invites and accounts that must be refused. Paths and bodies may name what the test
 * made: {message} (of owner), {theirs} (of member), {tombstone}, {opener}, {inside} (in its thread), {ownerId}, {memberId},
 * {inviteId}, {used} (a code that is used up), {elsewhere} (a message of another room).
 */
import type { Row } from "./hostile-requests.ts";

const ULID = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
const room = "/v1/rooms/open-room";
const closed = "/v1/rooms/closed-room";
const message = `${room}/messages/{message}`;
const theirs = `${room}/messages/{theirs}`;
const emoji = encodeURIComponent("👍");
const wrong = [400, "invalid_input"] as const;
const outside = [403, "not_member"] as const;
const forbidden = [403, "not_allowed"] as const;
const user = { token: "user" };
const member = { token: "member" };
const outsider = { token: "outsider" };
const patch = (body: unknown, token = "user") => ({ token, body });

const TEXT: readonly Row[] = [
  ["an edit by nobody", "PATCH", message, { body: { text: "x" } }, 401, "unauthenticated"],
  ["an edit with a room token", "PATCH", message, patch({ text: "x" }, "room"), 401, "token_invalid"],
  ["an edit of another's words", "PATCH", theirs, patch({ text: "x" }), ...forbidden],
  ["an edit from outside", "PATCH", `${closed}/messages/{elsewhere}`, patch({ text: "x" }, "outsider"), ...outside],
  [
    "an edit of another room's message",
    "PATCH",
    `${room}/messages/{elsewhere}`,
    patch({ text: "x" }),
    404,
    "unknown_message",
  ],
  ["an edit of a tombstone", "PATCH", `${room}/messages/{tombstone}`, patch({ text: "x" }), 409, "message_deleted"],
  ["an edit to nothing", "PATCH", message, patch({ text: "" }), ...wrong],
  ["an edit with an operator", "PATCH", message, patch({ text: { $set: "x" } }), ...wrong],
  ["an edit of the author", "PATCH", message, patch({ text: "x", authorId: ULID }), ...wrong],
  ["an edit beyond the length", "PATCH", message, patch({ text: "x".repeat(8001) }), ...wrong],
  ["an id that is none", "GET", `${room}/messages/..%2f..%2fetc`, user, 404, "unknown_message"],
  ["an id of an operator", "GET", `${room}/messages/%7B%22$ne%22:1%7D`, user, 404, "unknown_message"],
  [
    "an id of confusables",
    "GET",
    `${room}/messages/${encodeURIComponent("０１".repeat(13))}`,
    user,
    404,
    "unknown_message",
  ],
  ["a history from outside", "GET", `${closed}/messages/{elsewhere}/history`, outsider, ...outside],
  ["taking back another's words", "DELETE", message, member, ...forbidden],
  ["taking back nothing", "DELETE", `${room}/messages/${ULID}`, user, 404, "unknown_message"],
  ["a thread of itself", "PUT", `${message}/thread`, patch({ threadId: "{message}" }), 409, "bad_thread"],
  ["a thread of nothing", "PUT", `${message}/thread`, patch({ threadId: ULID }), 404, "unknown_message"],
  ["a thread in a tombstone", "PUT", `${message}/thread`, patch({ threadId: "{tombstone}" }), 409, "bad_thread"],
  [
    "an opener in a thread",
    "PUT",
    `${room}/messages/{opener}/thread`,
    patch({ threadId: "{message}" }),
    409,
    "bad_thread",
  ],
  ["a thread of no kind", "PUT", `${message}/thread`, patch({ threadId: 7 }), ...wrong],
  ["a thread not said", "PUT", `${message}/thread`, patch({}), ...wrong],
  ["a move of another's words", "PUT", `${message}/thread`, patch({ threadId: null }, "member"), ...forbidden],
  [
    "a word in a thread of a tombstone",
    "POST",
    `${room}/messages`,
    patch({ text: "x", threadId: "{tombstone}" }),
    409,
    "bad_thread",
  ],
  [
    "a word in another room's thread",
    "POST",
    `${room}/messages`,
    patch({ text: "x", threadId: "{elsewhere}" }),
    404,
    "unknown_message",
  ],
  ["a reaction in words", "PUT", `${message}/reactions/yes`, user, ...wrong],
  ["two emoji at once", "PUT", `${message}/reactions/${emoji}${emoji}`, user, ...wrong],
  ["a digit as a reaction", "PUT", `${message}/reactions/1`, user, ...wrong],
  ["an endless reaction", "PUT", `${message}/reactions/${"%F0%9F%91%8D".repeat(50)}`, user, ...wrong],
  ["a reaction to a tombstone", "PUT", `${room}/messages/{tombstone}/reactions/${emoji}`, user, 409, "message_deleted"],
  ["a reaction from outside", "PUT", `${closed}/messages/{elsewhere}/reactions/${emoji}`, outsider, ...outside],
  ["a reaction of nobody", "DELETE", `${message}/reactions/${emoji}`, {}, 401, "unauthenticated"],
  ["a marker at nothing", "PUT", `${room}/read`, patch({ messageId: ULID }), 404, "unknown_message"],
  ["a marker at an operator", "PUT", `${room}/read`, patch({ messageId: { $gt: "" } }), ...wrong],
  ["a marker in another room", "PUT", `${room}/read`, patch({ messageId: "{elsewhere}" }), 404, "unknown_message"],
  ["a marker from outside", "PUT", `${closed}/read`, patch({ messageId: "{elsewhere}" }, "outsider"), ...outside],
  ["markers from outside", "GET", `${closed}/read`, outsider, ...outside],
  ["a page around and before", "GET", `${room}/messages?around={message}&before={message}`, user, ...wrong],
  ["a page around nothing", "GET", `${room}/messages?around=${ULID}`, user, 404, "unknown_message"],
  ["a thread that is no id", "GET", `${room}/messages?thread[$ne]=x`, user, ...wrong],
  ["changes from outside", "GET", `${closed}/changes`, outsider, ...outside],
  ["changes after an operator", "GET", `${room}/changes?after[$gt]=`, user, ...wrong],
  ["changes after no cursor", "GET", `${room}/changes?after=${"Z".repeat(26)}`, user, ...wrong],
  ["a search for nothing", "GET", `${room}/search`, user, ...wrong],
  ["a search for an empty word", "GET", `${room}/search?q=`, user, ...wrong],
  ["an endless search", "GET", `${room}/search?q=${"x".repeat(201)}`, user, ...wrong],
  ["a search by an operator", "GET", `${room}/search?q[$regex]=.*`, user, ...wrong],
  ["a search two times", "GET", `${room}/search?q=a&q=b`, user, ...wrong],
  ["a search before the beginning", "GET", `${room}/search?q=a&since=-1`, user, ...wrong],
  ["a search beyond all time", "GET", `${room}/search?q=a&until=999999999999999`, user, ...wrong],
  ["a search from outside", "GET", `${closed}/search?q=a`, outsider, ...outside],
];

const ROOMS: readonly Row[] = [
  ["a room changed by a member", "PATCH", room, patch({ title: "x" }, "member"), ...forbidden],
  ["a room changed by a stranger", "PATCH", room, patch({ title: "x" }, "outsider"), ...forbidden],
  ["a room changed to nothing", "PATCH", room, patch({}), ...wrong],
  ["a title of null", "PATCH", room, patch({ title: null }), ...wrong],
  ["a title of nothing to see", "PATCH", room, patch({ title: "\u0000" }), ...wrong],
  ["a title by an operator", "PATCH", room, patch({ title: { $rename: "slug" } }), ...wrong],
  ["an endless description", "PATCH", room, patch({ description: "x".repeat(2001) }), ...wrong],
  ["an owner of one's choice", "PATCH", room, patch({ ownerId: "{memberId}" }), ...wrong],
  ["a picture that is not there", "PATCH", room, patch({ pictureId: ULID }), 404, "unknown_file"],
  ["a picture of a path", "PATCH", room, patch({ pictureId: "../secret" }), ...wrong],
  ["an address that cannot be", "PATCH", room, patch({ slug: "a b" }), 400, "bad_slug"],
  ["an address of another", "PATCH", room, patch({ slug: "closed-ROOM" }), 409, "slug_taken"],
  ["an address that looks like another's", "PATCH", room, patch({ slug: "clоsed-room" }), 409, "slug_confusable"],
  ["room for nobody", "PATCH", room, patch({ capacity: 0 }), ...wrong],
  ["a deletion by a member", "DELETE", room, member, ...forbidden],
  ["a deletion with a session token", "DELETE", room, { token: "session" }, 401, "token_invalid"],
  ["members from outside", "GET", `${closed}/members`, outsider, ...outside],
  ["members after an operator", "GET", `${room}/members?after[$ne]=x`, user, ...wrong],
  ["a role by a member", "PATCH", `${room}/members/{ownerId}`, patch({ role: "guest" }, "member"), ...forbidden],
  ["one's own promotion", "PATCH", `${room}/members/{memberId}`, patch({ role: "owner" }, "member"), ...forbidden],
  ["a role of the owner", "PATCH", `${room}/members/{ownerId}`, patch({ role: "member" }), ...forbidden],
  ["a role that is none", "PATCH", `${room}/members/{memberId}`, patch({ role: "king" }), ...wrong],
  ["a role of nobody", "PATCH", `${room}/members/${ULID}`, patch({ role: "guest" }), 404, "unknown_member"],
  ["a role of an operator", "PATCH", `${room}/members/$ne`, patch({ role: "guest" }), 404, "unknown_member"],
  ["removing the owner", "DELETE", `${room}/members/{ownerId}`, member, ...forbidden],
  ["the owner's leaving", "DELETE", `${room}/members/{ownerId}`, user, ...forbidden],
  ["removing nobody", "DELETE", `${room}/members/${ULID}`, user, 404, "unknown_member"],
];

const invites = `${room}/invites`;
const INVITES: readonly Row[] = [
  ["an invite by a member", "POST", invites, member, ...forbidden],
  ["an invite by a stranger", "POST", `${closed}/invites`, outsider, ...outside],
  ["an invite of an owner", "POST", invites, patch({ role: "owner" }), ...wrong],
  ["an invite for nobody", "POST", invites, patch({ maxUses: 0 }), ...wrong],
  ["an invite for a fraction", "POST", invites, patch({ maxUses: 1.5 }), ...wrong],
  ["an invite of no time", "POST", invites, patch({ expiresInMs: 1 }), ...wrong],
  ["an invite with a code of one's choice", "POST", invites, patch({ code: "x".repeat(22) }), ...wrong],
  ["invites for a member", "GET", invites, member, ...forbidden],
  ["revoking nothing", "DELETE", `${invites}/${ULID}`, user, 404, "unknown_invite"],
  ["revoking an operator", "DELETE", `${invites}/%7B%22$ne%22:0%7D`, user, 404, "unknown_invite"],
  ["revoking as a member", "DELETE", `${invites}/{inviteId}`, member, ...forbidden],
  ["revoking through another room", "DELETE", `${closed}/invites/{inviteId}`, user, 404, "unknown_invite"],
  ["a guessed code", "GET", `/v1/invites/${"A".repeat(22)}`, {}, 404, "unknown_invite"],
  ["a code that is none", "POST", "/v1/invites/x/accept", user, 404, "unknown_invite"],
  ["a code of a path", "POST", "/v1/invites/..%2f..%2fme/accept", user, 404, "unknown_invite"],
  ["an invite that is used up", "POST", "/v1/invites/{used}/accept", outsider, 409, "invite_used_up"],
  [
    "a guest by an invite that is used up",
    "POST",
    "/v1/invites/{used}/accept",
    { body: { displayName: "G" } },
    409,
    "invite_used_up",
  ],
  ["a guest without a name", "POST", "/v1/invites/{used}/accept", { body: {} }, ...wrong],
  ["a guest with a name of null", "POST", "/v1/invites/{used}/accept", { body: { displayName: null } }, ...wrong],
  [
    "an invite with a session token garbled",
    "POST",
    "/v1/invites/{used}/accept",
    { token: "garbled" },
    401,
    "token_invalid",
  ],
];

const me = "/v1/me";
const ACCOUNTS: readonly Row[] = [
  ["a change to nothing", "PATCH", me, patch({}), ...wrong],
  ["a name of null", "PATCH", me, patch({ displayName: null }), ...wrong],
  ["a name of an operator", "PATCH", me, patch({ displayName: { $unset: 1 } }), ...wrong],
  ["a name that cannot be seen", "PATCH", me, patch({ displayName: "\u0007" }), ...wrong],
  ["a handle of one's choice", "PATCH", me, patch({ handle: "admin" }), ...wrong],
  ["a password without the old one", "PATCH", me, patch({ password: { next: "long enough" } }), ...wrong],
  ["a password as text", "PATCH", me, patch({ password: "long enough" }), ...wrong],
  ["a password of null", "PATCH", me, patch({ password: null }), ...wrong],
  [
    "a short new password",
    "PATCH",
    me,
    patch({ password: { current: "a long enough password", next: "x" } }),
    ...wrong,
  ],
  [
    "a wrong old password",
    "PATCH",
    me,
    patch({ password: { current: "a guess", next: "long enough" } }),
    401,
    "bad_credentials",
  ],
  [
    "a guest's password",
    "PATCH",
    me,
    patch({ password: { current: "x", next: "long enough" } }, "guest"),
    403,
    "guest_not_allowed",
  ],
  ["another's picture that is not there", "PATCH", me, patch({ pictureId: ULID }), 404, "unknown_file"],
  ["an end without a password", "DELETE", me, user, 401, "bad_credentials"],
  ["an end with a wrong password", "DELETE", me, patch({ password: "a guess" }), 401, "bad_credentials"],
  ["an end with an operator", "DELETE", me, patch({ password: { $ne: "" } }), ...wrong],
  ["an end by a session token", "DELETE", me, { token: "session" }, 401, "token_invalid"],
  ["a room by chance for nobody", "GET", "/v1/random-room", {}, 401, "unauthenticated"],
];

export const TALK_REQUESTS: readonly Row[] = [...TEXT, ...ROOMS, ...INVITES, ...ACCOUNTS];
