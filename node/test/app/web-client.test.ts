import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { call, TestMesh, type TestNode } from "./harness.ts";

const mesh = new TestMesh();
let node: TestNode;
const script = `export const words = "${"hearsay ".repeat(400)}";`;

beforeAll(async () => {
  const webDir = join(mesh.dataDir, "web");
  mkdirSync(join(webDir, "assets"), { recursive: true });
  writeFileSync(join(webDir, "index.html"), "<!doctype html><title>Hearsay</title>");
  writeFileSync(join(webDir, "assets", "main-ABCD1234.js"), script);
  node = await mesh.start("ada", { config: { webDir } });
});
afterAll(() => mesh.stop());

test("[A48] the page answers for every address of the web client, and is asked for again each time", async () => {
  for (const path of ["/", "/index.html", "/tea-room", "/%F0%9F%8F%A1-tea?x=1", "/rooms/../anything"]) {
    const response = await fetch(`${node.app.url}${path}`);
    expect([path, response.status, response.headers.get("cache-control")]).toEqual([path, 200, "no-cache"]);
    expect(await response.text()).toContain("<title>Hearsay</title>");
  }
  const first = await fetch(`${node.app.url}/`);
  const again = await fetch(`${node.app.url}/`, { headers: { "if-none-match": first.headers.get("etag") ?? "" } });
  expect(again.status).toBe(304);
  expect(first.headers.get("content-security-policy")).toContain("script-src 'self'");
});

test("[A48] files with a hash in their name are kept for ever, and travel compressed", async () => {
  const response = await fetch(`${node.app.url}/assets/main-ABCD1234.js`);
  expect(response.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
  expect(response.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
  expect(response.headers.get("content-encoding")).toBe("gzip");
  expect(await response.text()).toBe(script);
  const plain = await fetch(`${node.app.url}/assets/main-ABCD1234.js`, { headers: { "accept-encoding": "identity" } });
  expect([plain.headers.get("content-encoding"), await plain.text()]).toEqual([null, script]);
});

test("[A48] missing files, the API and other methods are not answered with the page", async () => {
  for (const path of [
    "/assets/main-00000000.js",
    "/v1",
    "/v1/nothing",
    "/hearsay.sqlite/../x.json",
    "/%2e%2e/token.key.txt",
  ])
    expect([path, (await call(node, "GET", path)).body.code]).toEqual([path, "not_found"]);
  expect((await call(node, "POST", "/tea-room")).body.code).toBe("not_found");
  expect((await call(node, "PUT", "/v1/rooms")).body.code).toBe("method_not_allowed");
});
