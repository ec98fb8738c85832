/** Small tools over streams of bytes. */
import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { ApiError } from "../http/problems.ts";
import { withTempFolder } from "../keeping/temp-folders.ts";

/** The first bytes, and a stream that begins with them again. */
export async function peek(
  source: AsyncIterable<Uint8Array>,
  bytes: number,
): Promise<{ readonly head: Uint8Array; readonly whole: AsyncIterable<Uint8Array> }> {
  const chunks: Uint8Array[] = [];
  const iterator = source[Symbol.asyncIterator]();
  let length = 0;
  while (length < bytes) {
    const { value, done } = await iterator.next();
    if (done === true) break;
    chunks.push(value);
    length += value.length;
  }
  async function* whole(): AsyncIterable<Uint8Array> {
    yield* chunks;
    yield* { [Symbol.asyncIterator]: () => iterator };
  }
  return { head: Buffer.concat(chunks).subarray(0, bytes), whole: whole() };
}

/**
 * Hands over a file with all of it, which lives as long as the work on it: what waits for its turn takes no memory. Throws
 * ApiError too_large past `maxBytes`, and what the source and the work throw.
 */
export async function spooled<Result>(
  source: AsyncIterable<Uint8Array>,
  { maxBytes, tempDir }: { readonly maxBytes: number; readonly tempDir: string },
  work: (path: string) => Promise<Result>,
): Promise<Result> {
  return await withTempFolder(tempDir, async (folder) => {
    const path = join(folder, "picture");
    await pipeline(Readable.from(bounded(source, maxBytes)), createWriteStream(path, { mode: 0o600 }));
    return await work(path);
  });
}

async function* bounded(source: AsyncIterable<Uint8Array>, maxBytes: number): AsyncIterable<Uint8Array> {
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new ApiError("too_large", { detail: `a picture has at most ${maxBytes} bytes` });
    yield chunk;
  }
}

/** Passes everything on and keeps count; `sha256` once it has ended. */
export function hashed(source: AsyncIterable<Uint8Array>): {
  readonly bytes: AsyncIterable<Uint8Array>;
  readonly sha256: () => string;
} {
  const hash = createHash("sha256");
  async function* through(): AsyncIterable<Uint8Array> {
    for await (const chunk of source) {
      hash.update(chunk);
      yield chunk;
    }
  }
  return { bytes: through(), sha256: () => hash.digest("hex") };
}

export async function* oneChunk(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}
