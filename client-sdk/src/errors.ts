/**
 * One error class with a stable code. Codes of the node (problem+json and error replies) pass through
 * unchanged; the SDK's own are listed here. A retired code is never used again.
 */
export type ClientErrorCode =
  /** No node answered. */
  | "network"
  /** A node answered with something that is not this protocol. */
  | "bad_response"
  /** The request was not answered in time; it may or may not have taken effect. */
  | "timeout"
  /** The room was left or the connection ended for good while this was under way. */
  | "closed"
  /** The browser or the person refused the device. */
  | "device_denied"
  | "device_missing"
  | "device_busy"
  /** No node is alive that could serve the room. */
  | "no_node"
  /** A bound of the SDK was reached; see Limits in options.ts. */
  | "limit"
  | "invalid_argument"
  | "not_supported";

export interface ErrorDetails extends ErrorOptions {
  /** HTTP status, when a node answered by HTTP. */
  readonly status?: number;
  readonly retryAfterMs?: number;
  /** The fields that a node refused, with a reason each. */
  readonly fields?: readonly { readonly path: string; readonly message: string }[];
  /** Of "room_moved": the room's address now. */
  readonly movedTo?: string;
}

/** Every error that the SDK throws or rejects with. Unless documented otherwise nothing changed. */
export class HearsayError extends Error {
  override readonly name = "HearsayError";
  readonly code: string;
  readonly status: number | undefined;
  readonly retryAfterMs: number | undefined;
  readonly fields: readonly { readonly path: string; readonly message: string }[];
  readonly movedTo: string | undefined;
  constructor(code: string, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.status = details.status;
    this.retryAfterMs = details.retryAfterMs;
    this.movedTo = details.movedTo;
    this.fields = details.fields ?? [];
  }
}

/** An error of ours that another one caused. */
export function failure(code: string, message: string, details: ErrorDetails): HearsayError {
  return new HearsayError(code, message, details);
}

/** The code of anything thrown; what is not ours is "bad_response", since only a node's answer can surprise us. */
export function codeOf(error: unknown): string {
  return error instanceof HearsayError ? error.code : "bad_response";
}

/** True when trying again later may succeed without anybody changing anything. */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof HearsayError)) return false;
  if (error.code === "network" || error.code === "timeout" || error.code === "no_node") return true;
  return error.status !== undefined && (error.status >= 500 || error.status === 429);
}

const DEVICE_CODES: Readonly<Record<string, ClientErrorCode>> = {
  NotAllowedError: "device_denied",
  SecurityError: "device_denied",
  NotFoundError: "device_missing",
  OverconstrainedError: "device_missing",
  NotReadableError: "device_busy",
  AbortError: "device_busy",
};

/** What getUserMedia or getDisplayMedia threw, as one of ours. */
export function deviceError(error: unknown): HearsayError {
  if (error instanceof HearsayError) return error;
  const name = error instanceof Error ? error.name : "";
  const code = DEVICE_CODES[name] ?? "not_supported";
  return new HearsayError(code, `The device could not be opened (${name || "unknown reason"}).`, { cause: error });
}
