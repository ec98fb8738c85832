// Benchmarks of calls in real browsers: bundles a calls.bench.ts with the fixtures of the browser tests, and runs it with the
// built media plane.
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";

const ROOT = join(import.meta.dirname, "..", "..");

/** What `run(options, createMediaPlane)` of the folder's calls.bench.ts resolves to. */
export async function runCalls(benchFolder, options) {
  // Inside the checkout, so that packages resolve.
  const folder = await mkdtemp(join(ROOT, "node_modules", ".bench-"));
  try {
    const outfile = join(folder, "calls.mjs");
    await build({
      entryPoints: [join(benchFolder, "calls.bench.ts")],
      bundle: true,
      platform: "node",
      format: "esm",
      packages: "external",
      conditions: ["source"],
      define: { "import.meta.dirname": JSON.stringify(join(ROOT, "node", "test", "browser")) },
      outfile,
    });
    const { run } = await import(pathToFileURL(outfile).href);
    const { createMediaPlane } = await import("../../dist/node/src/media/media-plane.js");
    return await run(options, createMediaPlane);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
