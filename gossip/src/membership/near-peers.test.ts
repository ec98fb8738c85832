import { describe, expect, test } from "@jest/globals";
import { Harness, peer } from "../../test/harness.ts";
import { type GossipOptions, UsageError, WAN } from "../index.ts";
import { nodeName } from "../types.ts";

const EMPTY = new Uint8Array(0);

interface Path {
  readonly rttMs: number;
}

/** Time passes; pings to a peer are answered after its round trip, those to a peer without a path never. */
function live(h: Harness, durationMs: number, paths: ReadonlyMap<string, Path>): void {
  const untilMs = h.nowMs + durationMs;
  const due: { readonly atMs: number; readonly answer: () => void }[] = [];
  let seen = h.sent.length;
  while (h.nowMs < untilMs) {
    h.advance(10);
    for (const { to, messages } of h.sent.slice(seen)) {
      const path = paths.get(to.host);
      for (const message of messages) {
        if (message.kind !== "ping" || path === undefined) continue;
        const { seqNo } = message;
        const answer = () => h.feed({ kind: "ack", seqNo, payload: EMPTY }, to);
        due.push({ atMs: h.nowMs - 10 + path.rttMs, answer });
      }
    }
    seen = h.sent.length;
    for (const { answer } of due.filter(({ atMs }) => atMs <= h.nowMs)) answer();
    due.splice(0, due.length, ...due.filter(({ atMs }) => atMs > h.nowMs));
  }
}

/** Members 2, 3, 4 … with these round trips; all were probed once. */
function settled(rtts: readonly number[], options: Partial<GossipOptions> = {}) {
  const h = new Harness({ profile: WAN, ...options });
  const numbers = rtts.map((_, index) => index + 2);
  const paths = new Map(rtts.map((rttMs, index) => [peer(index + 2).host, { rttMs }]));
  h.meet(...numbers);
  live(h, 1_500 * rtts.length + 2_000, paths);
  h.clear();
  return { h, paths };
}

const pingsTo = (h: Harness, number: number): number =>
  h.of("ping").filter(({ to }) => to.host === peer(number).host).length;

describe("[M30] near members in a wide-area mesh", () => {
  test("are probed every second in turn, the others every five", () => {
    const { h, paths } = settled([20, 299, 310, 400]);
    live(h, 60_000, paths);
    expect(pingsTo(h, 2) + pingsTo(h, 3)).toBeGreaterThanOrEqual(58);
    expect(Math.abs(pingsTo(h, 2) - pingsTo(h, 3))).toBeLessThanOrEqual(1);
    const far = pingsTo(h, 4) + pingsTo(h, 5);
    // The reference's round-robin passes a turn where we ourselves are last.
    expect(far).toBeGreaterThanOrEqual(8);
    expect(far).toBeLessThanOrEqual(13);
  });

  test("are suspected after a second and dead as soon as in a local network", () => {
    const { h, paths } = settled([20, 20, 20]);
    paths.delete(peer(2).host);
    const fromMs = h.nowMs;
    live(h, 5_000, paths);
    const [suspicion] = h.of("suspect");
    expect(suspicion?.node).toBe("p2");
    expect(h.of("indirectPing").map(({ nack }) => nack)).toEqual([false, false]);
    while (h.status("p2") === "alive" && h.nowMs - fromMs < 60_000) live(h, 500, paths);
    // Four members: two accusers are wanted and none comes, so the longest suspicion of LAN, 24 s; that of WAN takes 180 s.
    expect(h.nowMs - fromMs).toBeGreaterThan(24_000);
    expect(h.nowMs - fromMs).toBeLessThan(32_000);
  });

  test("that are far keep the profile's patience", () => {
    const { h, paths } = settled([20, 400]);
    paths.delete(peer(3).host);
    const fromMs = h.nowMs;
    while (h.status("p3") === "alive" && h.nowMs - fromMs < 120_000) live(h, 500, paths);
    // Three members: 6 * 5 s after a probe of 5 s.
    expect(h.nowMs - fromMs).toBeGreaterThan(34_000);
  });

  test("do not wait while a far one is silent", () => {
    const { h, paths } = settled([20, 400, 400]);
    paths.delete(peer(3).host);
    paths.delete(peer(4).host);
    live(h, 20_000, paths);
    expect(pingsTo(h, 2)).toBeGreaterThanOrEqual(19);
  });

  test("ask near ones first to go around", () => {
    const { h, paths } = settled([20, 20, 20, 20, 400, 400, 400, 400]);
    paths.delete(peer(2).host);
    live(h, 10_000, paths);
    const asked = new Set(h.of("indirectPing").flatMap(({ node, to }) => (node === "p2" ? [to.host] : [])));
    expect([...asked].toSorted()).toEqual([peer(3).host, peer(4).host, peer(5).host]);
  });

  test("become far when their path grows long, measured by acks that come late", () => {
    const { h, paths } = settled([20]);
    paths.set(peer(2).host, { rttMs: 700 });
    live(h, 30_000, paths);
    expect(h.core.measuredRtts().get(nodeName("p2"))).toBeGreaterThan(690);
    h.clear();
    live(h, 20_000, paths);
    expect(pingsTo(h, 2)).toBeLessThanOrEqual(5);
    expect(h.status("p2")).toBe("alive");
  });

  test("are nothing special in a local network, nor when that is turned off", () => {
    const { h, paths } = settled([20], { nearRttMs: 0 });
    live(h, 30_000, paths);
    expect(pingsTo(h, 2)).toBeLessThanOrEqual(6);
    expect(() => new Harness({ nearRttMs: 500 })).toThrow(UsageError);
  });
});

test("[M31] newcomers are probed first, one a second, with the profile's patience", () => {
  const h = new Harness({ profile: WAN });
  const paths = new Map([2, 3, 4, 5, 6, 7, 8].map((number) => [peer(number).host, { rttMs: 400 }]));
  h.meet(2, 3, 4, 5, 6, 7, 8);
  live(h, 9_000, paths);
  expect(h.core.measuredRtts().size).toBe(7);
  h.meet(9);
  h.clear();
  live(h, 4_000, paths);
  expect(pingsTo(h, 9)).toBe(1);
  expect(h.of("suspect")).toEqual([]);
});
