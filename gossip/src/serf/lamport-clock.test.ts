import { expect, test } from "@jest/globals";
import { lamportTime } from "../types.ts";
import { LamportClock, MAX_LAMPORT_TIME } from "./lamport-clock.ts";

test("[S1] a clock counts, and a heard time moves it past it", () => {
  const clock = new LamportClock();
  expect(clock.time()).toBe(0);
  expect(clock.increment()).toBe(1);
  clock.witness(lamportTime(41));
  expect(clock.time()).toBe(42);
  clock.witness(lamportTime(41));
  clock.witness(lamportTime(30));
  expect(clock.time()).toBe(42);
});

test("[S2] a time beyond belief is refused and changes nothing", () => {
  const clock = new LamportClock();
  expect(clock.witness(lamportTime(MAX_LAMPORT_TIME + 1))).toBe(false);
  expect(clock.time()).toBe(0);
  expect(clock.witness(MAX_LAMPORT_TIME)).toBe(true);
  expect(clock.increment()).toBe(MAX_LAMPORT_TIME + 2);
});
