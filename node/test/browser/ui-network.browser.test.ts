/** A person whose network changes under the call: how long do pictures stand still, and does anybody leave? */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Browser } from "puppeteer-core";
import { type Cluster, startCluster } from "./cluster.ts";
import { createNetwork, eventually, type IsolatedNetwork, launchChromium } from "./harness.ts";
import { Person, type Site, serveApplication, told } from "./person.ts";

let network: IsolatedNetwork;
let site: Site;
let cluster: Cluster;
let chromium: Browser;
let mobile: Browser;

beforeAll(async () => {
  network = await createNetwork();
  site = await serveApplication();
  cluster = await startCluster(1);
  for (const url of [site.url, cluster.node(0).url]) await network.forward(url);
  chromium = await launchChromium();
  mobile = await launchChromium({ network });
}, 180_000);
afterAll(async () => {
  await mobile?.close();
  await chromium?.close();
  await cluster?.stop();
  site?.close();
  await network?.close();
});

const stillMs = async (person: Person, name: string): Promise<number> =>
  Number(await person.page.evaluate(`person.stillMs[${JSON.stringify(name)}] ?? 0`));
const forget = (person: Person): Promise<unknown> =>
  person.page.evaluate("for (const name of Object.keys(person.stillMs)) person.stillMs[name] = 0");

test("who changes from one network to another goes on by itself, and nobody sees them leave", async () => {
  const { url, name: pin } = cluster.node(0);
  const create = { handle: "ana" };
  const ana = await Person.arrive(chromium, site, { url, pin, slug: "train", name: "Ana", create });
  const minh = await Person.arrive(mobile, site, { url, pin, slug: "train", name: "Minh" });
  await Promise.all([ana.sees("Minh", 60), minh.sees("Ana", 60)]);
  await network.addAddress();
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  await Promise.all([forget(ana), forget(minh)]);
  await network.dropAddress();
  await eventually(
    "Minh's media are back",
    () => minh.report(),
    (report) => told(report, "reconnected").some(([, what]) => what === "media"),
    30_000,
  );
  await Promise.all([ana.sees("Minh", 60), minh.sees("Ana", 60)]);
  for (const [person, other] of [
    [ana, "Minh"],
    [minh, "Ana"],
  ] as const) {
    const stood = await stillMs(person, other);
    process.stderr.write(`${person.options.name} saw ${other} stand still for ${Math.round(stood)} ms\n`);
    // A second where nothing else runs; an ICE restart takes 5 to 6.
    expect(stood).toBeLessThan(12_000);
  }
  const report = await ana.report();
  expect(told(report, "participantLeft")).toEqual([]);
  expect(told(await minh.report(), "reconnecting").length).toBeGreaterThan(0);
}, 180_000);
