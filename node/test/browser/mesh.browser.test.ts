import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import type { Browser } from "puppeteer-core";
import { type Cluster, startCluster } from "./cluster.ts";
import { createNetwork, eventually, launchChromium, launchFirefox } from "./harness.ts";
import { type EnterOptions, Person, type Site, serveApplication, told } from "./person.ts";

let speech: string;
let folder: string;
let site: Site;
let chromium: Browser;
let cluster: Cluster | undefined;
let people: Person[] = [];
let cleanups: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "hearsay-speech-"));
  speech = join(folder, "speech.wav");
  const words = "Good evening everybody. Can you hear me? Shall we look at the photographs from the lake?";
  execFileSync("espeak-ng", ["-w", speech, words]);
  site = await serveApplication();
  chromium = await launchChromium({ audioFile: speech });
});
afterAll(async () => {
  await chromium.close();
  site.close();
  rmSync(folder, { recursive: true, force: true });
});
afterEach(async () => {
  for (const person of people) await person.close().catch(() => undefined);
  people = [];
  await cluster?.stop();
  cluster = undefined;
  for (const cleanup of cleanups.reverse()) await cleanup();
  cleanups = [];
});

async function mesh(count: number): Promise<Cluster> {
  cluster = await startCluster(count);
  return cluster;
}

async function arrive(options: EnterOptions, browser = chromium): Promise<Person> {
  const person = await Person.arrive(browser, site, options);
  people.push(person);
  return person;
}

/** Two people on two nodes, the first of whom makes the room. */
async function couple(on: Cluster, slug: string, capacity = 8): Promise<readonly [Person, Person]> {
  const [ada, bell] = [on.node(0), on.node(1)];
  const create = { handle: "ana", capacity };
  const ana = await arrive({ url: ada.url, pin: ada.name, slug, name: "Ana", create });
  const minh = await arrive({ url: bell.url, pin: bell.name, slug, name: "Minh" });
  return [ana, minh];
}

test("two people on two nodes see each other move and hear each other speak through the trunk", async () => {
  const on = await mesh(2);
  const [ana, minh] = await couple(on, "🏡-tran-family");
  await Promise.all([ana.sees("Minh"), minh.sees("Ana")]);
  await Promise.all([ana.seesMoving("Minh"), minh.seesMoving("Ana")]);
  await Promise.all([ana.hears(), minh.hears()]);
  const carried = (index: number, peer: string): Promise<number> =>
    on.metric(index, "hearsay_relay_packets_total", { peer });
  const before = [await carried(0, "bell"), await carried(1, "ada")];
  await Promise.all([ana.sees("Minh", 30), minh.sees("Ana", 30)]);
  expect(await carried(0, "bell")).toBeGreaterThan((before[0] ?? 0) + 30);
  expect(await carried(1, "ada")).toBeGreaterThan((before[1] ?? 0) + 30);
  await minh.send("Xin chào!");
  await eventually(
    "Ana reads it",
    () => ana.report(),
    (report) => told(report, "message").length === 1,
  );
  expect(await ana.history()).toEqual(["Xin chào!"]);
  await minh.leave();
  await eventually(
    "Minh is gone for Ana",
    () => ana.report(),
    (report) => report.people.length === 0,
  );
  expect(told(await ana.report(), "participantLeft")).toEqual([["participantLeft", "Minh", "left"]]);
}, 180_000);

test("Firefox and Chromium on two nodes see and hear each other", async () => {
  const network = await createNetwork();
  cleanups.push(() => network.close());
  const on = await mesh(2);
  for (const url of [site.url, ...on.nodes.map((node) => node.url)]) await network.forward(url);
  const firefox = await launchFirefox(network);
  cleanups.push(() => firefox.close());
  const [ada, bell] = [on.node(0), on.node(1)];
  const ana = await arrive({ url: ada.url, pin: "ada", slug: "two-browsers", name: "Ana", create: { handle: "ana" } });
  const pim = await arrive({ url: bell.url, pin: "bell", slug: "two-browsers", name: "Pim" }, firefox);
  await Promise.all([ana.sees("Pim"), pim.sees("Ana")]);
  await Promise.all([ana.seesMoving("Pim"), pim.seesMoving("Ana")]);
  await Promise.all([ana.hears(), pim.hears()]);
}, 120_000);

test("three people on three nodes each see the other two", async () => {
  const on = await mesh(3);
  const [ana, minh] = await couple(on, "three");
  const curie = on.node(2);
  const joke = await arrive({ url: curie.url, pin: curie.name, slug: "three", name: "Joke" });
  await Promise.all([
    ana.sees("Minh"),
    ana.sees("Joke"),
    minh.sees("Ana"),
    minh.sees("Joke"),
    joke.sees("Ana"),
    joke.sees("Minh"),
  ]);
}, 180_000);

test("a refresh in a full room of two gets back in, and the other sees one continuous participant", async () => {
  const on = await mesh(2);
  const [ana, minh] = await couple(on, "just-us", 2);
  await Promise.all([ana.sees("Minh"), minh.sees("Ana")]);
  await minh.refresh();
  await Promise.all([ana.sees("Minh"), minh.sees("Ana")]);
  const report = await ana.report();
  expect(told(report, "participantLeft")).toEqual([]);
  expect(report.people.map(({ name }) => name)).toEqual(["Minh"]);
  const stranger = arrive({ url: on.node(0).url, pin: "ada", slug: "just-us", name: "Stranger" });
  await expect(stranger).rejects.toThrow(/full/);
}, 180_000);

test("a killed node is listed dead; its people leave the room, or come back through another node with media", async () => {
  const on = await mesh(3);
  const [ana, minh] = await couple(on, "survivors");
  const bell = on.node(1);
  const silent = await arrive({ url: bell.url, pin: "bell", slug: "survivors", name: "Silent" });
  await Promise.all([ana.sees("Minh"), minh.sees("Ana"), ana.sees("Silent")]);
  // Silent's machine dies with the node: too late to say goodbye, too early to come back.
  bell.process.kill("SIGKILL");
  await silent.page.close();
  const listed = async (index: number): Promise<boolean> => {
    const response = await fetch(`${on.node(index).url}/v1/nodes`);
    const view = (await response.json()) as { readonly nodes: readonly { readonly name: string }[] };
    return view.nodes.some(({ name }) => name === "bell");
  };
  const isGone = async (): Promise<boolean> => !(await listed(0)) && !(await listed(2));
  await eventually("survivors list bell as dead", isGone, Boolean, 30_000);
  const back = await eventually(
    "Minh is served by another node",
    () => minh.report(),
    (r) => r.node !== "bell" && r.state === "connected",
    30_000,
  );
  expect(["ada", "curie"]).toContain(back.node);
  await Promise.all([ana.sees("Minh", 20, 30_000), minh.sees("Ana", 20, 30_000)]);
  const without = await eventually(
    "Silent is gone",
    () => ana.report(),
    (r) => r.people.every(({ name }) => name !== "Silent"),
    60_000,
  );
  expect(without.people.map(({ name }) => name)).toEqual(["Minh"]);
  expect(told(without, "participantLeft").map(([, name]) => name)).toEqual(["Silent"]);
}, 180_000);

test("a node that was killed and came back under its name carries media over a new trunk", async () => {
  const on = await mesh(2);
  const bell = on.node(1);
  const create = { handle: "ana" };
  const ana = await arrive({ url: on.node(0).url, pin: "ada", slug: "phoenix", name: "Ana", create });
  const minh = await arrive({ url: bell.url, pin: "bell", slug: "phoenix", name: "Minh" });
  await Promise.all([ana.sees("Minh"), minh.sees("Ana")]);
  await minh.close();
  bell.process.kill("SIGKILL");
  on.restart(1);
  const ready = async (): Promise<boolean> => {
    const response = await fetch(`${bell.url}/v1/nodes`).catch(() => undefined);
    const view = (await response?.json()) as { readonly nodes: readonly unknown[] } | undefined;
    return view?.nodes.length === 2;
  };
  await eventually("bell is back in the mesh", ready, Boolean, 30_000);
  const joke = await arrive({ url: bell.url, pin: "bell", slug: "phoenix", name: "Joke" });
  await Promise.all([ana.sees("Joke", 20, 30_000), joke.sees("Ana", 20, 30_000)]);
}, 150_000);
