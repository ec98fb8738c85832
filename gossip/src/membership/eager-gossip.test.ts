import { describe, expect, test } from "@jest/globals";
import { aliveOf, Harness } from "../../test/harness.ts";

/** Members 2 to 6, everything told and the last round long over. */
function quiet(): Harness {
  const h = new Harness();
  h.meet(2, 3, 4, 5, 6);
  h.advanceAnswering(10_000);
  h.clear();
  return h;
}

const gossip = (h: Harness) => h.sent.filter(({ messages }) => messages.every(({ kind }) => kind === "alive"));

describe("[M33] news", () => {
  test("is told in the same moment, to as many as a round reaches", () => {
    const h = quiet();
    h.feed(aliveOf(7));
    expect(h.core.deadlineMs()).toBe(h.nowMs);
    h.advance(0);
    expect(gossip(h)).toHaveLength(3);
  });

  test("that comes within an interval of the last round waits for its end, and goes in one", () => {
    const h = quiet();
    h.feed(aliveOf(7));
    h.advance(0);
    h.clear();
    for (const number of [8, 9, 10]) {
      h.advance(30);
      h.feed(aliveOf(number));
    }
    expect(gossip(h)).toEqual([]);
    h.advance(109);
    expect(gossip(h)).toEqual([]);
    h.advance(1);
    expect(gossip(h)).toHaveLength(3);
    expect(gossip(h)[0]?.messages).toHaveLength(4);
  });

  test("costs as many packets as its retransmissions, one round an interval", () => {
    const h = quiet();
    const fromMs = h.nowMs;
    h.feed(aliveOf(7));
    h.advance(0);
    const rounds = new Set<number>();
    for (let turn = 0; turn < 20; turn += 1) {
      if (gossip(h).length > 0) rounds.add(Math.round(h.nowMs - fromMs));
      h.clear();
      h.advance(50);
    }
    // Told four times in all, pings aside: three at once and the rest an interval later.
    expect(rounds.size).toBeLessThanOrEqual(2);
  });

  test("that is none wakes nobody", () => {
    const h = quiet();
    let wakes = 0;
    const untilMs = h.nowMs + 10_000;
    while (h.core.deadlineMs() <= untilMs) {
      h.nowMs = h.core.deadlineMs();
      h.core.handleTimeout(h.nowMs);
      wakes += 1;
      for (const ping of h.of("ping")) h.feed({ kind: "ack", seqNo: ping.seqNo, payload: new Uint8Array(0) }, ping.to);
      h.clear();
    }
    // One probe a second; the reaper and exchanges beside them.
    expect(wakes).toBeLessThan(15);
  });
});
