// What an agent keeps for its next start: the snapshot of members and clocks, when there is a file for it.

import type { MembershipEvent } from "../src/sink.ts";
import type { Endpoint } from "../src/types.ts";
import type { Logger } from "./log.ts";
import { type SnapshotClocks, SnapshotFile, type SnapshotOptions, type SnapshotState } from "./snapshot-file.ts";

const CLOCK_INTERVAL_MS = 5_000;

export class AgentMemory {
  readonly #file: SnapshotFile | undefined;
  readonly #clocks: () => SnapshotClocks | undefined;
  #timer: NodeJS.Timeout | undefined = undefined;

  /** `clocks` answers the Lamport times seen so far, while there is a core. */
  constructor(
    { path, ...options }: SnapshotOptions & { readonly path: string | undefined },
    parts: { readonly log: Logger; readonly clocks: () => SnapshotClocks | undefined },
  ) {
    this.#file = path === undefined ? undefined : new SnapshotFile(path, parts.log, options);
    this.#clocks = parts.clocks;
  }

  /** What the last run left; undefined when nothing is kept. */
  open(): SnapshotState | undefined {
    if (this.#file === undefined) return undefined;
    this.#timer = setInterval(() => this.recordClocks(), CLOCK_INTERVAL_MS);
    return this.#file.open();
  }

  alive(name: string, at: Endpoint): void {
    this.#file?.alive(name, at);
  }

  changed({ member }: MembershipEvent): void {
    if (member.status === "alive") this.alive(member.name, { host: member.host, port: member.port });
    else this.#file?.notAlive(member.name);
  }

  /** From here on nothing but clocks is kept. */
  leave(): void {
    this.#file?.leave();
  }

  recordClocks(): void {
    const clocks = this.#clocks();
    if (clocks !== undefined) this.#file?.clocks(clocks);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#file?.close();
  }
}
