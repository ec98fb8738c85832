/** Two nodes that no media datagram can travel between: their people see each other over a third, which has nobody. */
import { afterEach, expect, test } from "@jest/globals";
import type { Browser } from "puppeteer-core";
import { type Cluster, startCluster } from "./cluster.ts";
import { eventually, launchChromium } from "./harness.ts";
import { Person, type Site, serveApplication } from "./person.ts";

let site: Site | undefined;
let chromium: Browser | undefined;
let cluster: Cluster | undefined;
let people: Person[] = [];
afterEach(async () => {
  for (const person of people.splice(0)) await person.close().catch(() => undefined);
  await chromium?.close();
  await cluster?.stop();
  site?.close();
});

/** One node's media speak IPv4 alone, another's IPv6 alone, the third's both: real processes, real sockets, no way across. */
const MEDIA = [["--media-host=127.0.0.1"], ["--media-host=::1"], ["--media-host=::", "--advertise=127.0.0.1,[::1]"]];

test("[Y70] [Y80] a camera is seen on a node that its own cannot reach, over one that forwards", async () => {
  site = await serveApplication();
  const on = await startCluster(3, { flagsOf: (index) => MEDIA[index] ?? [] });
  cluster = on;
  // Or the browser has no address from which ::1 can be reached.
  chromium = await launchChromium({ args: ["--allow-loopback-in-peer-connection"] });
  const [ada, bell] = [on.node(0), on.node(1)];
  const create = { handle: "ana" };
  const slug = "around";
  const ana = await Person.arrive(chromium, site, { url: ada.url, pin: "ada", slug, name: "Ana", create });
  people = [ana];
  const minh = await Person.arrive(chromium, site, { url: bell.url, pin: "bell", slug, name: "Minh", video: false });
  people = [ana, minh];
  await minh.sees("Ana", 20, 60_000);
  await minh.seesMoving("Ana");
  await ana.hears(0.0001);
  const forwarded = (): Promise<number> => on.metric(2, "hearsay_relay_forwarded_streams");
  await eventually("the third node forwards", forwarded, (streams) => streams >= 2, 30_000);
  expect(await on.metric(1, "hearsay_relay_detours")).toBe(1);
  // Each layer comes over the third node alone: the direct trunk carries nothing.
  expect(await on.metric(1, "hearsay_relay_packets_total", { peer: "ada" })).toBe(0);
  expect(await on.metric(1, "hearsay_relay_packets_total", { peer: "curie" })).toBeGreaterThan(50);
}, 180_000);
