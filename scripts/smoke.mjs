// Links every emitted module in plain Node (jest compiles to CommonJS in memory, so only this
// proves the ESM that users run), then starts and stops one node on ports of its own.
import "reflect-metadata";
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "dist");
// Entry points act when they are imported; the start below runs them.
const ENTRIES = /(^|\/)(main|media-worker)\.js$/;

const files = readdirSync(dist, { recursive: true })
  .map(String)
  .filter(
    (name) =>
      name.endsWith(".js") && !name.startsWith("web") && !name.startsWith("client-sdk/hearsay") && !ENTRIES.test(name),
  )
  .filter((name) => statSync(join(dist, name)).isFile());
for (const name of files) await import(pathToFileURL(join(dist, name)).href);
console.log(`${files.length} modules link`);

const dataDir = mkdtempSync(join(tmpdir(), "hearsay-smoke-"));
const args = ["node", "--name=smoke", "--http-port=0", "--gossip-port=0", "--media-port=0", `--data-dir=${dataDir}`];
const node = spawn(process.execPath, [join(dist, "node/src/main.js"), ...args], {
  stdio: ["ignore", "pipe", "inherit"],
});
const exited = new Promise((resolve) => node.once("exit", (code) => resolve(code)));
let text = "";
const ready = new Promise((resolve, reject) => {
  node.stdout.on("data", (chunk) => {
    text += chunk;
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(text)?.[0];
    if (url !== undefined && /ready/.test(text)) resolve(url);
  });
  void exited.then((code) => reject(new Error(`the node ended with ${code} before it was ready:\n${text}`)));
  setTimeout(() => reject(new Error(`no node after 20 s:\n${text}`)), 20_000).unref();
});
try {
  const url = await ready;
  const response = await fetch(`${url}/readyz`);
  if (response.status !== 200) throw new Error(`readyz answers ${response.status}`);
  console.log("a node starts and is ready");
  node.kill("SIGTERM");
  const code = await exited;
  if (code !== 0) throw new Error(`the node stopped with ${code}`);
  console.log("a node stops cleanly");
} finally {
  node.kill("SIGKILL");
  rmSync(dataDir, { recursive: true, force: true });
}
