import { expect, test } from "@jest/globals";
import {
  bench,
  connectedAnswerer,
  connectedOfferer,
  current,
  NOTHING,
  openBody,
  PARAMETERS,
  VERSIONS,
  WANTED,
} from "../../test/relay/trunk-bench.ts";
import { MAX_STREAMS_PER_TRUNK } from "./trunk-streams.ts";
import { IDLE_CLOSE_MS, SILENT_GRACE_MS, STEP_TIMEOUT_MS, VERSION_REST_MS } from "./trunk-timing.ts";

test("[Y15] the lower name makes its end and offers, the higher asks", () => {
  const lower = bench("a");
  lower.session.setWanted(WANTED, 0);
  expect(lower.did).toEqual(["create"]);
  lower.session.handleCreated(current(lower), PARAMETERS, 0);
  expect(lower.last("trunk.offer").body).toEqual({
    trunkId: current(lower),
    versions: VERSIONS,
    parameters: PARAMETERS,
  });
  const higher = bench("b");
  higher.session.setWanted(WANTED, 0);
  expect(higher.did).toEqual([]);
  expect(higher.last("trunk.ask").body).toEqual({ versions: VERSIONS, lost: null });
});

test("[Y16] asks at the higher name and offers at the lower are refused and change nothing", () => {
  const higher = bench("b");
  expect(higher.session.handleAsk({ versions: VERSIONS, lost: null }, 0)).toEqual({ ok: false, code: "not_offerer" });
  const lower = bench("a");
  const offer = { trunkId: "t", versions: VERSIONS, parameters: PARAMETERS };
  expect(lower.session.handleOffer(offer, 0)).toEqual({ ok: false, code: "not_offerer" });
  expect([lower.session.phase, higher.session.phase, lower.did, higher.did]).toEqual(["idle", "idle", [], []]);
});

test("[Y11] neighbouring versions agree, others are refused and rest for a minute", () => {
  const newer = bench("b", { min: 2, max: 3 });
  const offer = { trunkId: "t", versions: { min: 1, max: 2 }, parameters: PARAMETERS };
  expect(newer.session.handleOffer(offer, 0)).toEqual({ ok: true, version: 2 });
  expect(bench("b", { min: 3, max: 4 }).session.handleOffer({ ...offer, versions: VERSIONS }, 0)).toEqual({
    ...{ ok: false, code: "trunk_version" },
  });
  const older = bench("a");
  older.session.setWanted(WANTED, 0);
  older.session.handleCreated(current(older), PARAMETERS, 0);
  older.session.handleReply(older.last("trunk.offer").id, { ok: false, code: "trunk_version" }, 0);
  expect(older.session.phase).toBe("resting");
  expect(older.session.deadlineMs()).toBe(VERSION_REST_MS);
});

test("[Y11] an answer of a version that was not offered is not believed", () => {
  const made = bench("a");
  made.session.setWanted(WANTED, 0);
  made.session.handleCreated(current(made), PARAMETERS, 0);
  const body = { version: 3, parameters: PARAMETERS };
  made.session.handleReply(made.last("trunk.offer").id, { ok: true, body }, 0);
  expect(made.did).toEqual(["create", "destroy"]);
  expect(made.session.phase).toBe("resting");
});

test("[Y18] what comes late about an older trunk changes nothing", () => {
  const made = bench("a");
  made.session.setWanted(WANTED, 0);
  const old = current(made);
  made.session.handleCreated(old, PARAMETERS, 0);
  const offer = made.last("trunk.offer");
  made.session.handleTimeout(STEP_TIMEOUT_MS);
  made.session.handleTimeout(STEP_TIMEOUT_MS);
  expect(current(made)).not.toBe(old);
  made.did.length = 0;
  made.session.handleReply(offer.id, { ok: true, body: { version: 1, parameters: PARAMETERS } }, 6_000);
  made.session.handleCreated(old, PARAMETERS, 6_000);
  made.session.handleTransport(old, "connected", 6_000);
  made.session.handleTransport(old, "gone", 6_000);
  expect(made.session.handleAnswering(old, true, 6_000)).toBe(false);
  expect(made.session.handleEnd(old, 6_000)).toEqual({ ok: false, code: "unknown_trunk" });
  expect(made.did).toEqual([]);
  expect(made.session.phase).toBe("creating");
});

test("[Y19] failed attempts pause longer and longer, up to 15 s, and stop when nothing is wanted", () => {
  const made = bench("a");
  made.session.setWanted(WANTED, 0);
  const pausesMs: number[] = [];
  let nowMs = 0;
  for (let i = 0; i < 10; i += 1) {
    made.session.handleCreated(current(made), undefined, nowMs);
    pausesMs.push(made.session.deadlineMs() - nowMs);
    nowMs = made.session.deadlineMs();
    made.session.handleTimeout(nowMs);
  }
  expect(pausesMs).toEqual([0, 250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]);
  made.session.handleCreated(current(made), undefined, nowMs);
  made.session.setWanted(NOTHING, nowMs);
  made.session.handleTimeout(nowMs + 60_000);
  expect(made.session.phase).toBe("idle");
  expect(made.session.deadlineMs()).toBe(Number.POSITIVE_INFINITY);
});

test("[Y19] a step that never ends is given up and tried anew", () => {
  const asking = bench("b");
  asking.session.setWanted(WANTED, 0);
  asking.session.handleReply(asking.last("trunk.ask").id, { ok: true, body: {} }, 10);
  asking.session.handleTimeout(STEP_TIMEOUT_MS - 1);
  expect(asking.session.phase).toBe("asking");
  asking.session.handleTimeout(STEP_TIMEOUT_MS);
  asking.session.handleTimeout(STEP_TIMEOUT_MS);
  expect(asking.requests.map((request) => request.topic)).toEqual(["trunk.ask", "trunk.ask"]);
  expect(asking.session.phase).toBe("asking");
});

test("[Y20] a silent trunk is reported at once and remade after a while if something is wanted", () => {
  const made = connectedOfferer();
  const old = current(made);
  made.did.length = 0;
  made.session.handleTransport(old, "silent", 1_000);
  made.session.handleTransport(old, "silent", 1_100);
  expect(made.did).toEqual(["report"]);
  made.session.handleTimeout(1_000 + SILENT_GRACE_MS);
  made.session.handleTimeout(made.session.deadlineMs());
  expect(made.did).toEqual(["report", "destroy", "create"]);
});

test("[Y20] a silent trunk that its sender has lost is made anew at once", () => {
  const made = connectedOfferer();
  made.session.handleAllocated(current(made), 1, { ssrc: 5, rtxSsrc: 6 }, 0);
  made.session.handleReply(made.last("trunk.open").id, { ok: true, body: {} }, 0);
  const opens = made.requests.length;
  made.session.handleTransport(current(made), "silent", 1_000);
  expect(made.requests).toHaveLength(opens + 1);
  made.session.handleReply(made.last("trunk.open").id, { ok: false, code: "unknown_trunk" }, 1_050);
  expect(made.session.deadlineMs()).toBe(1_050);
});

test("[Y20] a silent trunk that comes back goes on as it was", () => {
  const made = connectedOfferer();
  made.did.length = 0;
  made.session.handleTransport(current(made), "silent", 1_000);
  made.session.handleTransport(current(made), "connected", 1_000 + SILENT_GRACE_MS - 1);
  made.session.handleTimeout(10_000);
  expect(made.did).toEqual(["report"]);
  expect(made.session.phase).toBe("connected");
});

test("[Y20] a silent trunk that only sends is left to its receiver to ask for anew", () => {
  const made = connectedAnswerer();
  made.session.handleOpen(openBody("t1"), true, 0);
  made.session.handleTransport("t1", "silent", 1_000);
  made.session.handleTimeout(60_000);
  expect(made.session.phase).toBe("silent");
  made.session.handleTransport("t1", "gone", 61_000);
  made.session.handleTimeout(61_000);
  expect(made.session.phase).toBe("idle");
  expect(made.requests).toEqual([]);
});

test("[Y22] a trunk without streams says so after a minute and ends; the other end does the same", () => {
  const made = connectedOfferer(NOTHING);
  expect(made.session.deadlineMs()).toBe(IDLE_CLOSE_MS);
  made.session.handleTimeout(IDLE_CLOSE_MS - 1);
  expect(made.session.phase).toBe("connected");
  made.session.handleTimeout(IDLE_CLOSE_MS);
  expect(made.last("trunk.end").body).toHaveProperty("trunkId");
  expect([made.session.phase, made.session.trunkId]).toEqual(["idle", undefined]);
  const other = connectedAnswerer();
  expect(other.session.handleEnd("t1", 0)).toEqual({ ok: true });
  expect(other.did).toEqual(["destroy"]);
  expect(other.session.phase).toBe("idle");
});

test("[Y22] a stream in time keeps the trunk", () => {
  const made = connectedAnswerer();
  made.session.handleOpen(openBody("t1"), true, 59_000);
  made.session.handleTimeout(IDLE_CLOSE_MS);
  expect(made.session.phase).toBe("connected");
  made.session.handleClose({ trunkId: "t1", ssrc: 10 }, 70_000);
  expect(made.session.deadlineMs()).toBe(70_000 + IDLE_CLOSE_MS);
});

test("[Y23] only published streams of this trunk are sent, each layer under one SSRC", () => {
  const made = connectedAnswerer();
  expect(made.session.handleOpen(openBody("older"), true, 0)).toEqual({ ok: false, code: "unknown_trunk" });
  expect(made.session.handleOpen(openBody("t1"), false, 0)).toEqual({ ok: false, code: "unknown_track" });
  expect(made.session.handleOpen(openBody("t1"), true, 0)).toEqual({ ok: true });
  expect(made.session.handleOpen(openBody("t1", { ssrc: 20, rtxSsrc: 21 }), true, 0)).toEqual({ ok: true });
  expect(made.did).toEqual(["send 10", "stop 10", "send 20"]);
  expect(made.session.egressCount).toBe(1);
});

test("[Y23] the number of streams is bounded", () => {
  const made = connectedAnswerer();
  for (let i = 1; i <= MAX_STREAMS_PER_TRUNK; i += 1)
    made.session.handleOpen(openBody("t1", { trackId: `k${i}`, ssrc: 2 * i, rtxSsrc: 2 * i + 1 }), true, 0);
  const late = openBody("t1", { trackId: "late", ssrc: 9_000_000 });
  expect(made.session.handleOpen(late, true, 0)).toEqual({ ok: false, code: "too_many_streams" });
  expect(made.session.egressCount).toBe(MAX_STREAMS_PER_TRUNK);
});

test("[Y24] what is asked before our end is up is sent once it is", () => {
  const made = bench("b");
  made.session.handleOffer({ trunkId: "t1", versions: VERSIONS, parameters: PARAMETERS }, 0);
  made.session.handleAnswering("t1", true, 0);
  expect(made.session.handleOpen(openBody("t1"), true, 0)).toEqual({ ok: true });
  expect(made.did).toEqual([]);
  made.session.handleTransport("t1", "connected", 10);
  expect(made.did).toEqual(["send 10"]);
});

test("[Y25] what is not published any more is not sent any more", () => {
  const made = connectedAnswerer();
  made.session.handleOpen(openBody("t1"), true, 0);
  made.session.handleOpen(openBody("t1", { trackId: "k2", ssrc: 20 }), true, 0);
  made.session.keepSending((_, trackId) => trackId === "k2", 5);
  expect(made.did).toEqual(["send 10", "send 20", "stop 10"]);
});

test("[Y26] an ask replaces the trunk that the asker has lost, and no other", () => {
  const made = connectedOfferer();
  const trunkId = current(made);
  made.session.handleAsk({ versions: VERSIONS, lost: "an older one" }, 0);
  expect(current(made)).toBe(trunkId);
  made.session.handleAsk({ versions: VERSIONS, lost: trunkId }, 0);
  expect(current(made)).not.toBe(trunkId);
  const renewed = current(made);
  made.session.handleAsk({ versions: VERSIONS, lost: null }, 0);
  expect(current(made)).toBe(renewed);
});

test("[Y27] a trunk that is made ready carries nothing, and is not tried again when that fails", () => {
  const made = bench("a");
  made.session.prepare(0);
  made.session.prepare(0);
  expect(made.did).toEqual(["create"]);
  made.session.handleCreated(current(made), undefined, 0);
  made.session.handleTimeout(0);
  expect([made.session.phase, made.session.deadlineMs()]).toEqual(["idle", Number.POSITIVE_INFINITY]);
});

test("[Y40] nothing is asked for before the trunk is up, and SSRCs are chosen first", () => {
  const made = bench("a");
  made.session.setWanted(WANTED, 0);
  made.session.handleCreated(current(made), PARAMETERS, 0);
  const answer = { version: 1, parameters: PARAMETERS };
  made.session.handleReply(made.last("trunk.offer").id, { ok: true, body: answer }, 0);
  expect(made.did).toEqual(["create", "connect"]);
  made.session.handleTransport(current(made), "connected", 0);
  expect(made.did).toEqual(["create", "connect", "allocate 1"]);
  expect(made.requests).toHaveLength(1);
  made.session.handleAllocated(current(made), 1, { ssrc: 5, rtxSsrc: 6 }, 0);
  expect(made.last("trunk.open").body).toEqual(openBody(current(made), { ssrc: 5, rtxSsrc: 6 }));
});

test("[Y44] a new trunk brings all wanted streams anew", () => {
  const made = connectedOfferer();
  made.session.handleAllocated(current(made), 1, { ssrc: 5, rtxSsrc: 6 }, 0);
  made.session.handleReply(made.last("trunk.open").id, { ok: true, body: {} }, 0);
  expect(made.session.ingressCount).toBe(1);
  made.session.handleTransport(current(made), "gone", 0);
  expect(made.session.ingressCount).toBe(0);
  made.session.handleTimeout(0);
  made.did.length = 0;
  made.session.handleCreated(current(made), PARAMETERS, 0);
  const answer = { version: 1, parameters: PARAMETERS };
  made.session.handleReply(made.last("trunk.offer").id, { ok: true, body: answer }, 0);
  made.session.handleTransport(current(made), "connected", 0);
  expect(made.did).toEqual(["connect", "allocate 2"]);
});

test("[Y44] a sender that does not know the trunk makes the receiver begin anew", () => {
  const made = connectedOfferer();
  made.session.handleAllocated(current(made), 1, { ssrc: 5, rtxSsrc: 6 }, 0);
  made.session.handleReply(made.last("trunk.open").id, { ok: false, code: "unknown_trunk" }, 0);
  expect(made.session.phase).toBe("resting");
});

test("[Y43] a stream that the media plane would not send is told as stopped", () => {
  const made = connectedAnswerer();
  made.session.handleOpen(openBody("t1"), true, 0);
  made.session.handleSendRefused("t1", 10, 0);
  made.session.handleSendRefused("t1", 10, 0);
  expect(made.requests.map(({ topic, body }) => [topic, body])).toEqual([
    ["trunk.stopped", { trunkId: "t1", ssrc: 10 }],
  ]);
});

test("[Y21] when its node is down a trunk ends, and nothing that comes later revives it", () => {
  const made = connectedOfferer();
  const trunkId = current(made);
  made.session.close();
  made.did.length = 0;
  made.session.handleAllocated(trunkId, 1, { ssrc: 5, rtxSsrc: 6 }, 0);
  made.session.handleTransport(trunkId, "connected", 0);
  made.session.handleTimeout(100_000);
  expect(made.did).toEqual([]);
  expect(made.session.deadlineMs()).toBe(Number.POSITIVE_INFINITY);
});

test("[Y11] a node of the version after this one, and one of the version before, find the version in common", () => {
  const next = bench("b", { min: 2, max: 3 });
  expect(next.session.handleOffer({ trunkId: "t1", versions: VERSIONS, parameters: PARAMETERS }, 0)).toEqual({
    ok: true,
    version: 2,
  });
  const before = bench("b", { min: 1, max: 1 });
  expect(before.session.handleOffer({ trunkId: "t1", versions: VERSIONS, parameters: PARAMETERS }, 0)).toEqual({
    ok: true,
    version: 1,
  });
  const far = { trunkId: "t1", versions: { min: 3, max: 4 }, parameters: PARAMETERS };
  expect(bench("b").session.handleOffer(far, 0)).toEqual({ ok: false, code: "trunk_version" });
});
