import { expect, test } from "@jest/globals";
import type { TrunkStats } from "../media/control.ts";
import { RelayStats } from "./relay-stats.ts";

function reading(trunkId: string, packets: number): TrunkStats {
  return {
    ...{ trunkId, packetsSent: packets, packetsReceived: 2 * packets, bytesSent: 10 * packets, bytesReceived: packets },
    ...{ packetsLost: 3, packetsRepaired: 2, rttMs: 40, egressStreams: 1, ingressStreams: 2, audioDuplicated: true },
  };
}

test("[Y50] totals of a peer grow over all its trunks, gauges are the current trunk's", () => {
  const stats = new RelayStats();
  const peerOf = (trunkId: string): string | undefined => (trunkId.startsWith("x") ? "x" : undefined);
  expect(stats.read([reading("x1", 10), reading("stranger", 99)], peerOf)).toEqual([
    {
      ...{ peer: "x", packetsTotal: 30, bytesTotal: 110, lostPacketsTotal: 3, repairedPacketsTotal: 2 },
      ...{ streams: 3, audioDuplicated: true, rttSeconds: 0.04 },
    },
  ]);
  expect(stats.read([reading("x1", 20)], peerOf)[0]).toMatchObject({ packetsTotal: 60, lostPacketsTotal: 3 });
  expect(stats.read([reading("x2", 1)], peerOf)[0]).toMatchObject({ packetsTotal: 63, lostPacketsTotal: 6 });
  expect(stats.read([], peerOf)).toEqual([
    {
      ...{ peer: "x", packetsTotal: 63, bytesTotal: 231, lostPacketsTotal: 6, repairedPacketsTotal: 4 },
      ...{ streams: 0, audioDuplicated: false },
    },
  ]);
});
