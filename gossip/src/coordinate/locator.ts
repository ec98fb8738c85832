// Where we are and where others said they are; and what we measured ourselves. Spec section 7.5.

import type { RttEstimate } from "../core.ts";
import type { Random } from "../random.ts";
import type { DropReason } from "../sink.ts";
import { type DurationMs, type NodeName, nodeName } from "../types.ts";
import { decodeCoordinatePayload, encodeCoordinatePayload } from "../wire/meta.ts";
import { type Coordinate, distance } from "./coordinate.ts";
import { MinimumFilter } from "./latency-filter.ts";
import { RttRows } from "./rtt-rows.ts";
import { Vivaldi } from "./vivaldi.ts";

const MEASURED_SAMPLES = 5;

export class Locator {
  readonly #self: NodeName;
  readonly #vivaldi: Vivaldi;
  /** As told in acks; bounded by the member table, because only members are probed and `forget` follows each. */
  readonly #others = new Map<string, Coordinate>();
  /** What others measured. */
  readonly rows = new RttRows();
  readonly #measured = new MinimumFilter(MEASURED_SAMPLES);
  #payload: Uint8Array | undefined;

  constructor(self: NodeName, random: Random) {
    this.#self = self;
    this.#vivaldi = new Vivaldi(random);
  }

  get resets(): number {
    return this.#vivaldi.resets;
  }

  /** What our acks carry. */
  ackPayload(): Uint8Array {
    this.#payload ??= encodeCoordinatePayload(this.#vivaldi.own);
    return this.#payload;
  }

  /** A direct ack. Answers why its coordinate was not used; an ack without one (or from afar) is no offence. */
  probed(name: NodeName, rttMs: DurationMs, payload: Uint8Array): DropReason | undefined {
    this.measure(name, rttMs);
    if (payload.length === 0) return undefined;
    const decoded = decodeCoordinatePayload(payload);
    if (!decoded.ok) return "bad_coordinate";
    const result = this.#vivaldi.update(name, decoded.coordinate, rttMs / 1000);
    if (result === "bad_coordinate") return "bad_coordinate";
    if (result === "updated") {
      this.#payload = undefined;
      this.#others.set(name, decoded.coordinate);
    }
    return undefined;
  }

  /** One round trip; whatever else came with it. */
  measure(name: NodeName, rttMs: DurationMs): void {
    this.#measured.push(name, rttMs);
  }

  measuredRtt(name: NodeName): DurationMs | undefined {
    return this.#measured.get(name);
  }

  coordinate(name: string): Coordinate | undefined {
    return name === this.#self ? this.#vivaldi.own : this.#others.get(name);
  }

  rtt(a: string, b: string): RttEstimate | undefined {
    const [from, to] = [this.coordinate(a), this.coordinate(b)];
    if (from === undefined || to === undefined) return undefined;
    const estimateMs = distance(from, to) * 1000;
    const error = from.error + to.error;
    const measuredMs = this.measuredBetween(nodeName(a), nodeName(b));
    return measuredMs === undefined ? { estimateMs, error } : { estimateMs, measuredMs, error };
  }

  /** What we measured ourselves, or what one of the two told. */
  measuredBetween(a: NodeName, b: NodeName): DurationMs | undefined {
    const peer = a === this.#self ? b : b === this.#self ? a : undefined;
    return (peer === undefined ? undefined : this.#measured.get(peer)) ?? this.rows.between(a, b);
  }

  measured(): Map<NodeName, DurationMs> {
    const row = new Map<NodeName, DurationMs>();
    for (const name of this.#measured.names()) row.set(nodeName(name), this.#measured.get(name) ?? 0);
    return row;
  }

  forget(name: NodeName): void {
    this.#others.delete(name);
    this.#measured.forget(name);
    this.rows.forget(name);
    this.#vivaldi.forget(name);
  }
}
