/** The example of a page that embeds a room, as it lies there, with the built SDK. */
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Browser, Page } from "puppeteer-core";
import { type Cluster, startCluster } from "./cluster.ts";
import { eventually, launchChromium } from "./harness.ts";
import { DESKTOP, visit } from "./ui-page.ts";

const root = join(import.meta.dirname, "../../..");
const FILES: Readonly<Record<string, string>> = {
  "/client-sdk/examples/embed.html": "text/html",
  "/dist/client-sdk/hearsay-client.js": "text/javascript",
};
let server: Server;
let cluster: Cluster;
let chromium: Browser;

beforeAll(async () => {
  server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://a.test");
    const type = FILES[pathname];
    if (type === undefined) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { "content-type": type }).end(readFileSync(join(root, pathname)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cluster = await startCluster(1);
  chromium = await launchChromium();
}, 180_000);
afterAll(async () => {
  await chromium?.close();
  await cluster?.stop();
  server?.close();
});

async function post(path: string, body: unknown, token?: string): Promise<Record<string, unknown>> {
  const headers = {
    "content-type": "application/json",
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  const response = await fetch(`${cluster.node(0).url}${path}`, {
    method: "POST",
    headers,
    body: JSON.stringify(body),
  });
  return (await response.json()) as Record<string, unknown>;
}

async function comeIn(name: string): Promise<Page> {
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  const query = `node=${encodeURIComponent(cluster.node(0).url)}&room=kitchen`;
  const page = await visit(chromium, `http://127.0.0.1:${port}/client-sdk/examples/embed.html?${query}`, DESKTOP);
  await page.locator("input[name=name]").fill(name);
  await page.locator("#come button").click();
  await page.locator("input[name=text]").setTimeout(30_000).wait();
  return page;
}

test("two people meet in the example page, see each other and write", async () => {
  const { token } = await post("/v1/users", { handle: "cook", password: "correct horse battery staple" });
  await post("/v1/rooms", { slug: "kitchen", title: "The kitchen" }, String(token));
  const [ann, bob] = [await comeIn("Ann"), await comeIn("Bob")];
  const plays = "[...document.querySelectorAll('video')].some((v) => v.videoWidth > 0 && v.currentTime > 0)";
  for (const page of [ann, bob]) await eventually("the other plays", () => page.evaluate(plays), Boolean, 30_000);
  await ann.locator("input[name=text]").fill("Soup is ready");
  await ann.locator("#say button").click();
  await bob.waitForFunction(`document.querySelector("#log").textContent.includes("Ann: Soup is ready")`);
  expect(await bob.$eval("#title", (title) => title.textContent)).toBe("The kitchen");
  await ann.locator("#leave").click();
  await eventually(
    "Ann is gone",
    () => bob.evaluate("document.querySelectorAll('figure').length"),
    (count) => count === 0,
  );
}, 180_000);
