import { expect, test } from "@jest/globals";
import { aliveOf, Harness, peer } from "../../test/harness.ts";
import { LOCAL } from "../options.ts";
import { lamportTime, nodeName, seqNo } from "../types.ts";

/** Two others under the profile that tells everything twice only; everything told and the last round long over. */
function three(seed: number): Harness {
  const h = new Harness({ profile: LOCAL }, seed);
  h.meet(2, 3);
  h.advanceAnswering(10_000);
  h.clear();
  return h;
}

const NEWS = { kind: "join", lamportTime: lamportTime(50), node: nodeName("p9") } as const;
const toldTo = (h: Harness): string[] => h.of("user").map(({ to }) => to.host);

test("[M35] who brought news is told last, so that the third of three hears it though a ride was wasted on the first", () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const h = three(seed);
    // A round, so that what comes next has to wait.
    h.feed(aliveOf(3, 2, { hearsay: "1", new: "tag" }), peer(3));
    h.advance(0);
    h.clear();
    h.feedSerf(NEWS, peer(2));
    // The acknowledgement takes the news back to where it came from: one of two times.
    h.feed({ kind: "ping", seqNo: seqNo(900), node: nodeName("self") }, peer(2));
    expect(toldTo(h)).toEqual(["10.0.0.2"]);
    h.advanceAnswering(500);
    expect(toldTo(h)).toContain("10.0.0.3");
  }
});

test("[M35] with nothing noted, or after one round, the order is chance again", () => {
  const first = new Set<string>();
  for (let seed = 1; seed <= 20; seed += 1) {
    const h = three(seed);
    h.core.setTags({ hearsay: "1", seed: `${seed}` }, h.nowMs);
    h.advance(0);
    first.add(h.of("alive")[0]?.to.host ?? "");
  }
  expect([...first].sort()).toEqual(["10.0.0.2", "10.0.0.3"]);
});
