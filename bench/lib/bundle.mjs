// Benchmarks and captures that are written in TypeScript: bundled for one run.
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";

const ROOT = join(import.meta.dirname, "..", "..");

/** What `use` resolves to, which gets the module; `define` as esbuild has it. */
export async function withBundle(entryPoint, use, define = {}) {
  // Inside the checkout, so that packages resolve.
  const folder = await mkdtemp(join(ROOT, "node_modules", ".bench-"));
  try {
    const outfile = join(folder, "bundle.mjs");
    await build({
      entryPoints: [entryPoint],
      bundle: true,
      platform: "node",
      format: "esm",
      packages: "external",
      conditions: ["source"],
      sourcemap: "inline",
      define,
      outfile,
    });
    return await use(await import(pathToFileURL(outfile).href));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
