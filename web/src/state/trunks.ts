/** Figures of trunks that one reading alone does not have. Pure. */
import type { MeshResponse, MeshTrunk } from "../../../client-sdk/src/index.ts";

export interface TrunkRate {
  readonly outBps: number;
  readonly inBps: number;
}

export const trunkKey = (trunk: Pick<MeshTrunk, "from" | "to">): string => `${trunk.from} → ${trunk.to}`;

/** Bits a second between two readings; a trunk that is new, or was opened anew, has none yet. */
export function ratesOf(
  before: MeshResponse | undefined,
  now: MeshResponse,
  elapsedMs: number,
): ReadonlyMap<string, TrunkRate> {
  const rates = new Map<string, TrunkRate>();
  const older = new Map((before?.trunks ?? []).map((trunk) => [trunkKey(trunk), trunk]));
  for (const trunk of now.trunks) {
    const last = older.get(trunkKey(trunk));
    if (
      last === undefined ||
      elapsedMs <= 0 ||
      trunk.bytesSent < last.bytesSent ||
      trunk.bytesReceived < last.bytesReceived
    )
      continue;
    const bps = (bytes: number): number => (bytes * 8_000) / elapsedMs;
    rates.set(trunkKey(trunk), {
      outBps: bps(trunk.bytesSent - last.bytesSent),
      inBps: bps(trunk.bytesReceived - last.bytesReceived),
    });
  }
  return rates;
}

/** 0 to 1: lost of all that was sent towards the telling end. */
export function lossRatioOf(trunk: MeshTrunk): number {
  const all = trunk.packetsReceived + trunk.packetsLost;
  return all === 0 ? 0 : trunk.packetsLost / all;
}
