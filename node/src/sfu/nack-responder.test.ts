import { expect, test } from "@jest/globals";
import { NackResponder } from "./nack-responder.ts";

const request = (extSeq: number, rttMs = 50, byteLength = 1000) => ({ extSeq, byteLength, rttMs });

test("[N7] one packet goes again at most once per round trip", () => {
  const responder = new NackResponder(2_000_000);

  expect(responder.admit(request(7), 0)).toBe(1);
  expect(responder.admit(request(7), 40)).toBe(0);
  expect(responder.admit(request(8), 40)).toBe(1);
  expect(responder.admit(request(7), 46)).toBe(2);
});

test("[N7] with an unknown round trip 10 ms are the distance", () => {
  const responder = new NackResponder(2_000_000);
  responder.admit(request(7, 0), 0);

  expect(responder.admit(request(7, 0), 9)).toBe(0);
  expect(responder.admit(request(7, 0), 10)).toBe(2);
});

test("[N7] the rate holds over a second, after a burst of half a second", () => {
  const responder = new NackResponder(800_000);
  let [burst, sustained] = [0, 0];
  for (let i = 0; i < 1000; i++) burst += responder.admit(request(i), 0);
  for (let i = 0; i < 1000; i++) sustained += responder.admit(request(10_000 + i), i);

  expect(burst).toBe(50);
  expect(sustained).toBeGreaterThanOrEqual(98);
  expect(sustained).toBeLessThanOrEqual(100);
});

test("[N11] what was lost twice goes twice, and on a lossy path everything does, within the rate", () => {
  const responder = new NackResponder(2_000_000);
  expect([responder.admit(request(7), 0), responder.admit(request(7), 100)]).toEqual([1, 2]);

  responder.limit({ rateBps: 16_000, isLossy: true });
  expect(responder.admit(request(8), 2000)).toBe(1);

  responder.limit({ rateBps: 2_000_000, isLossy: true });
  expect(responder.admit(request(9), 4000)).toBe(2);
});
