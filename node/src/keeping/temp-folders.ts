/** Folders that live as long as one piece of work, and what a crash left of them. */
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";

const PREFIX = "work-";
/** No upload takes this long; several processes share a data directory. */
const ABANDONED_MS = 2 * 3_600_000;

/** Runs `work` with an empty folder inside `parent`, which is removed afterwards in any case. */
export async function withTempFolder<Result>(
  parent: string,
  work: (folder: string) => Promise<Result>,
): Promise<Result> {
  const folder = await mkdtemp(join(parent, PREFIX));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Removes folders that nobody can be working in any more. `nowMs` is of the wall clock, as the file system's times are. */
export async function sweepTempFolders(parent: string, nowMs: number): Promise<void> {
  const found = (await readdir(parent)).filter((name) => name.startsWith(PREFIX)).map((name) => join(parent, name));
  for (const folder of found) {
    const { mtimeMs } = await stat(folder);
    if (nowMs - mtimeMs > ABANDONED_MS) await rm(folder, { recursive: true, force: true });
  }
}
