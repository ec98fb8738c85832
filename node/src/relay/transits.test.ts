import { expect, test } from "@jest/globals";
import { bench, connectedAnswerer, TRACK } from "../../test/relay/trunk-bench.ts";
import type { MeshNode } from "../mesh/mesh.ts";
import { MAX_TRANSIT_STREAMS, Transits, type TransitTrunk } from "./transits.ts";
import type { OpenBody } from "./trunk-messages.ts";
import type { TrunkSession } from "./trunk-session.ts";

const SELF: MeshNode = {
  ...{ name: "c", url: "http://c.test", region: "", draining: false, version: "1", capacity: 1, forwards: true },
  media: [],
};
const open = (ssrc: number, origin = "o"): OpenBody => ({
  ...{ trunkId: "t1", roomId: "r", trackId: TRACK.trackId, layer: "", ssrc, rtxSsrc: ssrc + 1 },
  transit: { origin, track: TRACK },
});

class Forwarder {
  self = SELF;
  forwards = true;
  via: string | undefined;
  readonly made = connectedAnswerer();
  readonly trunk: TransitTrunk = {
    peer: "p",
    session: this.made.session,
    run: <T>(work: (session: TrunkSession, nowMs: number) => T) => work(this.made.session, 0),
  };
  readonly transits = new Transits({
    self: () => this.self,
    trunks: () => [this.trunk],
    ways: { viaOf: () => this.via, legTo: () => ({ forwards: this.forwards, lossRatio: null }) },
  });

  take(body: OpenBody): string {
    const refusal = this.transits.refusal(this.trunk, body);
    if (refusal === undefined) this.made.session.handleOpen(body, true, 0);
    return refusal ?? "taken";
  }
}

test("[Y80] a node forwards while it says so, up to a bound; what is asked again is not more", () => {
  const node = new Forwarder();
  for (let i = 0; i < MAX_TRANSIT_STREAMS; i += 1) {
    const body = open(2 * i + 1);
    // Each another track, or the same layer under a new SSRC would replace the former.
    const trackId = `k${i}`;
    const track = { ...TRACK, trackId };
    expect(node.take({ ...body, trackId, transit: { origin: "o", track } })).toBe("taken");
  }
  expect(node.transits.count()).toBe(MAX_TRANSIT_STREAMS);
  expect(node.take(open(9_999))).toBe("too_many_streams");
  expect(node.take(open(1))).toBe("taken");
  const other = new Forwarder();
  other.self = { ...SELF, draining: true };
  expect(other.take(open(1))).toBe("not_forwarding");
  other.self = { ...SELF, forwards: false };
  expect(other.take(open(1))).toBe("not_forwarding");
});

test("[Y81] nothing goes back to whose it is, nothing of this node's own, and nothing that takes a detour itself", () => {
  const node = new Forwarder();
  expect(node.take(open(1, "p"))).toBe("not_forwarding");
  expect(node.take(open(1, "c"))).toBe("not_forwarding");
  node.forwards = false;
  expect(node.take(open(1))).toBe("no_way");
  node.forwards = true;
  expect(node.take(open(1))).toBe("taken");
  expect(node.transits.wanted()).toEqual([{ origin: "o", stream: { roomId: "r", track: TRACK, layer: "" } }]);
  node.via = "d";
  expect(node.transits.wanted()).toEqual([]);
  const { transit: _, ...own } = open(1);
  expect(node.transits.refusal(node.trunk, own)).toBeUndefined();
});

test("[Y83] what lost its way is given back at once, and only that", () => {
  const node = new Forwarder();
  node.take(open(1));
  node.transits.dropBroken();
  expect(node.transits.count()).toBe(1);
  node.forwards = false;
  node.transits.dropBroken();
  expect(node.transits.count()).toBe(0);
  expect(node.made.last("trunk.stopped").body).toEqual({ trunkId: "t1", ssrc: 1 });
  expect(bench("a").session.transits()).toEqual([]);
});
