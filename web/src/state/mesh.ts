/** The mesh page's data: read again and again while it is looked at. */
import { signal } from "@preact/signals";
import { codeOf, type MeshResponse } from "../../../client-sdk/src/index.ts";
import { client } from "./app.ts";
import { ratesOf, type TrunkRate } from "./trunks.ts";

const REFRESH_MS = 2_000;

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
