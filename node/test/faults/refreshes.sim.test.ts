import { describe, expect, test } from "@jest/globals";
import { GOODBYES, type Goodbye } from "./sim-page.ts";
import { type Device, SimWorld } from "./sim-world.ts";

const NODES = ["ada", "bell", "curie"] as const;
/** One person with two devices, three with one; the room is full with them. */
const PEOPLE = [["laptop", "phone"], ["laptop"], ["laptop"], ["laptop"]];
/** Longer than every time after which something is cleared up: silence, resume, media gone, a node's death, TTL. */
const QUIET_MS = 150_000;
const BASE_SEED = Number(process.env["SEED"] ?? 1);
const REFRESHES = 25;

async function world(seed: number): Promise<SimWorld> {
  const made = await SimWorld.make({ seed, people: PEOPLE });
  for (const name of NODES) await made.clock.resolve(made.boot(name));
  for (const device of made.devices) made.refresh(device, "close");
  await made.clock.advance(30_000);
  expect(await made.disorder()).toEqual([]);
  return made;
}

function pick<T>(list: readonly T[], made: SimWorld): T {
  return list[made.random.below(list.length)] as T;
}

async function settled(made: SimWorld, seed: number): Promise<void> {
  await made.clock.advance(QUIET_MS);
  expect({ seed, wrong: await made.disorder() }).toEqual({ seed, wrong: [] });
}

const seeds = (count: number, from: number): readonly number[] =>
  Array.from({ length: count }, (_, index) => BASE_SEED * 1_000 + from + index);

describe("1,000 refreshes in a room that is full", () => {
  test.each(seeds(12, 0))("[A30] seed %i: pages that come and go by any door, on any node", async (seed) => {
    const made = await world(seed);
    for (let i = 0; i < REFRESHES; i++) {
      made.refresh(pick(made.devices, made), pick(GOODBYES, made));
      if (made.random.next() < 0.2) pick(made.devices, made).page?.cut(made.random.next() < 0.5);
      await made.clock.advance(made.random.next() < 0.6 ? made.random.next() * 500 : made.random.next() * 15_000);
    }
    await settled(made, seed);
  });

  test.each(seeds(8, 100))("[A30] seed %i: who only refreshes is never seen leaving", async (seed) => {
    const made = await world(seed);
    const [watcher, ...others] = made.devices as [Device, ...Device[]];
    const quiet: readonly Goodbye[] = ["close", "nothing"];
    for (let i = 0; i < REFRESHES; i++) {
      made.refresh(pick(others, made), pick(quiet, made));
      await made.clock.advance(made.random.next() * 3_000);
    }
    await settled(made, seed);
    expect({ seed, heard: watcher.page?.heardLeaving }).toEqual({ seed, heard: [] });
  });

  test.each(seeds(10, 200))("[A31] seed %i: while nodes die, restart and shut down at any step", async (seed) => {
    const made = await world(seed);
    for (let i = 0; i < REFRESHES; i++) {
      made.refresh(pick(made.devices, made), pick(GOODBYES, made));
      // Any step of the join may be the last of its node.
      await made.clock.advance(made.random.next() * 300);
      if (made.random.next() < 0.4) await disturb(made);
      await made.clock.advance(made.random.next() * 12_000);
    }
    await settled(made, seed);
  });

  test.each(seeds(10, 300))("[A71] seed %i: while the store is away, silent, or forgets all", async (seed) => {
    const made = await world(seed);
    for (let i = 0; i < REFRESHES; i++) {
      made.refresh(pick(made.devices, made), pick(GOODBYES, made));
      await made.clock.advance(made.random.next() * 300);
      if (made.random.next() < 0.3) await outage(made);
      await made.clock.advance(made.random.next() * 8_000);
    }
    await settled(made, seed);
  });
});

/** One node goes, by death or in order, and comes back sooner or later; two stay. */
async function disturb(made: SimWorld): Promise<void> {
  const name = pick(NODES, made);
  const node = made.at(name);
  if (NODES.some((other) => other !== name && made.at(other)?.state !== "up")) return;
  if (node?.state === "up") {
    if (made.random.next() < 0.6) await made.kill(name, made.random.next() < 0.7);
    else {
      const goTo = NODES.find((other) => other !== name);
      await made.clock.resolve(node.shutDown(goTo));
    }
  }
  // From sooner than anybody notices to later than everything is reaped.
  const awayMs = made.random.next() < 0.5 ? made.random.next() * 1_500 : made.random.next() * 60_000;
  made.clock.after(awayMs, () => {
    made.boot(name).catch((error: unknown) => made.complain(`a node did not start: ${String(error)}`));
  });
}

async function outage(made: SimWorld): Promise<void> {
  const { store, random, clock } = made;
  store.mode = random.next() < 0.5 ? "silent" : "down";
  clock.after(random.next() < 0.5 ? random.next() * 3_000 : random.next() * 60_000, () => {
    if (random.next() < 0.4) store.tables.wipe();
    store.mode = "up";
  });
  await clock.advance(random.next() * 5_000);
}
