import { expect, test } from "@jest/globals";
import { FakeClock } from "../test/fakes/fake-clock.ts";
import { MediaWatch } from "./media-watch.ts";

/** A connection on which packets and pictures come, or not, as the test says. */
function setUp() {
  const clock = new FakeClock();
  const world = { flows: true, feedback: true, answers: true, sends: true, due: true, packets: 0, pictures: 0 };
  const rebuilds: number[] = [];
  const watch = new MediaWatch({
    schedule: clock.schedule,
    nowMs: clock.nowMs,
    beat: () => (world.due ? world.pictures : undefined),
    packets: async () => world.packets,
    probe: () =>
      new Promise((resolve) => {
        clock.schedule(() => resolve(world.answers), 250);
      }),
    sends: () => world.sends,
    rebuild: () => rebuilds.push(clock.nowMs()),
  });
  const arrive = (): void => {
    if (world.flows) world.pictures += 1;
    if (world.flows || world.feedback) world.packets += 1;
    clock.schedule(arrive, 33);
  };
  arrive();
  const silence = (): number => {
    Object.assign(world, { flows: false, feedback: false });
    return clock.nowMs();
  };
  return { clock, world, watch, rebuilds, silence };
}

test("a way on which nothing comes, to a node that does not answer, is dead within 0.6 s", async () => {
  const { clock, world, watch, rebuilds, silence } = setUp();
  watch.connected();
  await clock.advance(5_000);
  const atMs = silence();
  world.answers = false;
  await clock.advance(1_000);
  expect(rebuilds).toHaveLength(1);
  expect((rebuilds[0] ?? 0) - atMs).toBeLessThan(600);
});

test("while the node answers, silence must last longer, and something must be due", async () => {
  const { clock, world, watch, rebuilds, silence } = setUp();
  watch.connected();
  await clock.advance(5_000);
  const atMs = silence();
  await clock.advance(2_000);
  expect((rebuilds[0] ?? 0) - atMs).toBeGreaterThan(600);
  expect((rebuilds[0] ?? 0) - atMs).toBeLessThan(1_000);
  const only = setUp();
  only.world.sends = false;
  only.watch.connected();
  await only.clock.advance(5_000);
  only.silence();
  await only.clock.advance(20_000);
  expect(only.rebuilds).toEqual([]);
  expect(world.sends).toBe(true);
});

test("a picture of another that stands still is not our connection's fault", async () => {
  const { clock, world, watch, rebuilds } = setUp();
  watch.connected();
  await clock.advance(5_000);
  Object.assign(world, { flows: false, answers: false });
  await clock.advance(20_000);
  expect(rebuilds).toEqual([]);
});

test("nothing is due: nothing is looked into", async () => {
  const { clock, world, watch, rebuilds, silence } = setUp();
  watch.connected();
  await clock.advance(5_000);
  Object.assign(world, { due: false, answers: false });
  silence();
  await clock.advance(20_000);
  expect(rebuilds).toEqual([]);
});

test("rebuilds that do not help come less and less often, and the first after a good minute at once", async () => {
  const { clock, world, watch, rebuilds } = setUp();
  watch.broken();
  for (let i = 0; i < 40; i += 1) {
    watch.broken();
    await clock.advance(3_000);
  }
  const gaps = rebuilds.slice(1).map((atMs, index) => atMs - (rebuilds[index] ?? 0));
  expect(gaps.slice(0, 3).every((gap, index) => gap >= 1_000 * 2 ** index)).toBe(true);
  expect(Math.max(...gaps)).toBeLessThanOrEqual(60_000);
  expect(rebuilds.length).toBeLessThan(12);
  world.flows = true;
  watch.connected();
  await clock.advance(70_000);
  const before = rebuilds.length;
  watch.broken();
  expect(rebuilds).toHaveLength(before + 1);
});

test("a connection that does not come up after its answer is given up for another", async () => {
  const { clock, watch, rebuilds } = setUp();
  watch.replaced();
  watch.answered();
  await clock.advance(11_000);
  expect(rebuilds).toEqual([]);
  await clock.advance(2_000);
  expect(rebuilds).toHaveLength(1);
});

test("the browser's own doubt needs no traffic of ours to be believed", async () => {
  const { clock, world, watch, rebuilds, silence } = setUp();
  world.sends = false;
  silence();
  watch.doubted({ due: true });
  await clock.advance(1_000);
  expect(rebuilds).toHaveLength(1);
  watch.close();
});
