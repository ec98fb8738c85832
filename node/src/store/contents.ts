// Bytes that are too many for a record: files and pictures, by id. Rules: SPEC.md [T70…T74]. Adapters: a directory
// (beside the embedded file) and GridFS.

import type { Readable } from "node:stream";

export interface Contents {
  /**
   * Stores all that `source` gives under an id that nobody has used. When it answers, the bytes survive; when it throws
   * (what the source threw, or StoreUnavailableError), drop() removes what may be left. Answers the number of bytes.
   */
  write(id: string, source: AsyncIterable<Uint8Array>): Promise<number>;
  /** All of it, or the bytes from `start` to `end` (both inclusive, within the content). Undefined: there is no such content. */
  read(
    id: string,
    range?: { readonly start: number; readonly end: number },
  ): Promise<{ readonly totalBytes: number; readonly stream: Readable } | undefined>;
  /** Idempotent; removes unfinished writes too. */
  drop(id: string): Promise<void>;
}

/** Narrower than other ids: it names a file. */
export const CONTENT_ID = /^[A-Za-z0-9-]{1,64}$/;
