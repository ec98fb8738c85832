import { expect, test } from "@jest/globals";
import { KeyframeRequester } from "./keyframe-requester.ts";
import { ROUTER_DEFAULTS } from "./options.ts";

test("[K2] the first request goes at once, those within the spacing become one", () => {
  const requester = new KeyframeRequester(ROUTER_DEFAULTS);
  requester.request(1000);
  expect(requester.takeDue(1000)).toBe(true);
  requester.satisfy();
  requester.request(1100);
  requester.request(1200);

  expect(requester.takeDue(1399)).toBe(false);
  expect(requester.deadlineMs).toBe(1400);
  expect(requester.takeDue(1400)).toBe(true);
});

test("[K3] it repeats every half second until a keyframe comes", () => {
  const requester = new KeyframeRequester(ROUTER_DEFAULTS);
  requester.request(0);
  requester.takeDue(0);

  expect(requester.takeDue(499)).toBe(false);
  expect(requester.takeDue(500)).toBe(true);
  requester.satisfy();
  expect(requester.deadlineMs).toBe(Number.POSITIVE_INFINITY);
  expect(requester.takeDue(5000)).toBe(false);
});

test("[K3] it falls silent after 20 requests, until someone asks anew", () => {
  const requester = new KeyframeRequester(ROUTER_DEFAULTS);
  requester.request(0);
  let sent = 0;
  for (let nowMs = 0; nowMs < 100_000; nowMs += 100) if (requester.takeDue(nowMs)) sent++;
  expect(sent).toBe(20);
  expect(requester.deadlineMs).toBe(Number.POSITIVE_INFINITY);

  requester.request(200_000);

  expect(requester.takeDue(200_000)).toBe(true);
});
