import { expect, test } from "@jest/globals";
import { SENT_ACKED, SENT_IN_FLIGHT, SENT_LOST, SENT_UNKNOWN, SentHistory } from "./sent-history.ts";

const PACKET = { byteLength: 100, cluster: 0, ssrc: 0xfffffff0, mediaSeq: 70_000 };

test("[E16] numbers count on over the wrap, and feedback's 16 bits find them again", () => {
  const history = new SentHistory();
  for (let i = 1; i <= 70_000; i++) {
    const extSeq = history.add(PACKET, i);
    expect(history.extend(extSeq & 0xffff)).toBe(extSeq);
    history.settle(extSeq, SENT_ACKED);
  }
  expect(history.highestExtSeq & 0xffff).toBe(70_000 & 0xffff);
});

test("what was answered is no longer in flight, and a lost packet may still come", () => {
  const history = new SentHistory();
  const [first, second] = [history.add(PACKET, 10), history.add(PACKET, 20)];
  expect(history.inFlightBytes).toBe(200);

  history.settle(second, SENT_ACKED);
  history.settle(first, SENT_LOST);
  expect(history.inFlightBytes).toBe(0);
  expect(history.stateOf(first)).toBe(SENT_LOST);
  history.settle(first, SENT_ACKED);

  expect(history.stateOf(first)).toBe(SENT_ACKED);
  expect(history.oldestUnansweredMs()).toBe(Number.POSITIVE_INFINITY);
});

test("it grows while nothing is answered, and at its bound forgets the oldest", () => {
  const history = new SentHistory();
  const first = history.add(PACKET, 0);
  for (let i = 1; i < 8192; i++) history.add(PACKET, i);
  expect(history.stateOf(first)).toBe(SENT_IN_FLIGHT);

  for (let i = 0; i < 10; i++) history.add(PACKET, 9000);

  expect(history.stateOf(first)).toBe(SENT_UNKNOWN);
  expect(history.inFlightBytes).toBe(8192 * 100);
});
