/** Finds uploads that never came to their end, and bytes that were struck off but not removed, and clears them away. */
import { DueWorker, type DueWorkerOptions } from "../keeping/due-worker.ts";
import type { Archive } from "../store/archive.ts";
import { previewIdOf, squareIdOf } from "./memory-record.ts";

const EVERY_MS = 10 * 60_000;
const LEASE_MS = 60_000;

export function uploadsSweep(
  archive: Archive,
  options: Pick<DueWorkerOptions, "clock" | "log" | "random"> & { readonly everyMs?: number },
): DueWorker {
  const { records, contents } = archive;
  return new DueWorker({
    ...{ kind: "upload", records, leaseMs: LEASE_MS, everyMs: EVERY_MS },
    ...options,
    work: async ({ id }) => {
      // What stands in the gallery, or as somebody's picture, was finished; only its upload was not struck off.
      const file = await records.get({ kind: "memory", id });
      const picture = await records.get({ kind: "picture", id });
      if (file === undefined && picture === undefined)
        for (const contentId of [id, previewIdOf(id), squareIdOf(id)]) await contents.drop(contentId);
      return { kind: "done" };
    },
  });
}
