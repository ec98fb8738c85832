/**
 * Bundles the web client into dist/web (file names carry a hash of their content, so they can be cached for ever;
 * index.html names them) and the SDK into dist/client-sdk/hearsay-client.js. Prints what a browser has to load,
 * compressed, and fails over budget.
 */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const BUDGET = { sdk: 25_000, firstPage: 60_000 };

const gzipBytes = (path) => gzipSync(readFileSync(path), { level: 9 }).length;
const kB = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;

async function bundleSdk() {
  const outfile = join(root, "dist/client-sdk/hearsay-client.js");
  await build({
    entryPoints: [join(root, "client-sdk/src/index.ts")],
    outfile,
    bundle: true,
    minify: true,
    sourcemap: true,
    format: "esm",
    target: "es2022",
    logLevel: "warning",
  });
  return gzipBytes(outfile);
}

async function bundleWeb() {
  const outdir = join(root, "dist/web");
  rmSync(outdir, { recursive: true, force: true });
  const result = await build({
    entryPoints: { main: join(root, "web/src/main.tsx"), style: join(root, "web/src/styles/index.css") },
    outdir,
    absWorkingDir: root,
    bundle: true,
    splitting: true,
    minify: true,
    sourcemap: true,
    metafile: true,
    format: "esm",
    target: ["chrome111", "firefox115", "safari16.4"],
    jsx: "automatic",
    jsxImportSource: "preact",
    entryNames: "assets/[name]-[hash]",
    chunkNames: "assets/[name]-[hash]",
    loader: { ".json": "json" },
    logLevel: "warning",
  });
  const outputs = Object.entries(result.metafile.outputs);
  const find = (end) => outputs.find(([, output]) => output.entryPoint?.endsWith(end));
  const script = find("main.tsx");
  const style = find("index.css");
  writeIndex(outdir, { script: script[0], style: style[0] });
  copyPublic(outdir);
  return measure(outputs, script[0], style[0]);
}

function writeIndex(outdir, { script, style }) {
  const href = (path) => `/${relative(outdir, join(root, path)).split(sep).join("/")}`;
  const html = readFileSync(join(root, "web/index.html"), "utf8")
    .replace("%SCRIPT%", href(script))
    .replace("%STYLE%", href(style));
  writeFileSync(join(outdir, "index.html"), html);
}

function copyPublic(outdir) {
  const from = join(root, "web/public");
  mkdirSync(outdir, { recursive: true });
  for (const name of readdirSync(from)) copyFileSync(join(from, name), join(outdir, name));
}

/** What the first page loads: the entry and all it imports statically. */
function measure(outputs, script, style) {
  const byPath = new Map(outputs);
  const first = new Set();
  const pending = [script];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    if (first.has(path)) continue;
    first.add(path);
    for (const { path: imported, kind } of byPath.get(path).imports)
      if (kind === "import-statement") pending.push(imported);
  }
  const size = (path) => gzipBytes(join(root, path));
  const later = outputs.map(([path]) => path).filter((path) => path.endsWith(".js") && !first.has(path));
  return {
    firstPage: [...first].reduce((sum, path) => sum + size(path), 0),
    style: size(style),
    later: later.map((path) => ({ name: basename(path), bytes: size(path) })),
  };
}

async function main() {
  const sdk = await bundleSdk();
  const web = await bundleWeb();
  console.log(`SDK               ${kB(sdk)} gzip (at most ${kB(BUDGET.sdk)})`);
  console.log(`first page script ${kB(web.firstPage)} gzip (at most ${kB(BUDGET.firstPage)}), style ${kB(web.style)}`);
  for (const { name, bytes } of web.later) console.log(`  on demand       ${kB(bytes)}  ${name}`);
  const over = [
    ...(sdk > BUDGET.sdk ? ["the SDK"] : []),
    ...(web.firstPage > BUDGET.firstPage ? ["the first page"] : []),
  ];
  if (over.length > 0) throw new Error(`over budget: ${over.join(" and ")}`);
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
