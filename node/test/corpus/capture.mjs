// Makes browser-packets.json anew: node node/test/corpus/capture.mjs. Needs Chromium, Firefox, root and iproute2, as browser tests do.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";

const here = import.meta.dirname;
const folder = await mkdtemp(join(here, "..", "..", "..", "node_modules", ".corpus-"));
try {
  const outfile = join(folder, "capture.mjs");
  await build({
    entryPoints: [join(here, "capture-calls.ts")],
    bundle: true,
    platform: "node",
    format: "esm",
    packages: "external",
    conditions: ["source"],
    define: { "import.meta.dirname": JSON.stringify(join(here, "..", "browser")) },
    outfile,
  });
  const { capture } = await import(pathToFileURL(outfile).href);
  const sessions = await capture();
  const lines = sessions.map((session) => JSON.stringify(session));
  await writeFile(join(here, "browser-packets.json"), `[\n${lines.join(",\n")}\n]\n`);
} finally {
  await rm(folder, { recursive: true, force: true });
}
process.exit(0);
