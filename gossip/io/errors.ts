// Errors that callers of the agent can tell apart.

/** No answer in time. Whether the other side acted is not known. */
export class TimeoutError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "TimeoutError";
  }
}

/**
 * The request failed with a reason: the remote handler's `code`, or one of ours when it never got that far:
 * unknown_member, not_speaking, too_large, outbox_full, stopped.
 */
export class RemoteError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.name = "RemoteError";
    this.code = code;
  }
}

/** Nobody answered a join; nothing changed. */
export class JoinError extends Error {
  constructor(failures: readonly string[]) {
    const count = failures.length;
    // The reference's layout of several errors, which its command line prints as it is.
    super(`${count} error${count === 1 ? "" : "s"} occurred:\n${failures.map((text) => `\t* ${text}\n`).join("")}\n`);
    this.name = "JoinError";
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
