import { expect, test } from "@jest/globals";
import { lamportTime, nodeName } from "../types.ts";
import { RecentIntents } from "./intents.ts";

const A = nodeName("a");
const at = (time: number, kind: "join" | "leave" = "join", heardMs = 0) => ({ kind, time: lamportTime(time), heardMs });

test("[S3] only a newer intent replaces one", () => {
  const intents = new RecentIntents(10);
  expect(intents.note(A, at(5))).toBe(true);
  expect(intents.note(A, at(5, "leave"))).toBe(false);
  expect(intents.note(A, at(6, "leave"))).toBe(true);
  expect(intents.lookup(A, "leave")).toBe(6);
  expect(intents.lookup(A, "join")).toBeUndefined();
});

test("[S3] the oldest gives way at the bound, and age makes forgotten", () => {
  const intents = new RecentIntents(2);
  for (const [i, name] of ["a", "b", "c"].entries()) intents.note(nodeName(name), at(1, "join", 100 * i));
  expect(intents.size).toBe(2);
  expect(intents.lookup(A, "join")).toBeUndefined();
  intents.forgetOlderThan(50, 200);
  expect(intents.size).toBe(1);
  expect(intents.lookup(nodeName("c"), "join")).toBe(1);
});
