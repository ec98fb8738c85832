import { describe, expect, test } from "@jest/globals";
import type { NodeInfo } from "#protocol";
import { placeNearest } from "./nearest.ts";

const node = (name: string, draining = false): NodeInfo => ({ name, url: `http://${name}`, region: "x", draining });
const [ada, bell, curie] = [node("ada"), node("bell"), node("curie")];

describe("nearest placement", () => {
  test("[A18] the least measured round trip wins, and the answer says why", () => {
    const place = placeNearest(
      [ada, bell, curie],
      [
        { node: "ada", rttMs: 40 },
        { node: "curie", rttMs: 8.25 },
        { node: "bell", rttMs: 12 },
        { node: "ada", rttMs: 30 },
        { node: "unknown", rttMs: 1 },
      ],
    );
    expect(place.chosen).toEqual({ node: curie, rttMs: 8.25 });
    expect(place.alternatives).toEqual([
      { node: bell, rttMs: 12 },
      { node: ada, rttMs: 30 },
    ]);
    expect(place.why).toBe("curie, because it is the nearest: 8.3 ms round trip; the next is bell with 12 ms");
  });

  test("[A18] without measurements it is the node that was asked; measured ones come before the others", () => {
    expect(placeNearest([bell, ada], []).chosen).toEqual({ node: bell });
    expect(placeNearest([bell, ada], []).why).toContain("no round trips were measured");
    expect(placeNearest([bell, ada], [{ node: "ada", rttMs: 900 }]).chosen.node).toEqual(ada);
    expect(
      placeNearest(
        [curie, bell, ada],
        [
          { node: "bell", rttMs: 5 },
          { node: "ada", rttMs: 5 },
        ],
      ).chosen.node,
    ).toEqual(ada);
  });

  test("[A18] a draining node is taken only when there is no other", () => {
    const leaving = node("ada", true);
    expect(placeNearest([leaving, bell], [{ node: "ada", rttMs: 1 }]).chosen).toEqual({ node: bell });
    expect(placeNearest([leaving, bell], []).why).toContain("going away");
    expect(placeNearest([leaving], []).chosen).toEqual({ node: leaving });
  });
});
