import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ManualClock } from "../../test/fakes/manual-clock.ts";
import { silentLog } from "../mesh/log.ts";
import type { UserRecord } from "../store/archive.ts";
import { openSqliteArchive } from "../store/sqlite/sqlite-archive.ts";
import { deliveryWorker, RETRY_MS } from "./deliveries.ts";
import { isTarget, type PostOutcome, type PostRequest, post } from "./post.ts";
import { isPublicAddress, networks } from "./public-address.ts";
import { isSigned, signatureOf } from "./signature.ts";
import { MAX_WAITING, Webhooks } from "./webhooks.ts";

const SEED = 20_261_122;
const none = networks([]);

test.each([
  ...["8.8.8.8", "1.1.1.1", "172.15.0.1", "172.32.0.1", "2606:4700::1111", "2a00:1450:4001::1"].map(
    (a) => [a, true] as const,
  ),
  ...[
    "127.0.0.1",
    "127.9.9.9",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
  ].map((a) => [a, false] as const),
  ...["224.0.0.1", "255.255.255.255", "198.18.0.1", "203.0.113.5", "::1", "::", "fe80::1", "fd00::1", "ff02::1"].map(
    (a) => [a, false] as const,
  ),
  ...[
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "2001:db8::1",
    "2001::1",
    "",
    "localhost",
    "1.2.3",
  ].map((a) => [a, false] as const),
])("[W1] the address %j is public: %s", (address, isPublic) => {
  expect(isPublicAddress(address)).toBe(isPublic);
});

test.each([
  ...["https://example.com/hook", "http://example.com:8080/?a=b", "https://8.8.8.8/", "https://[2606:4700::1111]/"].map(
    (u) => [u, true] as const,
  ),
  ...[
    "http://127.0.0.1/",
    "http://2130706433/",
    "http://0x7f.1/",
    "http://017700000001/",
    "http://[::1]/",
    "http://[::ffff:7f00:1]/",
  ].map((u) => [u, false] as const),
  ...[
    "http://localhost/",
    "http://a.localhost./",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://x/",
    "https://user:pw@example.com/",
  ].map((u) => [u, false] as const),
  ...[
    "https://example.com/#x",
    "http://",
    "//example.com",
    "",
    "javascript:alert(1)",
    "http://169.254.169.254/latest/meta-data/",
  ].map((u) => [u, false] as const),
])("[W1] the target %j may be reached: %s", (url, may) => {
  expect(isTarget(url, none)).toBe(may);
});

test("[W2] what is signed verifies, and nothing else does", () => {
  const when = fc.integer({ min: 1_000_000, max: 4_000_000_000 });
  fc.assert(
    fc.property(fc.string(), fc.string({ minLength: 1 }), when, (body, secret, at) => {
      const header = signatureOf(body, secret, at);
      const check = { secret, nowSeconds: at + 10, toleranceSeconds: 300 };
      expect(isSigned(body, header, check)).toBe(true);
      expect(isSigned(`${body} `, header, check)).toBe(false);
      expect(isSigned(body, header, { ...check, secret: `${secret}x` })).toBe(false);
      expect(isSigned(body, header, { ...check, nowSeconds: at + 301 })).toBe(false);
      expect(isSigned(body, header.replace(`t=${at}`, `t=${at + 1}`), check)).toBe(false);
      expect(isSigned(body, body, check)).toBe(false);
    }),
    { seed: SEED },
  );
});

describe("posts to real servers", () => {
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close().closeAllConnections();
  });
  async function serve(handler: Parameters<typeof createServer>[1]): Promise<number> {
    const server = createServer(handler);
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return (server.address() as AddressInfo).port;
  }
  const request = (url: string, timeoutMs = 2_000): PostRequest => ({ url, headers: {}, body: "{}", timeoutMs });
  const loopback = networks(["127.0.0.0/8", "::1/128"]);

  test("[W1] a name that leads inside is refused when it is resolved, and nobody is connected to", async () => {
    let asked = 0;
    const port = await serve((_, response) => {
      asked += 1;
      response.end();
    });
    // Names that resolvers answer with loopback, but that do not look like it.
    const name = `http://ip6-localhost.:${port}/`;
    for (const url of [`http://127.0.0.1:${port}/`, `http://localhost:${port}/`])
      expect(await post(request(url), none)).toEqual({ kind: "forbidden" });
    expect(["forbidden", "failed"]).toContain((await post(request(name), none)).kind);
    expect(asked).toBe(0);
    expect(await post(request(`http://localhost:${port}/`), loopback)).toEqual({ kind: "answered", status: 200 });
  });

  test("[W1] a redirect is an answer and is not followed", async () => {
    let asked = 0;
    const port = await serve((_, response) => {
      asked += 1;
      response.writeHead(307, { location: "/elsewhere" }).end();
    });
    expect(await post(request(`http://127.0.0.1:${port}/`), loopback)).toEqual({ kind: "answered", status: 307 });
    expect(asked).toBe(1);
  });

  test("[W3] a server that hangs, hangs up, or is not there is a failure within the time", async () => {
    const hanging = await serve(() => undefined);
    const rude = await serve((incoming) => incoming.socket.destroy());
    expect(await post(request(`http://127.0.0.1:${hanging}/`, 200), loopback)).toMatchObject({ kind: "failed" });
    expect(await post(request(`http://127.0.0.1:${rude}/`), loopback)).toMatchObject({ kind: "failed" });
    expect(await post(request("http://127.0.0.1:1/"), loopback)).toMatchObject({
      kind: "failed",
      reason: "ECONNREFUSED",
    });
  });
});

describe("deliveries", () => {
  const folder = mkdtempSync(join(tmpdir(), "hearsay-webhooks-"));
  const archive = openSqliteArchive({ path: join(folder, "a.db") });
  const clock = new ManualClock();
  afterAll(async () => {
    await archive.close();
    rmSync(folder, { recursive: true });
  });
  const webhooks = new Webhooks({ archive, clock, log: silentLog, allowed: none, nudge: () => undefined });
  const make = (roomId: string) =>
    webhooks.add(roomId, { id: "u" } as UserRecord, { url: "https://example.com/", events: ["message.posted"] });
  const workerThat = (answer: (request: PostRequest) => PostOutcome) =>
    deliveryWorker(archive, {
      clock,
      log: silentLog,
      random: () => 0.5,
      allowed: none,
      post: async (request) => answer(request),
    });

  test("[W3] a failing receiver is tried ever more slowly, always with one id, and then given up and counted", async () => {
    const { secret } = await make("r1");
    webhooks.tell("r1", { event: "message.posted", data: { text: "hello" } });
    webhooks.tell("r1", { event: "message.changed", data: { text: "not wanted" } });
    await clock.advance(0);
    const at: number[] = [];
    const ids = new Set<string | undefined>();
    const worker = workerThat(({ body, headers }) => {
      at.push(clock.nowMs());
      ids.add(headers["hearsay-delivery"]);
      const check = { secret, nowSeconds: Math.floor(clock.wallMs() / 1000), toleranceSeconds: 5 };
      expect(isSigned(body, headers["hearsay-signature"] ?? "", check)).toBe(true);
      expect(JSON.parse(body)).toMatchObject({ event: "message.posted", roomId: "r1", data: { text: "hello" } });
      return { kind: "answered", status: 500 };
    });
    worker.start();
    await clock.advance(2 * 86_400_000);
    await worker.stop();
    expect(at).toHaveLength(RETRY_MS.length + 1);
    for (const [index, wait] of RETRY_MS.entries())
      expect((at[index + 1] ?? 0) - (at[index] ?? 0)).toBeGreaterThanOrEqual(wait - 1);
    expect(ids.size).toBe(1);
    expect(await webhooks.list("r1")).toMatchObject([{ waiting: 0, lost: 1 }]);
  }, 60_000);

  test("[W3] a receiver that is gone for good ends its webhook", async () => {
    await make("r2");
    webhooks.tell("r2", { event: "message.posted", data: {} });
    await clock.advance(0);
    await workerThat(() => ({ kind: "answered", status: 410 })).look();
    expect(await webhooks.list("r2")).toEqual([]);
  });

  test("[W4] beyond the bound events are lost and counted; ending a webhook clears what waits", async () => {
    const { webhookId } = await make("r3");
    for (let i = 0; i < MAX_WAITING; i++)
      await archive.records.add({
        kind: "delivery",
        id: `d${i}`,
        owner: webhookId,
        dueAtMs: clock.wallMs() + 10 ** 7,
        value: {},
      });
    webhooks.tell("r3", { event: "message.posted", data: {} });
    await clock.advance(0);
    expect(await webhooks.list("r3")).toMatchObject([{ waiting: MAX_WAITING, lost: 1 }]);
    await webhooks.remove("r3", webhookId);
    expect(await archive.records.weigh("delivery", webhookId)).toEqual({ count: 0, weight: 0 });
  }, 30_000);
});
