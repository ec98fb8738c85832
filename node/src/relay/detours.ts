/**
 * The detours of a node: what is known of the ways to the nodes that something is wanted from (distances from the mesh, loss
 * from trunks, and what those who forward say of their own), looked at while anything is wanted. The decisions are made in
 * routes.ts. Shell over Mesh, MediaPlane and Clock. Rules: SPEC.md [Y70…Y79].
 */
import type { MediaPlane } from "../media/control.ts";
import type { Clock } from "../mesh/clock.ts";
import type { Mesh } from "../mesh/mesh.ts";
import { LossGauge } from "./loss-gauge.ts";
import { type Detour, Routes, type TrunkHealth } from "./routes.ts";
import { type LegReply, readLegReply, TRUNK_TOPICS } from "./trunk-messages.ts";

/** How often the ways are looked at while something is wanted and somebody forwards. */
export const LOOK_EVERY_MS = 250;
/** How often loss is measured, and those who forward are asked for theirs. */
export const MEASURE_EVERY_MS = 5_000;
const LEG_TIMEOUT_MS = 2_000;
/** What another node said of its trunk counts this long. */
const LEG_HOLDS_MS = 15_000;
/** Nearest third nodes that are considered, and asked. */
const MAX_CONSIDERED = 3;
/** What a node in between costs. */
const HOP_MS = 2;
/** A distance that nobody knows. */
const UNKNOWN_RTT_MS = 1_000;
/** Loss up to here is repaired unnoticed; each further percent is taken for as bad as this many milliseconds. */
const FREE_LOSS_RATIO = 0.01;
const MS_PER_PERCENT = 10;

export interface DetourParts {
  readonly mesh: Mesh;
  readonly media: MediaPlane;
  readonly clock: Clock;
  /** Of this node's own trunk. */
  readonly health: (node: string) => TrunkHealth;
  readonly peerOf: (trunkId: string) => string | undefined;
  /** A way changed. */
  readonly changed: () => void;
  /** Called with every look, also when nothing changed. */
  readonly looked: () => void;
  /** This node forwards something: its own ways must be watched. */
  readonly isForwarding: () => boolean;
}

export class Detours {
  readonly #parts: DetourParts;
  readonly #routes = new Routes();
  readonly #loss = new LossGauge();
  /** What others said of their trunks, by third node and owner. */
  readonly #legs = new Map<string, { readonly reply: LegReply; readonly atMs: number }>();
  #owners: ReadonlySet<string> = new Set();
  #cancel: (() => void) | undefined;
  #measuredAtMs = Number.NEGATIVE_INFINITY;
  #isMeasuring = false;

  constructor(parts: DetourParts) {
    this.#parts = parts;
  }

  viaOf(owner: string): string | undefined {
    return this.#routes.viaOf(owner);
  }

  isBroken(owner: string): boolean {
    return this.#routes.isBroken(owner);
  }

  all(): ReturnType<Routes["all"]> {
    return this.#routes.all();
  }

  /** From whom something is wanted now. */
  watch(owners: ReadonlySet<string>): void {
    this.#owners = owners;
    this.#arm();
  }

  failed(owner: string, via: string): void {
    this.#routes.failed(owner, via, this.#parts.clock.nowMs());
    this.#look();
  }

  forget(node: string): void {
    this.#routes.forget(node);
    this.#loss.forget(node);
    for (const key of this.#legs.keys()) if ((JSON.parse(key) as string[]).includes(node)) this.#legs.delete(key);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#owners = new Set();
  }

  /** What this node answers when it is asked for its trunk to `to`. */
  legTo(to: string): LegReply {
    const { mesh, health } = this.#parts;
    const isThere = to !== mesh.self.name && mesh.node(to) !== undefined;
    const isGood =
      health(to) === "up" || (health(to) === "coming" && !this.#routes.isLost(to, this.#parts.clock.nowMs()));
    const forwards = isThere && isGood && mesh.self.forwards === true && !mesh.self.draining;
    return { forwards: forwards && this.viaOf(to) === undefined, lossRatio: this.#lossOf(to) };
  }

  // ---------------------------------------------------------------- looking

  /** Nothing is looked at while nothing is wanted, or nobody could forward. */
  #arm(): void {
    const isOpen = this.#forwarders().length > 0 || this.#routes.all().length > 0 || this.#parts.isForwarding();
    const isNeeded = this.#owners.size > 0 && isOpen;
    if (!isNeeded) {
      this.#cancel?.();
      this.#cancel = undefined;
      if (this.#routes.all().length > 0) this.#look();
      return;
    }
    this.#cancel ??= this.#parts.clock.after(LOOK_EVERY_MS, () => {
      this.#cancel = undefined;
      this.#look();
      this.#parts.looked();
      this.#arm();
    });
  }

  #look(): void {
    const nowMs = this.#parts.clock.nowMs();
    const changed = this.#routes.step(this.#owners, this.#view(), nowMs);
    if (changed) this.#parts.changed();
    if (nowMs - this.#measuredAtMs >= MEASURE_EVERY_MS && !this.#isMeasuring && this.#owners.size > 0) {
      this.#measuredAtMs = nowMs;
      this.#isMeasuring = true;
      const over = (): void => {
        this.#isMeasuring = false;
      };
      // What fails inside is answered there; nothing may keep the next measurement from its turn.
      this.#measure().then(over, over);
    }
  }

  #view(): Parameters<Routes["step"]>[1] {
    const { health } = this.#parts;
    return {
      health,
      directCostMs: (owner) => this.#directCostMs(owner),
      detours: (owner) => this.#detours(owner),
    };
  }

  #forwarders(): readonly string[] {
    const { mesh } = this.#parts;
    return mesh
      .nodes()
      .filter((node) => node.forwards === true && !node.draining && node.name !== mesh.self.name)
      .map((node) => node.name);
  }

  #directCostMs(owner: string): number | undefined {
    const rtt = this.#parts.mesh.rttMs(owner);
    return rtt === undefined ? undefined : rtt.ms + lossCostMs(this.#lossOf(owner));
  }

  /** Those whose trunk is known to fail are left out; the nearest are kept. */
  #detours(owner: string): readonly Detour[] {
    const { mesh, clock } = this.#parts;
    const rttMs = (a: string, b: string): number => mesh.rttMs(a, b)?.ms ?? UNKNOWN_RTT_MS;
    const found = this.#forwarders()
      .filter((node) => node !== owner)
      .map((node) => ({ node, costMs: rttMs(node, mesh.self.name) + rttMs(node, owner) + HOP_MS }))
      .sort((a, b) => a.costMs - b.costMs);
    const present = this.viaOf(owner);
    return found
      .filter(({ node }, index) => index < MAX_CONSIDERED || node === present)
      .flatMap(({ node, costMs }) => {
        const leg = this.#legs.get(legKey(node, owner));
        const isFresh = leg !== undefined && clock.nowMs() - leg.atMs < LEG_HOLDS_MS;
        if (isFresh && !leg.reply.forwards) return [];
        const legLoss = isFresh ? leg.reply.lossRatio : null;
        return [{ node, costMs: costMs + lossCostMs(this.#lossOf(node)) + lossCostMs(legLoss) }];
      })
      .sort((a, b) => a.costMs - b.costMs);
  }

  #lossOf(node: string): number | null {
    return this.#loss.ratioOf(node, this.#parts.clock.nowMs());
  }

  // ---------------------------------------------------------------- measuring

  async #measure(): Promise<void> {
    const { media, clock, peerOf } = this.#parts;
    const stats = await media.stats().catch(() => undefined);
    for (const trunk of stats?.trunks ?? []) {
      const peer = peerOf(trunk.trunkId);
      if (peer !== undefined) this.#loss.note(peer, trunk, clock.nowMs());
    }
    await Promise.all(
      [...this.#owners].flatMap((owner) => this.#detours(owner).map(({ node }) => this.#askLeg(node, owner))),
    );
  }

  /** Who does not answer is judged by distance alone. */
  async #askLeg(node: string, to: string): Promise<void> {
    const { mesh, clock } = this.#parts;
    const reply = await mesh
      .request(node, TRUNK_TOPICS.leg, { to }, { timeoutMs: LEG_TIMEOUT_MS })
      .catch(() => undefined);
    const leg = readLegReply(reply);
    const key = legKey(node, to);
    if (leg === undefined) this.#legs.delete(key);
    else this.#legs.set(key, { reply: leg, atMs: clock.nowMs() });
  }
}

const legKey = (node: string, to: string): string => JSON.stringify([node, to]);

function lossCostMs(lossRatio: number | null): number {
  if (lossRatio === null) return 0;
  return Math.max(0, lossRatio - FREE_LOSS_RATIO) * 100 * MS_PER_PERCENT;
}
