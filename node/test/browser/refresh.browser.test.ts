/** 100 refreshes at random moments, over two real nodes, in a room that is full; and the three doors. SEED repeats a run. */
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Browser, BrowserContext, Page } from "puppeteer-core";
import { type Random, seededRandom } from "#gossip";
import { FlakyProxy } from "../contract/flaky-proxy.ts";
import { type Cluster, startCluster } from "./cluster.ts";
import { eventually, launchChromium, openPage } from "./harness.ts";

const root = join(import.meta.dirname, "../../..");
const SEED = Number(process.env["SEED"] ?? 1);
const REFRESHES = 100;
const SLUG = "f5";
const NODES = ["ada", "bell"] as const;
/** Silence (15 s) and the resume time (20 s) after a network that is gone, on a machine that is very busy. */
const SETTLE_MS = 120_000;

interface Report {
  readonly state: string;
  readonly node?: string;
  readonly people: readonly string[];
  readonly log: readonly (readonly string[])[];
  readonly errors: readonly string[];
}

let site: Server;
let cluster: Cluster;
let chromium: Browser;
let random: Random;
const relays: FlakyProxy[] = [];

async function request<T>(path: string, init: { readonly token?: string; readonly body?: unknown } = {}): Promise<T> {
  const { token, body } = init;
  const response = await fetch(`${cluster.node(0).url}${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: {
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

const pick = <T>(list: readonly T[]): T => list[random.below(list.length)] as T;

/** One person on one device: a browser context, with lines of its own to both nodes. */
class Refresher {
  readonly name: string;
  readonly #token: string;
  readonly #context: BrowserContext;
  #page: Page | undefined;
  #lines: FlakyProxy[] = [];
  pin: string = pick(NODES);
  /** Codes with which pages were refused, of all pages. */
  readonly refused: string[] = [];

  private constructor(name: string, token: string, context: BrowserContext) {
    this.name = name;
    this.#token = token;
    this.#context = context;
  }

  static async arrive(name: string, token: string): Promise<Refresher> {
    const person = new Refresher(name, token, await chromium.createBrowserContext());
    await person.#newLines();
    await person.open();
    return person;
  }

  async open(): Promise<void> {
    this.#page = await openPage(this.#context as unknown as Browser, this.#address());
  }

  /** As a person who presses F5, whatever the page was doing; some are sent to another node. */
  async reload(): Promise<void> {
    await this.#collect();
    if (random.next() < 0.4) this.pin = pick(NODES);
    await this.#page?.goto(this.#address(), { waitUntil: "domcontentloaded", timeout: SETTLE_MS });
  }

  async leaveByButton(): Promise<void> {
    await this.#page?.evaluate("person?.leave()").catch(() => undefined);
  }

  async closeTab(): Promise<void> {
    await this.#collect();
    await this.#page?.close();
    this.#page = undefined;
  }

  /** Nothing passes any more, also no goodbye. */
  async loseNetwork(): Promise<void> {
    await this.#collect();
    for (const line of this.#lines) line.stall();
    await this.#page?.close();
    this.#page = undefined;
    await this.#newLines();
  }

  async report(): Promise<Report> {
    const report = await this.#page?.evaluate("globalThis.person?.report()");
    return (report ?? { state: "none", people: [], log: [], errors: [] }) as Report;
  }

  async history(): Promise<readonly string[]> {
    return (await this.#page?.evaluate("person.history()")) as readonly string[];
  }

  async #collect(): Promise<void> {
    const report = await this.report().catch(() => undefined);
    this.refused.push(...(report?.errors ?? []));
  }

  async #newLines(): Promise<void> {
    this.#lines = cluster.nodes.map(
      ({ url }) => new FlakyProxy({ host: "127.0.0.1", port: Number(new URL(url).port) }),
    );
    for (const line of this.#lines) await line.start();
    relays.push(...this.#lines);
  }

  #address(): string {
    const lines = Object.fromEntries(NODES.map((name, i) => [name, `http://127.0.0.1:${this.#lines[i]?.port}`]));
    const query = { api: lines["ada"] ?? "", token: this.#token, slug: SLUG, pin: this.pin };
    const { port } = site.address() as AddressInfo;
    return `http://127.0.0.1:${port}/?${new URLSearchParams({ ...query, relays: JSON.stringify(lines) })}`;
  }
}

beforeAll(async () => {
  process.stdout.write(`refreshes with SEED=${SEED}\n`);
  random = seededRandom(SEED);
  cluster = await startCluster(2);
  chromium = await launchChromium();
  const html = readFileSync(join(import.meta.dirname, "refresh-page.html"));
  const sdk = readFileSync(join(root, "dist/client-sdk/hearsay-client.js"));
  site = createServer(({ url }, response) => {
    response.setHeader("content-type", url === "/sdk.js" ? "text/javascript" : "text/html");
    response.end(url === "/sdk.js" ? sdk : html);
  });
  await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve));
}, 120_000);

afterAll(async () => {
  await chromium?.close();
  site?.close();
  for (const relay of relays) await relay.stop();
  await cluster?.stop();
});

async function act(person: Refresher): Promise<void> {
  const draw = random.next();
  if (draw < 0.76) await person.reload();
  else if (draw < 0.84) {
    await person.leaveByButton();
    await person.reload();
  } else {
    await (draw < 0.92 ? person.closeTab() : person.loseNetwork());
    await person.open();
  }
}

/** Each is connected and sees exactly the others, and both nodes count them and hold no session besides. */
async function expectInside(people: readonly Refresher[], token: string): Promise<void> {
  const disorder = async (): Promise<readonly string[]> => {
    const wrong: string[] = [];
    const seen = `${people.map(({ name, pin }) => `${name}@${pin} active`).sort()}`;
    for (const { name, pin, report } of people.map((one) => ({ name: one.name, pin: one.pin, report: one.report() }))) {
      const { state, people: others } = await report;
      const all = `${[...others, `${name}@${pin} active`].sort()}`;
      if (state !== "connected" || all !== seen) wrong.push(`${name} is ${state} and sees ${others}, not ${seen}`);
    }
    const { occupants } = await request<{ occupants: number }>(`/v1/rooms/${SLUG}`, { token });
    if (occupants !== people.length) wrong.push(`${occupants} occupants`);
    for (const [index, node] of NODES.entries()) {
      const here = people.filter(({ pin }) => pin === node).length;
      const sessions = await cluster.metric(index, "hearsay_sessions");
      if (sessions !== here) wrong.push(`${node} holds ${sessions} sessions for ${here} pages`);
    }
    return wrong;
  };
  await eventually("all is as it is", disorder, (wrong) => wrong.length === 0, SETTLE_MS);
}

test("[A30] 100 refreshes at random moments and by every door: never refused, no ghosts, nothing missed", async () => {
  const names = ["Watcher", "Ann", "Bob", "Cyd", "Dee", "Eve"];
  const password = "correct horse battery staple";
  const { token } = await request<{ token: string }>("/v1/users", { body: { handle: "owner", password } });
  await request("/v1/rooms", { token, body: { slug: SLUG, capacity: names.length } });
  const people: Refresher[] = [];
  for (const displayName of names) {
    const guest = await request<{ token: string }>("/v1/guests", { body: { displayName } });
    people.push(await Refresher.arrive(displayName, guest.token));
  }
  await expectInside(people, token);
  const [watcher, ...others] = people as [Refresher, ...Refresher[]];
  const said: string[] = [];
  for (let i = 1; i <= REFRESHES; i++) {
    await act(pick(others));
    // Some come upon a page that is still entering, others upon one that has been there for a while.
    await new Promise((resolve) => setTimeout(resolve, random.next() < 0.5 ? 0 : random.next() * 400));
    if (i % 5 !== 0) continue;
    const text = `after ${i} refreshes`;
    await request(`/v1/rooms/${SLUG}/messages`, { token, body: { text } });
    said.push(text);
  }
  const [ann, bob, cyd, ...stay] = others as [Refresher, Refresher, Refresher, ...Refresher[]];
  await expectInside(people, token);
  for (const person of people) expect([person.name, await person.history()]).toEqual([person.name, said]);
  const heard = (await watcher.report()).log.filter(([what]) => what === "message").map(([, text]) => text);
  expect(heard).toEqual(said);
  expect(people.flatMap(({ refused }) => refused).filter((code) => code === "room_full")).toEqual([]);

  await ann.leaveByButton();
  await bob.closeTab();
  await cyd.loseNetwork();
  await ann.closeTab();
  await expectInside([watcher, ...stay], token);
  const left = (await watcher.report()).log.filter(([what]) => what === "left").slice(-3);
  expect(left.map(([, name, reason]) => `${name} ${reason}`)).toEqual(["Ann left", "Bob left", "Cyd timeout"]);
}, 400_000);
