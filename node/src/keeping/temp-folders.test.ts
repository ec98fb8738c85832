import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { mkdir, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { sweepTempFolders, withTempFolder } from "./temp-folders.ts";

test("[M14] a folder of work goes when the work ends, well or badly; what a crash left goes when it is old", async () => {
  const parent = mkdtempSync(join(tmpdir(), "hearsay-temp-"));
  try {
    await withTempFolder(parent, async (folder) => writeFile(join(folder, "a"), "x"));
    const failing = withTempFolder(parent, async () => {
      throw new RangeError("no");
    });
    await expect(failing).rejects.toThrow("no");
    expect(readdirSync(parent)).toEqual([]);

    const nowMs = 1_800_000_000_000;
    const ages = { "work-old": 3 * 3_600, "work-new": 60, files: 10 ** 6 };
    for (const [name, ageSeconds] of Object.entries(ages)) {
      await mkdir(join(parent, name));
      const at = nowMs / 1000 - ageSeconds;
      await utimes(join(parent, name), at, at);
    }
    await sweepTempFolders(parent, nowMs);
    expect(readdirSync(parent).sort()).toEqual(["files", "work-new"]);
    expect(existsSync(join(parent, "work-old"))).toBe(false);
  } finally {
    rmSync(parent, { recursive: true });
  }
});
