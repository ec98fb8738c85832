/** Which node serves us: measured round-trip times, the mesh's advice, and what to do when that node is gone. */
import type { Api } from "./api.ts";
import { type MeasuredRtt, measureRtts } from "./echo.ts";
import { HearsayError } from "./errors.ts";
import type { ResolvedOptions } from "./options.ts";
import type { NodeInfo, PlaceCandidate, PlaceResponse } from "./protocol/messages.ts";

/** Older measurements are made again before a placement. */
const MEASURED_FOR_MS = 60_000;

/** Which node serves a room for us, and why. */
export interface Path {
  readonly node: NodeInfo;
  readonly rttMs: number | undefined;
  /** In words that a person can read. */
  readonly why: string;
  readonly alternatives: readonly PlaceCandidate[];
}

const trimmed = (url: string): string => url.replace(/\/+$/, "");

/** The mesh's choice, or its next best where that one just failed us; undefined when all of them did. */
export function chooseNode(placed: PlaceResponse, avoid: readonly string[]): PlaceCandidate | undefined {
  const usable = [placed.chosen, ...placed.alternatives].filter(
    ({ node }) => !node.draining && !avoid.includes(trimmed(node.url)),
  );
  return usable[0];
}

export class Placement {
  readonly #api: Api;
  readonly #options: ResolvedOptions;
  #nodes: readonly NodeInfo[] = [];
  #rtts: readonly MeasuredRtt[] = [];
  #measuredAtMs = Number.NEGATIVE_INFINITY;
  #measuring: Promise<readonly MeasuredRtt[]> | undefined;

  constructor(api: Api, options: ResolvedOptions) {
    this.#api = api;
    this.#options = options;
  }

  get rtts(): readonly MeasuredRtt[] {
    return this.#rtts;
  }

  /** Measures all nodes at most once a minute; callers at the same time share one measurement. */
  async measure(): Promise<readonly MeasuredRtt[]> {
    if (this.#options.nowMs() - this.#measuredAtMs < MEASURED_FOR_MS) return this.#rtts;
    this.#measuring ??= this.#measure().finally(() => {
      this.#measuring = undefined;
    });
    return this.#measuring;
  }

  /** Rejects when the room does not exist or no node answers. */
  async place(slug: string): Promise<Path> {
    const rtts = await this.measure();
    const placed = await this.#api.place(slug, { rtts });
    const chosen = chooseNode(placed, []) ?? placed.chosen;
    return { node: chosen.node, rttMs: chosen.rttMs, why: placed.why, alternatives: placed.alternatives };
  }

  /** Another node after some failed, with the measurements at hand: this is no time to measure. Rejects with "no_node". */
  async replace(slug: string, avoid: readonly string[]): Promise<Path> {
    this.#api.demote(avoid);
    const placed = await this.#api.place(slug, {
      rtts: this.#rtts.filter(({ node }) => !this.#isAvoided(node, avoid)),
    });
    const chosen = chooseNode(placed, avoid);
    if (chosen !== undefined)
      return { node: chosen.node, rttMs: chosen.rttMs, why: placed.why, alternatives: placed.alternatives };
    const { nodes } = await this.#api.nodes();
    const other = nodes.find((node) => !avoid.includes(trimmed(node.url)));
    if (other === undefined) throw new HearsayError("no_node", "No other node is alive.");
    return { node: other, rttMs: undefined, why: placed.why, alternatives: [] };
  }

  async #measure(): Promise<readonly MeasuredRtt[]> {
    const { nodes } = await this.#api.nodes();
    this.#nodes = nodes;
    this.#rtts = await measureRtts(nodes, this.#options);
    this.#measuredAtMs = this.#options.nowMs();
    return this.#rtts;
  }

  #isAvoided(name: string, avoid: readonly string[]): boolean {
    return this.#nodes.some((node) => node.name === name && avoid.includes(trimmed(node.url)));
  }
}
