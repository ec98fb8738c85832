import type { ErrorReply } from "./protocol/messages.ts";
import type { StepFailure } from "./session-types.ts";

/** What helps against a refusal, by its stable code. Pure data; PROTOCOL.md lists the codes. */
export type Remedy =
  /** Trying the same again later. */
  | "again"
  /** Another node. */
  | "elsewhere"
  /** A new session token. */
  | "renew"
  /** Nothing: it is over. */
  | "none";

const REMEDIES: Readonly<Record<string, Remedy>> = {
  // Time alone may change these.
  rate_limited: "again",
  busy: "again",
  internal: "again",
  starting: "again",
  store_unavailable: "again",
  media_unavailable: "again",
  timeout: "again",
  network: "again",
  no_node: "again",
  // The way in starts with a new hello and a new room token.
  no_session: "again",
  not_joined: "again",
  token_used: "again",
  hello_first: "again",
  // This node will not, another one may.
  draining: "elsewhere",
  node_full: "elsewhere",
  room_node_full: "elsewhere",
  peer_limit: "elsewhere",
  // The session token is worth nothing any more.
  token_expired: "renew",
  token_invalid: "renew",
  token_revoked: "renew",
  unauthenticated: "renew",
};

/** A node that names a time to come back believes in coming back; a broken server (5xx) may be repaired. */
export function remedyFor(
  code: string,
  hints: { readonly retryAfterMs?: number | undefined; readonly status?: number | undefined } = {},
): Remedy {
  const known = REMEDIES[code];
  if (known !== undefined) return known;
  return hints.retryAfterMs !== undefined || (hints.status ?? 0) >= 500 ? "again" : "none";
}

/** Codes that say: the same person came from the same device a second time, and that one holds the place now. */
export const SUPERSEDED_CODES: ReadonlySet<string> = new Set(["session_superseded", "superseded"]);

/**
 * What the refusal of a hello or a join means. A room token that was not accepted says nothing against the session: hello
 * and a new ticket come again.
 */
export function failureOf(request: "hello" | "join", { code, detail, retryAfterMs }: ErrorReply): StepFailure {
  const remedy = remedyFor(code, { retryAfterMs });
  return {
    code,
    detail,
    remedy: request === "join" && remedy === "renew" ? "again" : remedy,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}
