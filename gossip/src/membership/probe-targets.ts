// Whom to probe next. In a local network everybody in turn; in a wide one the near in a cycle of their own, newcomers at
// once, and the others in turn as often as the profile says.

import { type Random, shuffle } from "../random.ts";
import type { InstantMs, NodeName } from "../types.ts";
import { isRunning, type MemberRecord } from "./member.ts";
import type { MemberTable } from "./member-table.ts";
import type { Timings } from "./timing.ts";

export interface ProbeTargetPorts {
  readonly self: NodeName;
  readonly table: MemberTable;
  readonly timings: Timings;
  readonly random: Random;
  readonly forgetAfterMs: number;
}

export class ProbeTargets {
  readonly #ports: ProbeTargetPorts;
  /** Not measured yet, oldest first; bounded by the member table. */
  #newcomers: MemberRecord[] = [];
  #nearCycle: MemberRecord[] = [];
  /** Said to be silent, to be probed before their turn; each once. */
  readonly #reported = new Set<MemberRecord>();
  #lastFarMs: InstantMs = Number.NEGATIVE_INFINITY;

  constructor(ports: ProbeTargetPorts) {
    this.#ports = ports;
  }

  /** Somebody whose distance we do not know. */
  met(record: MemberRecord): void {
    const { timings, self, table } = this.#ports;
    if (!timings.hasNear || record.name === self) return;
    if (this.#newcomers.length >= table.size) this.#newcomers = this.#newcomers.filter((one) => this.#isNew(one));
    this.#newcomers.push(record);
  }

  /** Probes the member next. False when it waits for that already. */
  hurry(record: MemberRecord): boolean {
    if (this.#reported.has(record)) return false;
    this.#reported.add(record);
    return true;
  }

  /** Everybody in turn. */
  nextOfAll(nowMs: InstantMs): MemberRecord | undefined {
    return this.#takeReported(false) ?? this.#next(nowMs, (record) => this.#mayProbe(record));
  }

  /** Newcomers first: until they are measured the near among them are watched no better than the far. */
  nextFar(nowMs: InstantMs): MemberRecord | undefined {
    const reported = this.#takeReported(false);
    if (reported !== undefined) return reported;
    for (let one = this.#newcomers.shift(); one !== undefined; one = this.#newcomers.shift()) {
      if (this.#isNew(one)) return one;
    }
    const { timings } = this.#ports;
    // Turns come a little early and late; half of one is near enough.
    const isDue = nowMs - this.#lastFarMs >= timings.far.probeIntervalMs - timings.near.probeIntervalMs / 2;
    if (!isDue) return undefined;
    this.#lastFarMs = nowMs;
    return this.#next(nowMs, (record) => this.#mayProbe(record) && !timings.isNear(record.name));
  }

  /** Each of the near once per cycle, in a new order each time. */
  nextNear(): MemberRecord | undefined {
    const found = this.#takeReported(true) ?? this.#takeNear();
    if (found !== undefined) return found;
    const { table, timings, random } = this.#ports;
    this.#nearCycle = Array.from(table.all()).filter((record) => this.#mayProbe(record) && timings.isNear(record.name));
    shuffle(this.#nearCycle, random);
    return this.#takeNear();
  }

  /** Those who are gone meanwhile are passed over. */
  #takeReported(isNear: boolean): MemberRecord | undefined {
    const { timings } = this.#ports;
    for (const record of this.#reported) {
      if (timings.isNear(record.name) !== isNear) continue;
      this.#reported.delete(record);
      if (this.#isKnown(record) && this.#mayProbe(record)) return record;
    }
    return undefined;
  }

  #takeNear(): MemberRecord | undefined {
    for (let one = this.#nearCycle.pop(); one !== undefined; one = this.#nearCycle.pop()) {
      if (this.#isKnown(one) && this.#mayProbe(one) && this.#ports.timings.isNear(one.name)) return one;
    }
    return undefined;
  }

  #next(nowMs: InstantMs, eligible: (record: MemberRecord) => boolean): MemberRecord | undefined {
    const { table, forgetAfterMs } = this.#ports;
    return table.nextToProbe(eligible, { nowMs, forgetAfterMs });
  }

  #isNew(record: MemberRecord): boolean {
    return this.#isKnown(record) && this.#mayProbe(record) && !this.#ports.timings.isMeasured(record.name);
  }

  #isKnown(record: MemberRecord): boolean {
    return this.#ports.table.get(record.name) === record;
  }

  #mayProbe(record: MemberRecord): boolean {
    return record.name !== this.#ports.self && isRunning(record);
  }
}
