import { describe, expect, test } from "@jest/globals";
import { compactNtp, ReceptionStatistics, RoundTrip, SourceClock } from "./reports.ts";

describe("[E6] a reception report", () => {
  test("counts losses in total and since the last report", () => {
    const statistics = new ReceptionStatistics(5, 90_000);
    for (const extSeq of [65_536, 65_537, 65_540]) statistics.receive(extSeq, 0, 0);
    expect(statistics.takeBlock(0)).toMatchObject({
      ssrc: 5,
      cumulativeLost: 2,
      fractionLost: Math.floor((2 * 256) / 5),
      highestExtSeq: 4,
    });
    for (const extSeq of [65_541, 65_542]) statistics.receive(extSeq, 0, 0);

    expect(statistics.takeBlock(0)).toMatchObject({ cumulativeLost: 2, fractionLost: 0, highestExtSeq: 6 });
  });

  test("counts duplicates as negative losses and never a negative fraction", () => {
    const statistics = new ReceptionStatistics(5, 90_000);
    for (const extSeq of [65_536, 65_536, 65_536]) statistics.receive(extSeq, 0, 0);

    expect(statistics.takeBlock(0)).toMatchObject({ cumulativeLost: -2, fractionLost: 0 });
  });

  test("has the jitter of RFC 3550 section A.8", () => {
    const statistics = new ReceptionStatistics(5, 8000);
    let jitter = 0;
    // Sent every 20 ms (160 ticks); every second packet arrives 8 ms late (64 ticks).
    for (let i = 0; i < 100; i++) {
      statistics.receive(65_536 + i, i * 160, i * 20 + (i % 2) * 8);
      if (i > 0) jitter += (64 - jitter) / 16;
    }

    expect(statistics.takeBlock(0).jitter).toBe(Math.floor(jitter));
    expect(statistics.jitterMs).toBeCloseTo(jitter / 8, 5);
  });

  test("says which sender report came last and how long ago", () => {
    const statistics = new ReceptionStatistics(5, 90_000);
    expect(statistics.takeBlock(50)).toMatchObject({ lastSr: 0, delaySinceLastSr: 0 });
    statistics.noteSenderReport(0x12345678, 0x9abcdef0, 1000);

    expect(statistics.takeBlock(1500)).toMatchObject({ lastSr: 0x56789abc, delaySinceLastSr: 32_768 });
  });

  test("takes a jump of the timestamp for a restart, not for jitter", () => {
    const statistics = new ReceptionStatistics(5, 8000);
    statistics.receive(65_536, 0, 0);
    statistics.receive(65_537, 0x7000_0000, 20);

    expect(statistics.jitterMs).toBe(0);
  });
});

test("[E5] a source's clock turns timestamps into wall time and back, over the wrap", () => {
  const clock = new SourceClock(90_000);
  expect(clock.isKnown).toBe(false);
  clock.set({ ntpMs: 1_000_000, rtpTimestamp: 0xffffff00 }, 500);

  expect(clock.isKnown).toBe(true);
  expect(clock.ntpMsOf(0xffffff00)).toBe(1_000_000);
  expect(clock.ntpMsOf((0xffffff00 + 90_000) >>> 0)).toBeCloseTo(1_001_000, 6);
  expect(clock.ntpMsAt(750)).toBe(1_000_250);
  expect(clock.rtpTimestampAt(1500)).toBe((0xffffff00 + 90_000) >>> 0);
});

describe("[E7] the round trip", () => {
  test("is the time since our report less what the receiver kept it", () => {
    const trip = new RoundTrip();
    const id = compactNtp(3_900_000_000_000);
    trip.noteSent(id, 1000);

    trip.noteAnswer(id, 65_536 / 2, 1580);

    expect(trip.rttMs).toBeCloseTo(80, 6);
    trip.noteSent(id + 1, 2000);
    trip.noteAnswer(id + 1, 0, 2040);
    expect(trip.rttMs).toBeCloseTo(70, 6);
  });

  test("ignores answers to reports that we never sent, and impossible ones", () => {
    const trip = new RoundTrip();
    trip.noteSent(77, 1000);
    trip.noteAnswer(78, 0, 1100);
    trip.noteAnswer(0, 0, 1100);
    trip.noteAnswer(77, 65_536 * 10, 1100);

    expect(trip.rttMs).toBe(-1);
  });
});
