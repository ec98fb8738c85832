/** What people on two nodes get from each other besides sound and pictures: layers on demand, data, scores, moderation. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Browser } from "puppeteer-core";
import { type Cluster, startCluster } from "./cluster.ts";
import { eventually, launchChromium } from "./harness.ts";
import { Person, type Site, serveApplication, told } from "./person.ts";

const LIMIT_MS = 40_000;
let site: Site;
let chromium: Browser;
let cluster: Cluster;
/** Owns the room and publishes; on the first node. */
let ana: Person;
/** Publishes sound only; on the second node. */
let minh: Person;
/** Looks on, on Ana's node. */
let tess: Person;

/** What the tests note on a page: everything that came in, in order. */
const NOTE = `
  window.notes = { data: [], muted: [] };
  person.room().on("data", (m) => notes.data.push([m.participant?.displayName, m.topic, m.payload.length, m.payload[0] * 256 + m.payload[1], m.lossy]));
  person.room().on("mutedByModerator", ({ source }) => notes.muted.push(source));
`;

beforeAll(async () => {
  site = await serveApplication();
  cluster = await startCluster(2);
  chromium = await launchChromium();
  const [ada, bell] = [cluster.node(0), cluster.node(1)];
  const slug = "across";
  const create = { handle: "ana" };
  ana = await Person.arrive(chromium, site, { url: ada.url, pin: "ada", slug, name: "Ana", create });
  minh = await Person.arrive(chromium, site, { url: bell.url, pin: "bell", slug, name: "Minh", video: false });
  const onlooker = { name: "Tess", audio: false, video: false };
  tess = await Person.arrive(chromium, site, { url: ada.url, pin: "ada", slug, ...onlooker });
  for (const person of [ana, minh, tess]) await person.page.evaluate(NOTE);
}, 120_000);
afterAll(async () => {
  for (const person of [ana, minh, tess]) await person?.close().catch(() => undefined);
  await chromium?.close();
  await cluster?.stop();
  site?.close();
});

interface Layer {
  readonly active: boolean;
  readonly frames: number;
}
type Layers = Readonly<Record<string, Layer>>;

/** Of Ana's camera, by RID, as her browser reports them. */
async function layers(): Promise<Layers> {
  return (await ana.page.evaluate(`(async () => {
    const all = [...(await person.room().stats()).values()];
    const sent = all.filter((s) => s.type === "outbound-rtp" && s.kind === "video" && s.rid !== undefined);
    return Object.fromEntries(sent.map((s) => [s.rid, { active: s.active, frames: s.framesSent ?? 0 }]));
  })()`)) as Layers;
}

/** Which layers are switched on; and of those, which moved on since `before`. */
const names = (now: Layers, passes: (layer: Layer, rid: string) => boolean): string =>
  Object.keys(now)
    .filter((rid) => passes(now[rid] ?? { active: false, frames: 0 }, rid))
    .sort()
    .join(" ");

/** Waits until exactly these layers are on, and all of them deliver new frames. */
async function sends(what: string, rids: string): Promise<void> {
  await eventually(what, layers, (now) => names(now, ({ active }) => active) === rids, LIMIT_MS);
  const before = await layers();
  const isMoving = (now: Layers): boolean =>
    names(now, ({ frames }, rid) => frames > (before[rid]?.frames ?? 0) + 5) === rids;
  await eventually(`${what}: frames flow`, layers, isMoving, LIMIT_MS);
}

async function participantId(of: Person): Promise<string> {
  return String(await of.page.evaluate("person.room().participantId"));
}

/** Shows Ana's camera at this width; 0: shows nobody. */
async function watch(viewer: Person, width: number): Promise<void> {
  const tile = { participantId: await participantId(ana), source: "camera", width, height: (width * 9) / 16 };
  await viewer.page.evaluate(`person.room().setView(${JSON.stringify(width === 0 ? [] : [tile])})`);
}

test("a layer that nobody on either node watches is not sent by its publisher, and comes back on demand", async () => {
  await Promise.all([watch(minh, 160), watch(tess, 0)]);
  await sends("small alone on the other node", "q");
  await watch(tess, 640);
  // The lowest is for Minh, the middle one for Tess.
  await eventually("both are sent", layers, (now) => now["q"]?.active === true && now["h"]?.active === true, LIMIT_MS);
  await watch(tess, 0);
  await sends("Tess looks away", "q");
  await watch(minh, 0);
  await eventually("nobody looks", layers, (now) => names(now, ({ active }) => active) === "", LIMIT_MS);
  const quiet = await layers();
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  expect(names(await layers(), ({ frames }, rid) => frames > (quiet[rid]?.frames ?? 0) + 2)).toBe("");
  await watch(minh, 640);
  await eventually("the middle one is back", layers, (now) => now["h"]?.active === true, LIMIT_MS);
  await eventually("and moves", layers, (now) => (now["h"]?.frames ?? 0) > (quiet["h"]?.frames ?? 0) + 5, LIMIT_MS);
  await minh.sees("Ana", 20, LIMIT_MS);
}, 180_000);

interface Notes {
  /** Sender, topic, bytes, number, lossy. */
  readonly data: readonly (readonly [string, string, number, number, boolean])[];
  readonly muted: readonly string[];
}
const notes = async (of: Person): Promise<Notes> => (await of.page.evaluate("notes")) as Notes;

/** Numbered messages of this size; answers whether all were taken. */
async function say(from: Person, count: number, options: { bytes: number; lossy: boolean }): Promise<boolean> {
  const { bytes, lossy } = options;
  return (await from.page.evaluate(`(async () => {
    let taken = true;
    for (let i = 0; i < ${count}; i += 1) {
      const payload = new Uint8Array(${bytes});
      payload[0] = i >> 8;
      payload[1] = i & 255;
      taken = person.room().sendData(payload, { topic: "n", lossy: ${lossy} }) && taken;
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
    return taken;
  })()`)) as boolean;
}

test("data messages reach the other node both ways, reliable ones all and in order, large ones too", async () => {
  const talks = [
    { from: ana, name: "Ana", to: minh },
    { from: minh, name: "Minh", to: ana },
  ];
  for (const { from, name, to } of talks) {
    const heard = async (bytes: number, lossy: boolean): Promise<readonly number[]> =>
      (await notes(to)).data.filter((m) => m[0] === name && m[2] === bytes && m[4] === lossy).map((m) => m[3]);
    expect(await say(from, 60, { bytes: 300, lossy: false })).toBe(true);
    expect(await say(from, 3, { bytes: 16_000, lossy: false })).toBe(true);
    expect(await say(from, 20, { bytes: 100, lossy: true })).toBe(true);
    const all = (count: number) => (numbers: readonly number[]) => numbers.length >= count;
    await eventually("the small ones are there", () => heard(300, false), all(60), LIMIT_MS);
    expect(await heard(300, false)).toEqual(Array.from({ length: 60 }, (_, i) => i));
    await eventually("the large ones are there", () => heard(16_000, false), all(3), LIMIT_MS);
    expect(await heard(16_000, false)).toEqual([0, 1, 2]);
    await eventually("lossy ones are there", () => heard(100, true), all(1), LIMIT_MS);
  }
}, 120_000);

test("scores of people on both nodes arrive in the SDK", async () => {
  const ids = [await participantId(ana), await participantId(minh)];
  const script = `${JSON.stringify(ids)}.map((id) => person.room().qualityOf(id) ?? 0)`;
  for (const person of [ana, minh, tess]) {
    const scores = async (): Promise<readonly number[]> => (await person.page.evaluate(script)) as readonly number[];
    const all = (known: readonly number[]): boolean => known.every((score) => score >= 1 && score <= 5);
    await eventually(`${person.options.name} knows all scores`, scores, all, LIMIT_MS);
  }
}, 180_000);

test("a moderator mutes and removes somebody whom the other node serves", async () => {
  const minhId = await participantId(minh);
  await ana.page.evaluate(`person.room().muteParticipant(${JSON.stringify(minhId)})`);
  const isMuted = ({ muted }: Notes): boolean => muted.includes("microphone");
  await eventually("Minh is told that he was muted", () => notes(minh), isMuted, LIMIT_MS);
  const tracks = async (viewer: Person): Promise<unknown> =>
    await viewer.page.evaluate(
      `[...person.room().participants.get(${JSON.stringify(minhId)}).tracks.values()].map(({ muted }) => muted)`,
    );
  for (const viewer of [ana, tess])
    await eventually(
      "others see it",
      () => tracks(viewer),
      (seen) => JSON.stringify(seen) === "[true]",
      LIMIT_MS,
    );
  await minh.page.evaluate(`person.room().local.setMuted("microphone", false)`);
  await eventually(
    "he unmutes",
    () => tracks(ana),
    (seen) => JSON.stringify(seen) === "[false]",
    LIMIT_MS,
  );
  await ana.page.evaluate(`person.room().removeParticipant(${JSON.stringify(minhId)})`);
  const isOut = (report: Awaited<ReturnType<Person["report"]>>): boolean => told(report, "closed").length > 0;
  const minhsLast = await eventually("Minh is out", () => minh.report(), isOut, LIMIT_MS);
  expect(told(minhsLast, "closed")[0]?.[1]).toMatchObject({ code: "removed" });
  const isGone = (report: Awaited<ReturnType<Person["report"]>>): boolean => told(report, "participantLeft").length > 0;
  const seen = await eventually("Ana sees him go", () => ana.report(), isGone, LIMIT_MS);
  expect(told(seen, "participantLeft")).toEqual([["participantLeft", "Minh", "removed"]]);
}, 180_000);
