import { expect, test } from "@jest/globals";
import type { UserEvent } from "../../src/sink.ts";
import { lamportTime } from "../../src/types.ts";
import { member } from "../../test/rpc/fake-agent.ts";
import type { QueryCall } from "../queries.ts";
import { eventEnvironment, eventInput } from "./script-input.ts";

const self = member("me", "10.0.0.1", { role: "web", "da-ta": "a b", émile: "x" });
const user = (name: string, payload: string): UserEvent => ({
  kind: "userEvent",
  lamportTime: lamportTime(7),
  name,
  payload: Buffer.from(payload),
  coalesce: true,
});

test("[A5] the environment says what happened, to whom we are", () => {
  const base = {
    SERF_SELF_NAME: "me",
    SERF_SELF_ROLE: "web",
    SERF_TAG_ROLE: "web",
    SERF_TAG_DA_TA: "a b",
    SERF_TAG__MILE: "x",
  };
  expect(eventEnvironment({ kind: "members", change: "reaped", members: [] }, self)).toEqual({
    ...base,
    SERF_EVENT: "member-reap",
  });
  expect(eventEnvironment(user("deploy", ""), self)).toEqual({
    ...base,
    SERF_EVENT: "user",
    SERF_USER_EVENT: "deploy",
    SERF_USER_LTIME: "7",
  });
  const call: QueryCall = {
    kind: "query",
    name: "ask",
    payload: new Uint8Array(0),
    from: "b",
    lamportTime: 9,
    respond: () => undefined,
  };
  expect(eventEnvironment(call, self)).toEqual({
    ...base,
    SERF_EVENT: "query",
    SERF_QUERY_NAME: "ask",
    SERF_QUERY_LTIME: "9",
  });
});

test("[A5] a name with a NUL, which no environment can hold, loses it", () => {
  expect(eventEnvironment(user("a\0b", ""), self)["SERF_USER_EVENT"]).toBe("ab");
});

test("[A6] members are lines of name, address, role and tags, with tabs and line ends escaped", () => {
  const members = [member("a", "10.0.0.2", { role: "db", x: "1\t2\n3" }), member("b\tc", "fe80::1")];
  const text = Buffer.from(eventInput({ kind: "members", change: "joined", members })).toString();
  expect(text).toBe("a\t10.0.0.2\tdb\trole=db,x=1\\t2\\n3\nb\\tc\tfe80::1\t\t\n");
});

test("[A6] a payload ends with a line end, unless it is empty", () => {
  const given = (payload: string): string => Buffer.from(eventInput(user("x", payload))).toString();
  expect([given("v1"), given("v1\n"), given("")]).toEqual(["v1\n", "v1\n", ""]);
});
