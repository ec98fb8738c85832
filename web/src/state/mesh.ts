/** The mesh page's data: read again and again while it is looked at. */
import { signal } from "@preact/signals";
import { codeOf, type MeshResponse, type MeshTrunk } from "../../../client-sdk/src/index.ts";
import { client } from "./app.ts";

const REFRESH_MS = 2_000;

export interface TrunkRate {
  readonly outBps: number;
  readonly inBps: number;
}

export class MeshView {
  readonly mesh = signal<MeshResponse | undefined>(undefined);
  readonly error = signal<string | undefined>(undefined);
  readonly readAtMs = signal(0);
  readonly rates = signal<ReadonlyMap<string, TrunkRate>>(new Map());
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  start(): void {
    document.addEventListener("visibilitychange", this.#seen);
    void this.#read();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    document.removeEventListener("visibilitychange", this.#seen);
  }

  readonly #seen = (): void => {
    if (document.visibilityState === "visible") void this.#read();
  };

  async #read(): Promise<void> {
    clearTimeout(this.#timer);
    try {
      const mesh = await client.mesh();
      const nowMs = Date.now();
      this.rates.value = ratesOf(this.mesh.value, mesh, nowMs - this.readAtMs.value);
      this.mesh.value = mesh;
      this.readAtMs.value = nowMs;
      this.error.value = undefined;
    } catch (error) {
      this.error.value = codeOf(error);
    }
    if (this.#stopped || document.visibilityState === "hidden") return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#read(), REFRESH_MS);
  }
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
