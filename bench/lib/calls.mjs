// Benchmarks of calls in real browsers: bundles a calls.bench.ts with the fixtures of the browser tests, and runs it with the
// built media plane.
import { join } from "node:path";
import { withBundle } from "./bundle.mjs";

const FIXTURES = join(import.meta.dirname, "..", "..", "node", "test", "browser");

/** What `run(options, createMediaPlane)` of the folder's calls.bench.ts resolves to. */
export function runCalls(benchFolder, options) {
  const run = async (bench) => {
    const { createMediaPlane } = await import("../../dist/node/src/media/media-plane.js");
    return await bench.run(options, createMediaPlane);
  };
  return withBundle(join(benchFolder, "calls.bench.ts"), run, { "import.meta.dirname": JSON.stringify(FIXTURES) });
}
