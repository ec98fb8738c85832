import type { NegotiateErrorCode } from "./control.ts";

/** A refusal with a stable code; nothing changed. */
export class MediaError extends Error {
  override readonly name = "MediaError";
  readonly code: NegotiateErrorCode;
  /** A sentence for whoever wrote the offer. */
  readonly detail: string;

  constructor(code: NegotiateErrorCode, detail: string, options?: ErrorOptions) {
    super(`${code}: ${detail}`, options);
    this.code = code;
    this.detail = detail;
  }
}
