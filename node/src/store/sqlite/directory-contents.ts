// Contents as files of a directory, beside the embedded store. Written under another name, made durable, then renamed: a
// file with its own name is whole.

import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Contents } from "../contents.ts";
import { isDriverError, StoreUnavailableError } from "../errors.ts";

export function directoryContents(folder: string): Contents {
  // Folders of a few hundred files each, however many there are: the last characters of a ULID are chance.
  const pathOf = (id: string): string => join(folder, id.slice(-2), id);
  return {
    write: async (id, source) => {
      const path = pathOf(id);
      const bytes = await writeFile(`${path}.part`, source);
      await guarded("writeContent", () => rename(`${path}.part`, path));
      return bytes;
    },
    read: async (id, range) => {
      const file = await openToRead(pathOf(id));
      if (file === undefined) return undefined;
      // Open already: whoever drops the content now does not take it from this reader. The stream closes it.
      const { size: totalBytes } = await guarded("readContent", () => file.stat());
      return { totalBytes, stream: file.createReadStream(range) };
    },
    drop: async (id) => {
      await guarded("dropContent", async () => {
        await rm(`${pathOf(id)}.part`, { force: true });
        await rm(pathOf(id), { force: true });
      });
    },
  };
}

async function writeFile(path: string, source: AsyncIterable<Uint8Array>): Promise<number> {
  const file = await guarded("writeContent", async () => {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    return await open(path, "w", 0o600);
  });
  let bytes = 0;
  try {
    for await (const chunk of source) {
      await guarded("writeContent", () => file.writeFile(chunk));
      bytes += chunk.length;
    }
    await guarded("writeContent", () => file.sync());
  } finally {
    await file.close();
  }
  return bytes;
}

async function openToRead(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, "r");
  } catch (error) {
    if (isDriverError(error) && error.code === "ENOENT") return undefined;
    throw unavailable("readContent", error);
  }
}

/** Errors of the file system are the environment's; the source's own pass by here. */
async function guarded<Result>(operation: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw unavailable(operation, error);
  }
}

function unavailable(operation: string, cause: unknown): StoreUnavailableError {
  return new StoreUnavailableError({ store: "archive", operation, stateChanged: "unknown", cause });
}
