import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { RtcpCursor } from "./rtcp.ts";
import { TwccReceiver } from "./twcc.ts";
import { TransportFeedback } from "./twcc-reader.ts";

interface Feedback {
  readonly base: number;
  readonly count: number;
  readonly feedbackCount: number;
  /** Sequence number to arrival in units of 250 µs; undefined: lost. */
  readonly arrivals: Map<number, number | undefined>;
}

function readStatuses(bytes: Buffer, count: number): { statuses: number[]; end: number } {
  const statuses: number[] = [];
  let at = 20;
  for (; statuses.length < count; at += 2) {
    const chunk = bytes.readUInt16BE(at);
    if (chunk < 0x8000) statuses.push(...new Array<number>(chunk & 0x1fff).fill(chunk >> 13));
    else if (chunk < 0xc000) statuses.push(...Array.from({ length: 14 }, (_, i) => (chunk >> (13 - i)) & 1));
    else statuses.push(...Array.from({ length: 7 }, (_, i) => (chunk >> (12 - 2 * i)) & 3));
  }
  return { statuses, end: at };
}

/** Decoder written from the draft alone. */
function decode(bytes: Buffer): Feedback {
  expect(bytes[0]! & 0xdf).toBe(0x8f);
  expect(bytes[1]).toBe(205);
  expect((bytes.readUInt16BE(2) + 1) * 4).toBe(bytes.length);
  const [base, count] = [bytes.readUInt16BE(12), bytes.readUInt16BE(14)];
  let ticks = bytes.readIntBE(16, 3) * 256;
  const { statuses, end } = readStatuses(bytes, count);
  let at = end;
  const arrivals = new Map<number, number | undefined>();
  for (let i = 0; i < count; i++) {
    if (statuses[i] === 0) arrivals.set((base + i) & 0xffff, undefined);
    else {
      ticks += statuses[i] === 1 ? bytes.readUInt8(at) : bytes.readInt16BE(at);
      at += statuses[i]!;
      arrivals.set((base + i) & 0xffff, ticks);
    }
  }
  const padding = (bytes[0]! & 0x20) === 0 ? 0 : bytes[bytes.length - 1]!;
  expect(at + padding).toBe(bytes.length);
  return { base, count, feedbackCount: bytes[19]!, arrivals };
}

function drain(receiver: TwccReceiver): Feedback[] {
  const all: Feedback[] = [];
  for (let bytes = receiver.build(1, 2); bytes !== undefined; bytes = receiver.build(1, 2))
    all.push(decode(Buffer.from(bytes)));
  expect(receiver.pendingCount).toBe(0);
  return all;
}

interface Arrival {
  readonly step: number;
  readonly waitMs: number;
  readonly report: boolean;
}

/** What came when, and what the feedbacks say of it, by sequence number. */
function play(start: number, arrivals: readonly Arrival[]) {
  const receiver = new TwccReceiver();
  const truth = new Map<number, number>();
  const told = new Map<number, number | undefined>();
  let [extSeq, nowMs] = [start + 0x10000, 5000];
  const read = () => {
    for (const feedback of drain(receiver)) for (const [seq, ticks] of feedback.arrivals) told.set(seq, ticks);
  };
  for (const { step, waitMs, report } of arrivals) {
    nowMs += waitMs;
    extSeq = Math.max(start + 0x10000, extSeq + step);
    receiver.receive(extSeq & 0xffff, nowMs);
    if (!truth.has(extSeq & 0xffff)) truth.set(extSeq & 0xffff, Math.round(nowMs * 4));
    if (report) read();
  }
  read();
  return { truth, told };
}

test("nothing received, nothing to say", () => {
  expect(drain(new TwccReceiver())).toEqual([]);
});

test("[E2] a loss between two feedbacks is told by the second", () => {
  const receiver = new TwccReceiver();
  receiver.receive(10, 100);
  expect(drain(receiver)[0]).toMatchObject({ base: 10, count: 1, feedbackCount: 0 });
  receiver.receive(12, 130);

  const [second] = drain(receiver);

  expect(second).toMatchObject({ base: 11, count: 2, feedbackCount: 1 });
  expect([...second!.arrivals]).toEqual([
    [11, undefined],
    [12, 520],
  ]);
});

test("[E2] a packet that comes after it was told lost is told again", () => {
  const receiver = new TwccReceiver();
  for (const seq of [1, 3, 4]) receiver.receive(seq, 100 + seq);
  drain(receiver);

  receiver.receive(2, 160);

  const [again] = drain(receiver);
  expect(again!.base).toBe(2);
  expect([...again!.arrivals]).toEqual([
    [2, 640],
    [3, 412],
    [4, 416],
  ]);
});

describe("[E3] arrival times", () => {
  test("survive the wrap of the sequence number", () => {
    const receiver = new TwccReceiver();
    for (let i = 0; i < 20; i++) receiver.receive((65_530 + i) & 0xffff, 1000 + i * 3.25);

    const [only, ...more] = drain(receiver);

    expect(more).toHaveLength(0);
    expect(only!.base).toBe(65_530);
    expect(only!.arrivals.get(3)).toBe(Math.round((1000 + 9 * 3.25) * 4));
  });

  test("survive a silence that no delta can express, in a packet of its own", () => {
    const receiver = new TwccReceiver();
    receiver.receive(1, 0);
    receiver.receive(2, 60_000);

    const all = drain(receiver);

    expect(all).toHaveLength(2);
    expect(all[1]!.arrivals.get(2)).toBe(240_000);
  });

  test("read back to 250 µs for any arrivals, in however many packets", () => {
    const arrival = fc.record({
      step: fc.integer({ min: -20, max: 15 }),
      waitMs: fc.oneof(fc.double({ min: 0, max: 5, noNaN: true }), fc.integer({ min: 0, max: 20_000 })),
      report: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 65_535 }),
        fc.array(arrival, { minLength: 1, maxLength: 60 }),
        (start, steps) => {
          const { truth, told } = play(start, steps);
          for (const [seq, ticks] of truth) expect(told.get(seq)).toBe(ticks);
        },
      ),
      { seed: 19, numRuns: 200 },
    );
  });
});

test("[E2] a feedback never exceeds a datagram, whatever was lost", () => {
  const receiver = new TwccReceiver();
  for (let i = 0; i < 1000; i++) receiver.receive((i * 2) & 0xffff, 1000 + (i % 2) * 500 + i);

  for (let bytes = receiver.build(1, 2); bytes !== undefined; bytes = receiver.build(1, 2)) {
    expect(bytes.length).toBeLessThanOrEqual(1164);
  }
});

test("a jump far ahead starts anew", () => {
  const receiver = new TwccReceiver();
  receiver.receive(1, 0);
  receiver.receive(20_000, 10);

  const all = drain(receiver);

  expect(all).toHaveLength(1);
  expect(all[0]).toMatchObject({ base: 20_000, count: 1 });
});

describe("reading feedback about our own packets", () => {
  const read = (bytes: Uint8Array) => {
    const cursor = new RtcpCursor();
    const feedback = new TransportFeedback();
    const ok = cursor.open(bytes) && cursor.next() && feedback.read(cursor, -1);
    const [acked, all] = [feedback.ackedCount, feedback.statusCount];
    return { ok, feedback, counts: { twcc_packets_acked: acked, twcc_packets_lost: all - acked } };
  };

  test("counts what our own writer wrote", () => {
    const receiver = new TwccReceiver();
    for (const seq of [1, 2, 5, 6, 7, 9, 40]) receiver.receive(seq, seq * 3);
    receiver.receive(41, 5000);

    const { ok, counts } = read(receiver.build(1, 2)!);

    expect(ok).toBe(true);
    expect(counts).toEqual({ twcc_packets_acked: 8, twcc_packets_lost: 33 });
  });

  test("reads the times that our own writer wrote", () => {
    const receiver = new TwccReceiver();
    for (const seq of [1, 2, 5, 9]) receiver.receive(seq, 1000 + seq * 3.25);

    const { feedback } = read(receiver.build(1, 2)!);

    const times = [1, 2, 5, 9].map((seq) => feedback.arrivals[seq - feedback.baseSeq]! / 4);
    expect(times.map((time) => time - times[0]!)).toEqual([0, 3.25, 13, 26]);
  });

  test("[R9] chunks that end too early, or hold nothing, are refused and add nothing", () => {
    const short = Buffer.from("8fcd0004000000010000000200010064000000ff", "hex");
    const empty = Buffer.from("8fcd0005000000010000000200010064000000ff00000000", "hex");
    for (const bytes of [short, empty]) {
      expect(read(bytes)).toMatchObject({ ok: false, counts: { twcc_packets_acked: 0, twcc_packets_lost: 0 } });
    }
  });
});
