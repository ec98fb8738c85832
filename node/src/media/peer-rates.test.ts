import { expect, test } from "@jest/globals";
import { PeerRates } from "./peer-rates.ts";
import type { PlanePeerStats } from "./rtp-plane-types.ts";

const NONE: PlanePeerStats = {
  packetsSent: 0,
  packetsReceived: 0,
  bytesSent: 0,
  bytesReceived: 0,
  packetsLost: 0,
  packetsRepaired: 0,
  egressStreams: 0,
  ingressStreams: 0,
};

test("[G32] rates are over the time since they were last asked for, in both directions", () => {
  const rates = new PeerRates();
  expect(rates.read(NONE, 0).up).toEqual({
    bitrateBps: 0,
    packetsPerSecond: 0,
    lossRatio: 0,
    repairedRatio: 0,
    quality: 5,
  });
  const first = {
    ...NONE,
    packetsReceived: 190,
    bytesReceived: 100_000,
    packetsLost: 10,
    packetsRepaired: 19,
    rttMs: 40,
    jitterMs: 5,
  };
  expect(rates.read(first, 2_000).up).toMatchObject({
    bitrateBps: 400_000,
    packetsPerSecond: 95,
    lossRatio: 0.05,
    repairedRatio: 0.095,
    jitterMs: 5,
  });
  const second = { ...first, packetsSent: 500, bytesSent: 250_000, lossRatio: 0.1 };
  const { up, down } = rates.read(second, 3_000);
  expect(up).toMatchObject({ bitrateBps: 0, lossRatio: 0 });
  expect(down).toMatchObject({ bitrateBps: 2_000_000, packetsPerSecond: 500, lossRatio: 0.1 });
  expect(down.quality).toBeLessThan(3);
  expect(up.quality).toBeGreaterThan(4.5);
});

test("[G32] whoever asks more often than once a second is told of the same second", () => {
  const rates = new PeerRates();
  rates.read(NONE, 0);
  const later = rates.read({ ...NONE, packetsReceived: 100, bytesReceived: 1_000 }, 1_000);
  expect(rates.read({ ...NONE, packetsReceived: 900, bytesReceived: 9_000 }, 1_500)).toEqual(later);
  expect(rates.read({ ...NONE, packetsReceived: 200, bytesReceived: 2_000 }, 2_000).up.packetsPerSecond).toBe(100);
});

test("[G32] a transport that is new begins anew, and repairs that come late are no negative loss", () => {
  const rates = new PeerRates();
  rates.read({ ...NONE, packetsReceived: 1_000, packetsLost: 7 }, 0);
  expect(rates.read({ ...NONE, packetsReceived: 2_000, packetsLost: 5, packetsRepaired: 2 }, 1_000).up.lossRatio).toBe(
    0,
  );
  expect(rates.read({ ...NONE, packetsReceived: 10 }, 2_000).up.packetsPerSecond).toBe(0);
  expect(rates.read({ ...NONE, packetsReceived: 60 }, 3_000).up.packetsPerSecond).toBe(50);
});
