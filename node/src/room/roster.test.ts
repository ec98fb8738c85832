import { expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Claim } from "./claim.ts";
import { compareClaims } from "./claim.ts";
import type { Entry } from "./entry.ts";
import { CLAIM_KEPT_MS, MAX_NODES_PER_ROOM, MOVING_MS, type NodeState, RESUME_MS, Roster } from "./roster.ts";

function entry(person: string, claim: Partial<Claim> = {}, trackIds: readonly string[] = []): Entry {
  const codec = { name: "opus" as const, clockRateHz: 48_000 };
  return {
    ...{ participantId: `p-${person}`, userId: `u-${person}`, displayName: person, role: "member", state: "active" },
    claim: { generation: 1, sessionId: `s-${person}`, epoch: 1, ...claim },
    joinedAtMs: 100,
    tracks: trackIds.map((trackId) => {
      return { trackId, kind: "audio", source: "microphone", codec, layers: [""], muted: false };
    }),
  };
}

function word(version: number, participants: readonly Entry[], boot = "boot"): NodeState {
  return { boot, version, participants, departures: [] };
}

function recorded(self = "me"): { readonly roster: Roster; readonly news: string[] } {
  const news: string[] = [];
  const roster = new Roster(self, {
    joined: (p) => news.push(`+${p.displayName}@${p.node}`),
    updated: (p) => news.push(`~${p.displayName}@${p.node} ${p.state}`),
    left: (participantId, reason) => news.push(`-${participantId} ${reason}`),
    localLost: (lost) => news.push(`lost ${lost.claim.sessionId}`),
  });
  return { roster, news };
}

function seen(roster: Roster): readonly string[] {
  return roster.inOrder().map((shown) => `${shown.entry.displayName}@${shown.node}`);
}

test("[P10] the newest claim is shown: by generation, then session, then epoch", () => {
  const order: readonly Claim[] = [
    { generation: 1, sessionId: "a", epoch: 9 },
    { generation: 1, sessionId: "b", epoch: 1 },
    { generation: 1, sessionId: "b", epoch: 2 },
    { generation: 2, sessionId: "a", epoch: 1 },
  ];
  for (const [i, a] of order.entries())
    for (const [j, b] of order.entries()) expect(Math.sign(compareClaims(a, b))).toBe(Math.sign(i - j));
});

test("[P10] equal claims on two nodes are decided by name, whoever spoke first", () => {
  for (const nodes of [
    ["x", "y"],
    ["y", "x"],
  ]) {
    const { roster } = recorded();
    for (const node of nodes) roster.apply(node, word(1, [entry("bob")]));
    expect(seen(roster)).toEqual(["bob@x"]);
  }
});

test("[P11] older words and words of an earlier run change nothing", () => {
  const { roster, news } = recorded();
  expect(roster.apply("x", word(5, [entry("bob")]))).toBe("applied");
  expect(roster.apply("x", word(4, []))).toBe("stale");
  expect(roster.apply("x", word(5, []))).toBe("same");
  expect(roster.apply("x", word(1, [entry("bob", { epoch: 2 })], "second run"))).toBe("applied");
  expect(roster.apply("x", word(9, []))).toBe("stale");
  expect(seen(roster)).toEqual(["bob@x"]);
  expect(news).toEqual(["+bob@x"]);
});

test("[P12] a word that names another node's track is refused whole", () => {
  const { roster, news } = recorded();
  roster.putLocal(entry("ann", {}, ["t1"]));
  roster.apply("x", word(1, [entry("bob", {}, ["t2"])]));
  news.length = 0;
  expect(roster.apply("y", word(1, [entry("eve"), entry("mal", {}, ["t1"])]))).toBe("foreign_track");
  expect(roster.apply("y", word(1, [entry("mal", {}, ["t2"])]))).toBe("foreign_track");
  expect(news).toEqual([]);
  expect(seen(roster)).toEqual(["ann@me", "bob@x"]);
});

test("[P13] a dead node's people are reconnecting until the resume time is over", () => {
  const { roster, news } = recorded();
  roster.apply("x", word(1, [entry("bob")]));
  roster.nodeDown("x", "nodeFailed", 1_000);
  roster.nodeDown("x", "nodeFailed", 9_000);
  expect(roster.deadlineMs()).toBe(1_000 + RESUME_MS);
  roster.handleTimeout(1_000 + RESUME_MS - 1);
  expect(news).toEqual(["+bob@x", "~bob@x reconnecting"]);
  roster.handleTimeout(1_000 + RESUME_MS);
  expect(news.at(-1)).toBe("-p-bob nodeFailed");
  expect(roster.deadlineMs()).toBeGreaterThan(CLAIM_KEPT_MS);
});

test("[P14] a resume elsewhere in time is one update, with the first joining time", () => {
  const { roster, news } = recorded();
  roster.apply("x", word(1, [entry("bob")]));
  roster.nodeDown("x", "nodeFailed", 0);
  roster.apply("y", word(1, [{ ...entry("bob", { epoch: 2 }), joinedAtMs: 7_000 }]));
  roster.handleTimeout(RESUME_MS);
  expect(news).toEqual(["+bob@x", "~bob@x reconnecting", "~bob@y active"]);
  expect(roster.inOrder()[0]?.info.joinedAtMs).toBe(100);
});

test("[P23] who vanishes from a node's word is between two nodes for 10 s, and then has left", () => {
  const { roster, news } = recorded();
  roster.apply("x", word(1, [entry("bob", {}, ["t1"])]));
  roster.apply("x", word(2, []));
  expect(news).toEqual(["+bob@x", "~bob@x reconnecting"]);
  expect(roster.inOrder()[0]?.info.tracks).toEqual([]);
  // The time counts from when the clock is next heard of, which is wanted at once.
  expect(roster.deadlineMs()).toBe(0);
  roster.handleTimeout(5_000);
  expect(roster.deadlineMs()).toBe(5_000 + MOVING_MS);
  roster.handleTimeout(5_000 + MOVING_MS - 1);
  expect(seen(roster)).toEqual(["bob@x"]);
  roster.handleTimeout(5_000 + MOVING_MS);
  expect(news.slice(2)).toEqual(["-p-bob left"]);
  expect([seen(roster), roster.deadlineMs() > CLAIM_KEPT_MS]).toEqual([[], true]);
});

test("[P23] who is spoken of again in that time, by any node, never left", () => {
  for (const node of ["x", "y"]) {
    const { roster, news } = recorded();
    roster.apply("x", word(1, [entry("bob")]));
    roster.apply("x", word(2, []));
    roster.handleTimeout(1_000);
    roster.apply(node, word(3, [entry("bob", { epoch: 2 })]));
    roster.handleTimeout(1_000 + MOVING_MS);
    expect(news).toEqual(["+bob@x", "~bob@x reconnecting", `~bob@${node} active`]);
    expect(roster.deadlineMs()).toBe(Number.POSITIVE_INFINITY);
  }
});

test("[P23] who leaves is not waited for, and a leave that comes later ends the waiting", () => {
  const departures = [{ participantId: "p-bob", reason: "left" as const }];
  const { roster, news } = recorded();
  roster.apply("x", word(1, [entry("bob")]));
  roster.apply("x", { ...word(2, []), departures });
  expect(news).toEqual(["+bob@x", "-p-bob left"]);
  roster.apply("x", word(3, [entry("bob", { epoch: 2 })]));
  roster.apply("x", word(4, []));
  roster.apply("x", { ...word(5, []), departures });
  expect(news.slice(2)).toEqual(["+bob@x", "~bob@x reconnecting", "-p-bob left"]);
  roster.handleTimeout(5_000);
  expect(roster.deadlineMs()).toBe(5_000 + CLAIM_KEPT_MS);
});

test("[P15] an older claim stays void after the newer one has left", () => {
  const { roster, news } = recorded();
  roster.apply("x", word(1, [entry("bob")]));
  roster.apply("y", word(1, [entry("bob", { epoch: 2 })]));
  roster.apply("y", { ...word(2, []), departures: [{ participantId: "p-bob", reason: "removed" }] });
  expect(seen(roster)).toEqual([]);
  expect(news.at(-1)).toBe("-p-bob removed");
  expect(roster.isOutdated("p-bob", { generation: 1, sessionId: "s-bob", epoch: 1 })).toBe(true);
  roster.apply("x", word(2, [entry("bob"), entry("cid")]));
  expect(seen(roster)).toEqual(["cid@x"]);
});

test("[P15] claims of those who left are forgotten in the end: many visits leave nothing behind", () => {
  const { roster } = recorded();
  roster.putLocal(entry("ann"));
  let nowMs = 0;
  for (let visit = 0; visit < 2_000; visit++) {
    roster.putLocal(entry(`guest ${visit}`));
    roster.removeLocal(`p-guest ${visit}`, "left");
    roster.apply("x", word(2 * visit, [entry(`far ${visit}`)]));
    roster.apply("x", word(2 * visit + 1, []));
    nowMs += 6_000;
    if (roster.deadlineMs() <= nowMs) roster.handleTimeout(nowMs);
  }
  // Two looks' worth of visits to either node at most.
  expect(roster.claimCount).toBeLessThanOrEqual(1 + 2 * ((2 * CLAIM_KEPT_MS) / 6_000 + 4));
  for (let look = 1; look <= 4; look++) roster.handleTimeout(nowMs + look * CLAIM_KEPT_MS);
  expect([roster.claimCount, roster.deadlineMs()]).toEqual([1, Number.POSITIVE_INFINITY]);
});

test("[P15] who comes back is not forgotten early", () => {
  const { roster } = recorded();
  roster.putLocal(entry("bob"));
  roster.removeLocal("p-bob", "left");
  roster.handleTimeout(0);
  roster.handleTimeout(CLAIM_KEPT_MS);
  roster.putLocal(entry("bob", { epoch: 2 }));
  roster.removeLocal("p-bob", "left");
  roster.handleTimeout(2 * CLAIM_KEPT_MS);
  expect(roster.isOutdated("p-bob", entry("bob").claim)).toBe(true);
  roster.handleTimeout(3 * CLAIM_KEPT_MS);
  expect(roster.isOutdated("p-bob", entry("bob").claim)).toBe(false);
});

test("[P16] a local participant with a newer claim elsewhere is let go without a leave", () => {
  const { roster, news } = recorded();
  roster.putLocal(entry("bob"));
  roster.apply("x", word(1, [entry("bob", { epoch: 2 })]));
  expect(news).toEqual(["+bob@me", "lost s-bob", "~bob@x active"]);
  expect(roster.localCount).toBe(0);
});

test("[P16] a foreign claim that is not newer does not touch a local participant", () => {
  const { roster, news } = recorded();
  roster.putLocal(entry("bob", { epoch: 2 }));
  roster.apply("x", word(1, [entry("bob")]));
  expect(news).toEqual(["+bob@me"]);
  expect(seen(roster)).toEqual(["bob@me"]);
});

test("[P17] the same word again brings a node back that was thought dead", () => {
  const { roster, news } = recorded();
  roster.apply("x", word(3, [entry("bob")]));
  roster.nodeDown("x", "nodeFailed", 0);
  expect(roster.stampOf("x")).toBeUndefined();
  expect(roster.apply("x", word(3, [entry("bob")]))).toBe("applied");
  expect(roster.stampOf("x")).toEqual({ boot: "boot", version: 3 });
  roster.handleTimeout(RESUME_MS);
  expect(news).toEqual(["+bob@x", "~bob@x reconnecting", "~bob@x active"]);
});

// Property: however the words of three nodes are ordered, repeated and lost, as long as the last word of each arrives
// at some time, every receiver shows the same.
test("[P18] any order, repetition and loss of words ends the same", () => {
  const people = ["ann", "bob", "cid"];
  const wordOf = fc.record({
    node: fc.constantFrom("x", "y", "z"),
    served: fc.subarray(people),
    epoch: fc.integer({ min: 1, max: 4 }),
  });
  fc.assert(
    fc.property(fc.array(wordOf, { maxLength: 12 }), fc.infiniteStream(fc.nat()), (words, chance) => {
      const versions = new Map<string, number>();
      const numbered = words.map(({ node, served, epoch }) => {
        const version = (versions.get(node) ?? 0) + 1;
        versions.set(node, version);
        return {
          node,
          state: word(
            version,
            served.map((person) => entry(person, { epoch })),
          ),
        };
      });
      const draw = (): number => chance.next().value;
      const results = [0, 1].map(() => {
        const { roster } = recorded();
        const last = new Map(numbered.map((item) => [item.node, item]));
        const isLast = (item: (typeof numbered)[number]): boolean => last.get(item.node) === item;
        const sent = numbered.flatMap((item) => (isLast(item) ? [item, item] : [item]));
        const shuffled = sent.map((item) => ({ item, at: draw() })).sort((a, b) => a.at - b.at);
        for (const { item } of shuffled) roster.apply(item.node, item.state);
        return roster;
      });
      const everyone = (roster: Roster): readonly (string | undefined)[] =>
        people.map((person) => roster.shown(`p-${person}`)?.node);
      const newest = results.map((roster) => everyone(roster));
      const stale = new Set(people.filter((person) => isVoidSomewhere(person, numbered)));
      for (const [i, person] of people.entries())
        if (!stale.has(person)) expect(newest[0]?.[i]).toEqual(newest[1]?.[i]);
      for (const roster of results)
        for (const node of ["x", "y", "z"]) expect(roster.stampOf(node)?.version).toBe(versions.get(node));
    }),
    { seed: 5, numRuns: 200 },
  );
});

/** A claim in an overtaken word that is newer than every claim in the last words: who missed it cannot know of it. */
function isVoidSomewhere(
  person: string,
  words: readonly { readonly node: string; readonly state: NodeState }[],
): boolean {
  const last = new Map(words.map((item) => [item.node, item]));
  const epochs = (items: Iterable<{ readonly state: NodeState }>): readonly number[] =>
    [...items].flatMap(({ state }) =>
      state.participants.filter((p) => p.participantId === `p-${person}`).map((p) => p.claim.epoch),
    );
  return Math.max(0, ...epochs(words)) > Math.max(0, ...epochs(last.values()));
}

test("[P30] the number of nodes in a room is bounded, and nodes that left make place", () => {
  const { roster } = recorded();
  for (let i = 0; i < MAX_NODES_PER_ROOM; i += 1) roster.apply(`n${i}`, word(1, [entry(`e${i}`)]));
  expect(roster.apply("late", word(1, [entry("late")]))).toBe("too_many_nodes");
  expect(roster.apply("n7", word(2, []))).toBe("applied");
  expect(roster.apply("late", word(1, [entry("late")]))).toBe("applied");
});
