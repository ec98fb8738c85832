import { describe, expect, test } from "@jest/globals";
import type { UserEvent } from "../../src/sink.ts";
import { member } from "../../test/rpc/fake-agent.ts";
import type { QueryCall } from "../queries.ts";
import { parseEventScript } from "./event-handlers.ts";
import { isWanted, type MembersEvent, type OperatorEvent, parseEventFilters } from "./events.ts";

const joined: MembersEvent = { kind: "members", change: "joined", members: [member("a", "10.0.0.1")] };
const deploy = { kind: "userEvent", name: "deploy" } as UserEvent;
const ask = { kind: "query", name: "ask" } as QueryCall;

describe("[A4] filters", () => {
  test.each<[string, readonly OperatorEvent[]]>([
    ["", [joined, deploy, ask]],
    ["*", [joined, deploy, ask]],
    ["member-join", [joined]],
    ["member-leave", []],
    ["member-leave,member-join", [joined]],
    ["user", [deploy]],
    ["user:deploy", [deploy]],
    ["user:other", []],
    ["user:", [deploy]],
    ["query", [ask]],
    ["query:ask,user:other", [ask]],
    ["query:deploy", []],
  ])("%j", (text, wanted) => {
    const filters = parseEventFilters(text);
    expect([joined, deploy, ask].filter((event) => isWanted(filters ?? [], event))).toEqual(wanted);
  });

  test.each(["zork", "member-join,", "member", "member-join:x", "*:x", " user"])("%j is none", (text) => {
    expect(parseEventFilters(text)).toBeUndefined();
  });

  test("are bounded in number", () => {
    expect(parseEventFilters("user,".repeat(63).concat("user"))).toHaveLength(64);
    expect(parseEventFilters("user,".repeat(64).concat("user"))).toBeUndefined();
  });
});

describe("[A4] a handler is a script, with filters in front of the first equals sign", () => {
  test.each([
    ["handle.sh", [{ event: "*", name: "" }], "handle.sh"],
    ["member-join=join.sh -v", [{ event: "member-join", name: "" }], "join.sh -v"],
    [
      "user:deploy,query=x=1 y.sh",
      [
        { event: "user", name: "deploy" },
        { event: "query", name: "" },
      ],
      "x=1 y.sh",
    ],
    ["=x", [{ event: "*", name: "" }], "x"],
  ])("%j", (text, filters, script) => {
    expect(parseEventScript(text)).toEqual({ filters, script });
  });

  test("others are refused with the reference's words", () => {
    expect(() => parseEventScript("zork=foo")).toThrow("Invalid event script: Event 'zork' invoking 'foo'");
    expect(() => parseEventScript("user=")).toThrow("Invalid event script");
    expect(() => parseEventScript("")).toThrow("Invalid event script");
  });
});
