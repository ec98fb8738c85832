import { expect, test } from "@jest/globals";
import type { Member } from "../src/sink.ts";
import { member } from "../test/rpc/fake-agent.ts";
import { collectRows, readRow, rowBody } from "./measured-rows.ts";

const speaking = (name: string, more: Partial<Member> = {}): Member => ({
  ...member(name, "10.0.0.1", { hearsay: "1" }),
  ...more,
});

test("[R8] rows come from all living members that speak with us and answer; the others have none", async () => {
  const asked: string[] = [];
  const answers: Readonly<Record<string, unknown>> = { b: [["a", 2.5]], c: [["a", "near"]] };
  const rows = await collectRows({
    localMember: () => speaking("a"),
    members: () => [
      ...["a", "b", "c", "d"].map((name) => speaking(name)),
      speaking("e", { status: "failed" }),
      member("stock", "10.0.0.2"),
    ],
    measuredRtts: () => new Map([["b", 2]]),
    request: async (node) => {
      asked.push(node);
      if (node === "d") throw new Error("no answer in time");
      return answers[node];
    },
  });
  expect(asked).toEqual(["b", "c", "d"]);
  expect(rows).toEqual(
    new Map([
      ["a", new Map([["b", 2]])],
      ["b", new Map([["a", 2.5]])],
    ]),
  );
});

test("[R8] a row is read as it was told, and anything else is none", () => {
  const row = new Map([
    ["a", 0],
    ["__proto__", 1.5],
  ]);
  expect(readRow(rowBody(row))).toEqual(row);
  const odd = [null, {}, "x", [["a"]], [["a", Number.NaN]], [["a", -1]], [["a", 1e9]], [[1, 1]], [5]];
  for (const body of [...odd, Array.from({ length: 4097 }, () => ["a", 1])]) expect(readRow(body)).toBeUndefined();
});
