// npm run bench:quality: what people see in a real Chromium when their links are bad. Bundles calls.bench.ts with the fixtures
// of the browser tests; the media plane is the built one, in its worker thread. Needs Chromium. See bench/README.md.
//   --only loss,step,trunk  --secs N (60)  --seed N (1)  --size 960x540  --down-loss R (0.05)  --up-loss R (0.05)
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "loss,step,trunk" },
    secs: { type: "string", default: "60" },
    seed: { type: "string", default: "1" },
    size: { type: "string", default: "960x540" },
    "down-loss": { type: "string", default: "0.05" },
    "up-loss": { type: "string", default: "0.05" },
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
  const { only, secs, seed } = values;
  const options = { only: only.split(","), seconds: Number(secs), seed: Number(seed), width, height };
  Object.assign(options, { downLoss: Number(values["down-loss"]), upLoss: Number(values["up-loss"]) });
  result = await run(options, createMediaPlane);
} finally {
  await rm(folder, { recursive: true, force: true });
}
console.log(JSON.stringify({ bench: "quality", ...result }));
process.exit(0);
