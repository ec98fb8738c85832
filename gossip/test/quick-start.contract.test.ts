// The quick start of README.md is run as it stands.

import { execFile } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "@jest/globals";
import { build } from "esbuild";

const root = fileURLToPath(new URL("../../", import.meta.url));
const outfile = `${root}node_modules/.cache/hearsay-quick-start-${process.pid}.mjs`;
afterAll(() => rmSync(outfile, { force: true }));

function quickStart(): string {
  const readme = readFileSync(`${root}gossip/README.md`, "utf8");
  const block = /## Quick start\n[\s\S]*?```ts\n([\s\S]*?)```/.exec(readme)?.[1];
  if (block === undefined) throw new Error("README.md has no quick start");
  return block;
}

test("the quick start has some twenty lines, and prints what its comments say", async () => {
  const code = quickStart();
  expect(code.trim().split("\n").length).toBeLessThanOrEqual(22);
  await build({
    stdin: { contents: code, loader: "ts", resolveDir: root },
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    conditions: ["source"],
    packages: "external",
    alias: { "#gossip/io": `${root}gossip/io/index.ts` },
    logLevel: "silent",
  });
  const printed = await new Promise<string>((resolve, reject) => {
    execFile(process.execPath, [outfile], { timeout: 20_000 }, (error, out, err) =>
      error === null ? resolve(out) : reject(new Error(err, { cause: error })),
    );
  });
  const promised = [...code.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map(([, comment]) => comment);
  expect(promised).toHaveLength(3);
  expect(printed.trim().split("\n")).toEqual(promised);
});
