/** The qualities in which a track can be had, least first, with what each costs on a path. */
import { ALL_LAYERS } from "../layer-filter.ts";
import type { Producer } from "../producer.ts";

export interface LayerLevel {
  /** Simulcast layer. */
  readonly index: number;
  readonly spatial: number;
  readonly temporal: number;
  readonly bps: number;
  /** Rank among the sizes: simulcast layer or spatial layer. */
  readonly rank: number;
}

/** Until a layer was measured: the highest, and each lower one. */
const ASSUMED_BPS = [1_500_000, 500_000, 180_000];

/**
 * `layers`: the track's streams by simulcast layer, undefined or inactive ones included; `prefersDetail`: of every size also
 * that with the fewest pictures.
 */
export function buildLadder(layers: readonly (Producer | undefined)[], prefersDetail = false): LayerLevel[] {
  const levels: LayerLevel[] = [];
  for (const [index, producer] of layers.entries()) {
    const source = producer?.active === true ? producer : standIn(layers, index);
    if (source === undefined || source.meter?.isKnown !== true) {
      const bps = ASSUMED_BPS[Math.min(layers.length - 1 - index, ASSUMED_BPS.length - 1)] ?? 0;
      levels.push({ index, spatial: ALL_LAYERS, temporal: ALL_LAYERS, bps, rank: index });
    } else {
      addMeasured(levels, source, { index, isLowest: index === 0, prefersDetail });
    }
  }
  return levels;
}

/** What would really be sent for a layer that is not: itself, hopefully soon, if a lower one bridges the time; else a higher one. */
function standIn(layers: readonly (Producer | undefined)[], index: number): Producer | undefined {
  for (let lower = index - 1; lower >= 0; lower--) if (layers[lower]?.active === true) return layers[index];
  for (let higher = index + 1; higher < layers.length; higher++) {
    if (layers[higher]?.active === true) return layers[higher];
  }
  return layers[index];
}

function addMeasured(
  levels: LayerLevel[],
  source: Producer,
  from: { readonly index: number; readonly isLowest: boolean; readonly prefersDetail: boolean },
): void {
  const { meter } = source;
  const { index, isLowest, prefersDetail } = from;
  if (meter === undefined) return;
  const { maxSpatialId, maxTemporalId } = meter;
  for (let spatial = 0; spatial <= maxSpatialId; spatial++) {
    const lowest = prefersDetail || (isLowest && spatial === 0);
    // A larger picture at a quarter of its pictures is no gain over a smaller one that moves.
    const first = lowest ? 0 : Math.max(0, maxTemporalId - 1);
    for (let temporal = first; temporal <= maxTemporalId; temporal++) {
      const bps = meter.bps(spatial, temporal);
      const rank = maxSpatialId > 0 ? spatial : index;
      levels.push({ index, spatial: open(spatial, maxSpatialId), temporal: open(temporal, maxTemporalId), bps, rank });
    }
  }
}

/** Of a ladder that prefers detail: pictures are given up first, and pixels only when the fewest pictures are too many. */
export function withDetail(ladder: readonly LayerLevel[]): readonly LayerLevel[] {
  const top = ladder.at(-1)?.rank;
  return ladder.filter((level, i) => {
    const before = ladder[i - 1];
    const isFirst = before === undefined || before.index !== level.index || before.rank !== level.rank;
    return isFirst || level.rank === top;
  });
}

/** The highest layer stands for any that may come. */
function open(id: number, highest: number): number {
  return id === highest ? ALL_LAYERS : id;
}
