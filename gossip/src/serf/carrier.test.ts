import { describe, expect, test } from "@jest/globals";
import { Harness, peer, pushPull, stateOf } from "../../test/harness.ts";
import { lamportTime, nodeName } from "../types.ts";
import { encodeSerf } from "../wire/encode-serf.ts";

const p = (number: number) => nodeName(`p${number}`);
const EMPTY = new Uint8Array(0);

describe("carried for others", () => {
  const eventOf = (time: number, name: string) =>
    ({ kind: "userEvent", lamportTime: lamportTime(time), name, payload: Uint8Array.of(7), coalesce: true }) as const;
  const queryOf = (id: number, flags: number) =>
    ({
      kind: "query",
      lamportTime: lamportTime(3),
      id,
      addr: Uint8Array.of(10, 0, 0, 2),
      port: 7946,
      sourceNode: p(2),
      filters: [],
      flags,
      relayFactor: 0,
      timeoutNs: 1e9,
      name: "q",
      payload: EMPTY,
    }) as const;

  test("[S13] a user event is told once and passed on", () => {
    const h = new Harness();
    h.meet(2, 3);
    h.told();
    h.feedSerf(eventOf(4, "deploy"));
    h.feedSerf(eventOf(4, "deploy"));
    expect(h.events.filter((event) => event.kind === "userEvent")).toMatchObject([{ name: "deploy", coalesce: true }]);
    expect(h.told()).toEqual([eventOf(4, "deploy")]);
  });

  test("[S13] a join that ignores what is old is not told of it", () => {
    const h = new Harness();
    h.core.join([peer(2)], h.nowMs, { ignoreOld: true });
    const slot = (time: number) => ({ lamportTime: lamportTime(time), events: [{ name: `e${time}`, payload: EMPTY }] });
    h.answer(h.opened[0]!.id, pushPull([], stateOf({ eventTime: lamportTime(10), events: [slot(9), slot(10)] }), true));
    expect(h.events.flatMap((event) => (event.kind === "userEvent" ? [event.name] : []))).toEqual(["e10"]);
  });

  test("[S14] a query is passed on once, unless its flags forbid it", () => {
    const h = new Harness();
    h.meet(2, 3);
    h.told();
    for (const message of [queryOf(1, 0), queryOf(1, 0), queryOf(2, 2), queryOf(3, 1)]) h.feedSerf(message);
    expect(
      h
        .told()
        .map((message) => message.kind === "query" && message.id)
        .toSorted(),
    ).toEqual([1, 3]);
    expect(h.core.stats()["query_time"]).toBe(4);
  });

  test("[S14] a relayed message goes on to its address", () => {
    const h = new Harness();
    const inner = encodeSerf({
      kind: "queryResponse",
      lamportTime: lamportTime(3),
      id: 9,
      from: p(2),
      flags: 1,
      payload: EMPTY,
    });
    h.feedSerf({ kind: "relay", addr: Uint8Array.of(10, 0, 0, 8), port: 7000, node: p(8), payload: inner });
    expect(h.of("user")).toMatchObject([{ to: { host: "10.0.0.8", port: 7000 } }]);
    expect([...h.of("user")[0]!.payload]).toEqual([...inner]);
  });

  test("[S14] what we have no use for is counted", () => {
    const h = new Harness();
    h.feedSerf({ kind: "keyRequest", key: EMPTY });
    h.feed({ kind: "user", payload: Uint8Array.of(200, 1, 2) });
    h.feed({ kind: "user", payload: EMPTY });
    expect(h.drops).toEqual(["unsupported_user_message", "unknown_type", "empty"]);
  });
});
