/**
 * One table drives every refusal of the HTTP API: stable code → status and title (RFC 9457). A code is never reused for
 * another meaning. PROTOCOL.md lists the codes of the WebSocket.
 */
import type { Problem } from "#protocol";
import { TokenError } from "../session/tokens.ts";
import { isStoreUnavailable } from "../store/errors.ts";

export const PROBLEMS = {
  room_moved: [308, "The room has another address now"],
  bad_json: [400, "The body is not JSON"],
  invalid_input: [400, "The request is not as described"],
  bad_slug: [400, "This cannot be the address of a room"],
  unauthenticated: [401, "A token is needed"],
  token_invalid: [401, "The token is not valid here"],
  token_expired: [401, "The token's time is over"],
  token_revoked: [401, "The token was revoked"],
  bad_credentials: [401, "Handle or password is wrong"],
  guest_not_allowed: [403, "Guests may not do this"],
  not_member: [403, "Only members of the room may do this"],
  operator_only: [403, "Only operators may see this"],
  not_allowed: [403, "This is for who made it, and for moderators"],
  not_listed: [403, "Only people whom the operator listed may make rooms"],
  scope_missing: [403, "The API token is not for this"],
  not_found: [404, "There is nothing here"],
  unknown_room: [404, "There is no such room"],
  unknown_message: [404, "There is no such message in this room"],
  unknown_member: [404, "There is no such member in this room"],
  unknown_invite: [404, "There is no such invite"],
  unknown_file: [404, "There is no such file"],
  unknown_happening: [404, "There is no such happening in this room"],
  unknown_expense: [404, "There is no such expense in this room"],
  unknown_webhook: [404, "There is no such webhook in this room"],
  unknown_api_token: [404, "There is no such API token"],
  method_not_allowed: [405, "This method is not for this address"],
  request_timeout: [408, "The request did not arrive in time"],
  handle_taken: [409, "The handle is taken"],
  slug_taken: [409, "The address is taken"],
  slug_confusable: [409, "A room with an address that looks the same exists"],
  no_session: [409, "The session is not connected to a node"],
  session_superseded: [409, "A newer session of this device has taken over"],
  room_full: [409, "The room is full"],
  room_locked: [409, "The room is locked"],
  idempotency_mismatch: [409, "The idempotency key was used for something else"],
  message_deleted: [409, "The message was deleted"],
  bad_thread: [409, "The message cannot stand in this thread"],
  invite_used_up: [409, "The invite was used as often as it may be"],
  changed_meanwhile: [409, "Somebody changed this in the meantime; read it again"],
  too_many: [409, "There are as many of these as there may be"],
  storage_full: [409, "The room's files take all the space that they may"],
  invite_over: [410, "The invite's time is over, or it was revoked"],
  too_large: [413, "The request is too large"],
  uri_too_long: [414, "The address is too long"],
  unsupported_media_type: [415, "The body is not of the type that is asked for here"],
  range_not_satisfiable: [416, "The file has no such part"],
  bad_picture: [422, "The picture cannot be read"],
  picture_format: [422, "Pictures of this format cannot be taken; send it as JPEG, PNG, WebP, GIF or AVIF"],
  bad_target: [422, "Nothing is sent to this address"],
  bad_import: [422, "This is no export of a room"],
  rate_limited: [429, "Too many attempts"],
  headers_too_large: [431, "The headers are too large"],
  bad_request: [400, "The request cannot be understood"],
  internal: [500, "Something is broken here"],
  store_unavailable: [503, "A store is away; try again"],
  starting: [503, "The node is not ready yet"],
  busy: [503, "The node is busy; try again"],
} as const satisfies Readonly<Record<string, readonly [status: number, title: string]>>;

export type ProblemCode = keyof typeof PROBLEMS;

export interface FieldError {
  readonly path: string;
  readonly message: string;
}

/** A refusal: thrown by routes and services, told to the client as a problem. State did not change unless `detail` says so. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly code: ProblemCode;
  readonly errors: readonly FieldError[] | undefined;
  readonly retryAfterMs: number | undefined;
  /** Of room_moved: the room's slug now. */
  readonly movedTo: string | undefined;

  constructor(
    code: ProblemCode,
    options: {
      readonly detail?: string;
      readonly errors?: readonly FieldError[];
      readonly retryAfterMs?: number;
      readonly movedTo?: string;
      readonly cause?: unknown;
    } = {},
  ) {
    super(options.detail ?? PROBLEMS[code][1], { cause: options.cause });
    this.code = code;
    this.errors = options.errors;
    this.retryAfterMs = options.retryAfterMs;
    this.movedTo = options.movedTo;
  }
}

export const statusOf = (code: ProblemCode): number => PROBLEMS[code][0];

/** The body for a client. Causes stay in the log. */
export function problemOf(error: ApiError): Problem {
  const [status, title] = PROBLEMS[error.code];
  return {
    type: `urn:hearsay:problem:${error.code}`,
    title,
    status,
    code: error.code,
    ...(error.message === title ? {} : { detail: error.message }),
    ...(error.errors === undefined ? {} : { errors: error.errors }),
    ...(error.movedTo === undefined ? {} : { movedTo: error.movedTo }),
  };
}

/** What fastify and its plugins refuse before a route runs, by their own code. */
const FASTIFY_CODES: Readonly<Record<string, ProblemCode>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: "unsupported_media_type",
  FST_ERR_CTP_BODY_TOO_LARGE: "too_large",
  FST_ERR_CTP_INVALID_JSON_BODY: "bad_json",
  FST_ERR_CTP_EMPTY_JSON_BODY: "bad_json",
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: "bad_request",
  FST_ERR_BAD_URL: "bad_request",
  FST_ERR_MAX_PARAM_LENGTH: "uri_too_long",
  FST_ERR_ROUTE_METHOD_NOT_SUPPORTED: "method_not_allowed",
  FST_REQ_FILE_TOO_LARGE: "too_large",
  FST_PARTS_LIMIT: "invalid_input",
  FST_FILES_LIMIT: "invalid_input",
  FST_FIELDS_LIMIT: "invalid_input",
  FST_PROTO_VIOLATION: "invalid_input",
  FST_INVALID_JSON_FIELD_ERROR: "invalid_input",
  FST_INVALID_MULTIPART_CONTENT_TYPE: "unsupported_media_type",
};

const STATUS_CODES: Readonly<Record<number, ProblemCode>> = {
  404: "not_found",
  405: "method_not_allowed",
  408: "request_timeout",
  413: "too_large",
  414: "uri_too_long",
  415: "unsupported_media_type",
  429: "rate_limited",
  431: "headers_too_large",
};

/** Any thrown value as a refusal; what nobody expected is "internal", and only the log sees its cause. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (!(error instanceof Error)) return new ApiError("internal", { cause: error });
  if (isStoreUnavailable(error)) return new ApiError("store_unavailable", { retryAfterMs: 2_000, cause: error });
  if (error instanceof TokenError) return new ApiError(error.code, { cause: error });
  return new ApiError(codeOf(error), { cause: error });
}

function codeOf(error: Error): ProblemCode {
  const known = "code" in error ? FASTIFY_CODES[String(error.code)] : undefined;
  if (known !== undefined) return known;
  const status = "statusCode" in error ? Number(error.statusCode) : 500;
  if (error instanceof SyntaxError && status === 400) return "bad_json";
  return status >= 400 && status < 500 ? (STATUS_CODES[status] ?? "bad_request") : "internal";
}
