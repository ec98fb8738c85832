import { expect, test } from "@jest/globals";
import { bench, connectedAnswerer, connectedOfferer, current, NOTHING, TRACK } from "../../test/relay/trunk-bench.ts";
import { IDLE_CLOSE_MS } from "./trunk-timing.ts";

const TRANSIT = { origin: "c", track: TRACK };
const FORWARDED = { roomId: "r", trackId: "k", layer: "", ssrc: 7, rtxSsrc: 8, transit: TRANSIT };

test("[Y83] what is not forwarded any more is stopped and said; other streams go on", () => {
  const made = connectedAnswerer();
  const trunkId = "t1";
  made.session.handleOpen({ ...FORWARDED, trunkId }, true, 0);
  made.session.handleOpen({ trunkId, roomId: "r", trackId: "own", layer: "", ssrc: 9, rtxSsrc: 10 }, true, 0);
  made.session.keepSending((_, trackId) => trackId === "own", 0);
  made.session.stopTransit("d", 0);
  expect(made.session.transits()).toHaveLength(1);
  made.session.stopTransit("c", 0);
  expect(made.session.transits()).toEqual([]);
  expect(made.did.filter((deed) => deed.startsWith("stop"))).toEqual(["stop 7"]);
  expect(made.last("trunk.stopped").body).toEqual({ trunkId, ssrc: 7 });
  expect(made.session.egressCount).toBe(1);
});

test("[Y73] a forwarder's refusal, and its word that it stopped, are told as a way that failed", () => {
  const made = connectedOfferer(new Map([["one", { roomId: "r", track: TRACK, layer: "", origin: "c" }]]));
  made.session.handleAllocated(current(made), 1, { ssrc: 7, rtxSsrc: 8 }, 0);
  expect(made.last("trunk.open").body).toMatchObject({ ssrc: 7, transit: TRANSIT });
  made.session.handleReply(made.last("trunk.open").id, { ok: false, code: "no_way" }, 0);
  made.session.handleTimeout(1_000);
  made.session.handleReply(made.last("trunk.open").id, { ok: true, body: {} }, 1_000);
  made.session.handleStopped({ trunkId: current(made), ssrc: 7 }, 1_000);
  expect(made.did.filter((deed) => deed.startsWith("no way"))).toEqual(["no way to c", "no way to c"]);
});

test("[Y77] a trunk that is needed is made and kept though nothing comes over it", () => {
  const made = bench("a");
  made.session.setNeeded(true, 0);
  expect(made.did).toEqual(["create"]);
  made.session.handleCreated(current(made), undefined, 0);
  made.session.handleTimeout(0);
  expect(made.did.filter((deed) => deed === "create")).toHaveLength(2);
  const up = connectedOfferer(NOTHING);
  up.session.setNeeded(true, 0);
  expect(up.session.deadlineMs()).toBe(Number.POSITIVE_INFINITY);
  up.session.setNeeded(false, 1_000);
  expect(up.session.deadlineMs()).toBe(1_000 + IDLE_CLOSE_MS);
});
