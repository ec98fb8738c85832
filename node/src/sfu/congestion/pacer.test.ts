import { expect, test } from "@jest/globals";
import { Pacer } from "./pacer.ts";

function paced(bps: number) {
  const pacer = new Pacer();
  pacer.setEstimate(bps);
  const left: { extSeq: number; atMs: number }[] = [];
  const stream = {
    sendQueued: (extSeq: number, atMs: number) => {
      left.push({ extSeq, atMs });
      pacer.charge(1000, atMs);
      return 1000;
    },
    sendProbe: () => 0,
  };
  const send = (extSeq: number, nowMs: number): void => {
    if (pacer.mayPass(nowMs)) stream.sendQueued(extSeq, nowMs);
    else pacer.enqueue(stream, { extSeq, byteLength: 1000 }, nowMs);
  };
  const drain = (untilMs: number): void => {
    for (; pacer.deadlineMs <= untilMs; ) pacer.drain(pacer.deadlineMs);
  };
  return { pacer, stream, left, send, drain };
}

test("[E17] a frame passes at once, a keyframe is spread over time, in order", () => {
  const { left, send, drain } = paced(1_000_000);
  for (let i = 0; i < 40; i++) send(i, 0);
  expect(left.length).toBeGreaterThanOrEqual(6);
  expect(left.length).toBeLessThan(12);
  drain(1000);

  expect(left.map(({ extSeq }) => extSeq)).toEqual([...Array(40).keys()]);
  // 40 kB at one and a half times 1 Mbit/s are 213 ms, less the burst.
  expect(left.at(-1)!.atMs).toBeGreaterThan(120);
  expect(left.at(-1)!.atMs).toBeLessThan(220);
});

test("[E17] nothing waits for longer than the queue's bound, however narrow the path", () => {
  const { left, send, drain } = paced(60_000);
  for (let i = 0; i < 60; i++) send(i, 0);
  drain(5000);

  expect(left).toHaveLength(60);
  expect(left.at(-1)!.atMs).toBeLessThan(2500);
});

test("[E17] at the bound of packets they pass", () => {
  const { pacer, send } = paced(60_000);
  for (let i = 0; i < 3000; i++) send(i, 0);

  expect(pacer.queueLength).toBeLessThanOrEqual(512);
});

test("[E17] a stream that ends takes what waits with it", () => {
  const { pacer, stream, left, send, drain } = paced(100_000);
  for (let i = 0; i < 50; i++) send(i, 0);
  const before = left.length;

  expect(pacer.forget(stream)).toBe(true);
  drain(5000);

  expect(left).toHaveLength(before);
  expect(pacer.forget(stream)).toBe(false);
  expect(pacer.deadlineMs).toBe(Number.POSITIVE_INFINITY);
});
