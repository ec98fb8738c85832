/**
 * Looks after records that are due: reminders, deliveries, unfinished uploads. Every node has one of each kind and all ask
 * the same archive; a record is worked on by who claims it, and comes back when that node dies on the way. Shell over
 * Records and Clock.
 */
import type { Clock } from "../mesh/clock.ts";
import type { Log } from "../mesh/log.ts";
import type { NewRecord, RecordKind, Records, StoredRecord } from "../store/records.ts";

/** What becomes of a record that was worked on. */
export type DueOutcome =
  | { readonly kind: "done" }
  /** Kept with this value, and due then. Without a time: kept, and never due again. */
  | { readonly kind: "again"; readonly dueAtMs?: number; readonly value: object };

export interface DueWorkerOptions {
  readonly kind: RecordKind;
  readonly records: Records;
  readonly clock: Clock;
  readonly log: Log;
  /** In [0, 1): nodes that ask at different moments seldom want the same record. */
  readonly random: () => number;
  /** Between two looks. */
  readonly everyMs: number;
  /** How long a claim holds: more than the work takes. A record whose worker died is due again then. */
  readonly leaseMs: number;
  /** Records that one look takes at most. Default 50. */
  readonly batch?: number;
  /** Records worked on at once. Default 4. */
  readonly atOnce?: number;
  /** What it throws is logged, and the record is due again when its lease is over. */
  readonly work: (record: StoredRecord) => Promise<DueOutcome>;
}

/** A claim by a server that changes documents in separate steps may be given twice, so `work` must bear to be done twice. */
export class DueWorker {
  readonly #options: DueWorkerOptions;
  #cancel: (() => void) | undefined;
  #looking: Promise<void> | undefined;
  #stopped = true;

  constructor(options: DueWorkerOptions) {
    this.#options = options;
  }

  start(): void {
    if (!this.#stopped) return;
    this.#stopped = false;
    this.#schedule(this.#options.everyMs);
  }

  /** Resolves when nothing is being worked on. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel?.();
    this.#cancel = undefined;
    await this.#looking;
  }

  /** Looks soon: something has just become due. */
  nudge(): void {
    if (!this.#stopped) this.#schedule(0);
  }

  /** One look; answers how many records were claimed here. Never rejects. */
  async look(): Promise<number> {
    const { records, kind, clock, batch = 50, atOnce = 4, log } = this.#options;
    try {
      const due = [...(await records.due(kind, clock.wallMs(), batch))];
      let claimed = 0;
      const lane = async (): Promise<void> => {
        for (let record = due.shift(); record !== undefined; record = due.shift())
          if (await this.#claim(record)) claimed += 1;
      };
      await Promise.all(Array.from({ length: Math.min(atOnce, due.length) }, lane));
      return claimed;
    } catch (error) {
      log.debug({ kind, err: error }, "what is due could not be read");
      return 0;
    }
  }

  async #claim(record: StoredRecord): Promise<boolean> {
    const { records, clock, leaseMs, log, kind, work } = this.#options;
    const claim = await records.replace({ ...record, dueAtMs: clock.wallMs() + leaseMs }, record.version);
    if (claim.kind === "changed") return false;
    try {
      await this.#settle(claim.record, await work(record));
    } catch (error) {
      log.warn({ kind, id: record.id, err: error }, "work on a record failed; it is tried again");
    }
    return true;
  }

  async #settle(record: StoredRecord, outcome: DueOutcome): Promise<void> {
    const { records } = this.#options;
    if (outcome.kind === "done") {
      await records.remove(record);
      return;
    }
    const { dueAtMs: _, version, ...kept } = record;
    const due = outcome.dueAtMs === undefined ? {} : { dueAtMs: outcome.dueAtMs };
    const next: NewRecord = { ...kept, ...due, value: outcome.value };
    await records.replace(next, version);
  }

  #schedule(delayMs: number): void {
    this.#cancel?.();
    const { clock, random } = this.#options;
    this.#cancel = clock.after(delayMs * (0.5 + random()), () => {
      this.#looking = this.#lookAgain();
    });
  }

  async #lookAgain(): Promise<void> {
    // One look at a time: a nudge meanwhile is served by the next.
    await this.#looking;
    if (this.#stopped) return;
    const claimed = await this.look();
    // A full batch says that there is more.
    if (!this.#stopped) this.#schedule(claimed >= (this.#options.batch ?? 50) ? 0 : this.#options.everyMs);
  }
}
