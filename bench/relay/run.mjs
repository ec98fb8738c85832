// npm run bench:relay: what a viewer far away sees of a publisher over one node, at either end, and over two nodes with a trunk
// between. Bundles calls.bench.ts with the fixtures of the tests; the media planes are the built ones, in their worker threads.
// Needs Chromium. See bench/README.md.
//   --profiles clean,evening,cut,control  --ways one-near,one-far,trunk  --secs N (60)  --seed N (1)  --size 960x540
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";

const { values } = parseArgs({
  options: {
    profiles: { type: "string", default: "clean,evening,cut,control" },
    ways: { type: "string", default: "one-near,one-far,trunk" },
    secs: { type: "string", default: "60" },
    seed: { type: "string", default: "1" },
    size: { type: "string", default: "960x540" },
  },
});
const here = import.meta.dirname;
const [width, height] = values.size.split("x").map(Number);
// Inside the checkout, so that packages resolve.
const folder = await mkdtemp(join(here, "..", "..", "node_modules", ".bench-"));
let result;
try {
  const outfile = join(folder, "calls.mjs");
  await build({
    entryPoints: [join(here, "calls.bench.ts")],
    bundle: true,
    platform: "node",
    format: "esm",
    packages: "external",
    conditions: ["source"],
    define: { "import.meta.dirname": JSON.stringify(join(here, "..", "..", "node", "test", "browser")) },
    outfile,
  });
  const { run } = await import(pathToFileURL(outfile).href);
  const { createMediaPlane } = await import("../../dist/node/src/media/media-plane.js");
  const { secs, seed } = values;
  const [profiles, ways] = [values.profiles, values.ways].map((list) => list.split(","));
  result = await run({ profiles, ways, seconds: Number(secs), seed: Number(seed), width, height }, createMediaPlane);
} finally {
  await rm(folder, { recursive: true, force: true });
}
console.log(JSON.stringify({ bench: "relay", ...result }));
process.exit(0);
