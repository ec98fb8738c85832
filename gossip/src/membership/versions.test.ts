import { describe, expect, test } from "@jest/globals";
import { aliveOf, Harness, peer, pushPull } from "../../test/harness.ts";
import { incarnation, nodeName, UsageError } from "../types.ts";
import { MessageType } from "../wire/message-type.ts";
import { understandEachOther } from "./member.ts";

type Vector = readonly [number, number, number, number, number, number];
const OURS = Uint8Array.of(1, 5, 2, 2, 5, 5);
/** p`number` with these versions. */
const speaking = (number: number, vsn: Vector, at = 1) => ({ ...aliveOf(number, at), vsn: Uint8Array.of(...vsn) });
const withMaximum = (number: number, max: number) => speaking(number, [1, max, 2, 2, 5, 5]);

describe("[M28] versions", () => {
  test.each<[string, Vector, boolean]>([
    ["ours", [1, 5, 2, 2, 5, 5], true],
    ["an older Serf", [1, 5, 2, 2, 4, 4], false],
    ["a newer Serf that speaks ours", [1, 5, 2, 3, 6, 5], true],
    ["an agent told to speak 2", [1, 5, 2, 2, 5, 2], true],
    ["a newer memberlist that forgot ours", [3, 6, 4, 2, 5, 5], false],
    ["a Serf that speaks what we do not know", [1, 5, 2, 2, 6, 6], false],
    ["a memberlist without Serf", [1, 5, 2, 0, 0, 0], false],
  ])("of %s", (_whose, vsn, fits) => {
    expect(understandEachOther(Uint8Array.of(...vsn), OURS)).toBe(fits);
    expect(understandEachOther(OURS, Uint8Array.of(...vsn))).toBe(fits);
  });

  test("that do not fit keep a member out, told by gossip or in an exchange", () => {
    const h = new Harness();
    h.feed(speaking(2, [3, 6, 4, 2, 5, 5]));
    expect(h.status("p2")).toBeUndefined();
    expect(h.drops).toEqual(["incompatible_version"]);
    const { addr, port, meta, vsn } = speaking(3, [1, 5, 2, 2, 6, 6]);
    const record = {
      node: nodeName("p3"),
      addr,
      port,
      meta,
      vsn,
      incarnation: incarnation(1),
      state: "alive",
    } as const;
    h.dialled(pushPull([record]));
    expect(h.status("p3")).toBeUndefined();
    expect(h.drops).toEqual(["incompatible_version", "incompatible_version"]);
  });

  test("that no longer fit do not change a member's record", () => {
    const h = new Harness();
    h.meet(2);
    h.feed(speaking(2, [1, 5, 2, 2, 6, 6], 2));
    expect(h.core.member("p2")).toMatchObject({ incarnation: 1, versions: [1, 5, 2, 2, 5, 5] });
  });

  test("that somebody invents for us are refuted", () => {
    const h = new Harness();
    h.feed({ ...speaking(1, [3, 6, 4, 2, 5, 5], 9), node: nodeName("self") });
    expect(h.core.localMember()).toMatchObject({ incarnation: 10, versions: [1, 5, 2, 2, 5, 5] });
  });

  test("decide on checksums", () => {
    const h = new Harness();
    h.feed([withMaximum(2, 4), withMaximum(3, 5)]);
    h.advanceAnswering(2_000);
    const gossip = h.sent.filter(({ messages }) => messages.some((message) => message.kind === "alive"));
    const bare = gossip.filter(({ messages }) => !messages.some(({ kind }) => kind === "ping" || kind === "ack"));
    const checked = (number: number) =>
      new Set(
        bare.filter(({ to }) => to.host === peer(number).host).map(({ bytes }) => bytes[0] === MessageType.hasCrc),
      );
    expect(checked(2)).toEqual(new Set([false]));
    expect(checked(3)).toEqual(new Set([true]));
  });

  test("decide on stream pings and nacks", () => {
    const h = new Harness();
    h.feed([withMaximum(2, 2), withMaximum(3, 3), withMaximum(4, 4)]);
    h.advance(20_000);
    expect(h.opened.map(({ to }) => to.host)).not.toContain(peer(2).host);
    expect(h.opened.map(({ to }) => to.host)).toContain(peer(3).host);
    const wanted = h.of("indirectPing").map(({ to, nack }) => ({ nack, isAble: to.host === peer(4).host }));
    expect(wanted.filter(({ nack, isAble }) => nack !== isAble)).toEqual([]);
    expect(new Set(wanted.map(({ nack }) => nack))).toEqual(new Set([true, false]));
  });
});

describe("[M29] an older Serf protocol of ours", () => {
  test("is told in our versions", () => {
    const h = new Harness({ serfProtocol: 4 });
    expect(h.core.localMember().versions).toEqual([1, 5, 2, 2, 5, 4]);
  });

  test("2 has the tag role alone", () => {
    const h = new Harness({ serfProtocol: 2, tags: { role: "db", region: "eu" } });
    expect(h.core.localMember().tags).toEqual({ role: "db" });
    h.core.setTags({ region: "eu" }, h.nowMs);
    expect(h.core.localMember().tags).toEqual({ role: "" });
  });

  test("below 4 has no queries", () => {
    const code = (serfProtocol: number): string | undefined => {
      const h = new Harness({ serfProtocol });
      try {
        h.core.query("q", new Uint8Array(0), { nowMs: h.nowMs });
      } catch (error) {
        return error instanceof UsageError ? error.code : "unexpected";
      }
      return undefined;
    };
    expect([2, 3, 4, 5].map(code)).toEqual(["unsupported_protocol", "unsupported_protocol", undefined, undefined]);
  });

  test.each([1, 6, 2.5])("is not %p", (serfProtocol) => {
    expect(() => new Harness({ serfProtocol })).toThrow(UsageError);
  });
});
