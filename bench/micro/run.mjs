/**
 * Runs one micro benchmark from its TypeScript source: `node bench/micro/run.mjs fan-out [name=value ...]`. Flags of Node
 * such as --cpu-prof go before the script. The last line printed is one JSON object.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";

const here = import.meta.dirname;
const name = process.argv[2];
if (name === undefined || !/^[a-z-]+$/.test(name)) {
  console.error("usage: node bench/micro/run.mjs <benchmark> [name=value ...]");
  process.exit(2);
}
// Inside the checkout, so that packages resolve.
const folder = await mkdtemp(join(here, "..", "..", "node_modules", ".bench-"));
try {
  const outfile = join(folder, `${name}.mjs`);
  await build({
    entryPoints: [join(here, `${name}.bench.ts`)],
    bundle: true,
    platform: "node",
    format: "esm",
    packages: "external",
    conditions: ["source"],
    sourcemap: "inline",
    outfile,
  });
  const { run } = await import(pathToFileURL(outfile).href);
  const options = Object.fromEntries(process.argv.slice(3).map((argument) => argument.split("=")));
  console.log(JSON.stringify(await run(options)));
} finally {
  await rm(folder, { recursive: true, force: true });
}
