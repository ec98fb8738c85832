// Where nodes are: round-trip times between all pairs, known exactly, so that what was learnt can be held against them.

import type { Random } from "../src/random.ts";
import { assertNever, type DurationMs } from "../src/types.ts";

export type TopologySpec =
  /** Everybody equally far. */
  | { readonly kind: "uniform"; readonly rttMs: DurationMs }
  /** Neighbours on a line this far apart. */
  | { readonly kind: "line"; readonly spacingMs: DurationMs }
  /** A square grid, row by row. */
  | { readonly kind: "grid"; readonly spacingMs: DurationMs }
  /** Two halves: near inside, far across. */
  | { readonly kind: "regions"; readonly insideMs: DurationMs; readonly acrossMs: DurationMs }
  /** On a circle of this radius, paths straight across. */
  | { readonly kind: "circle"; readonly radiusMs: DurationMs }
  /** Spread over cities of the world, each node with an access delay of its own. */
  | { readonly kind: "world" };

export interface Topology {
  /** Symmetric; 0 from a node to itself. */
  rttMs(a: number, b: number): DurationMs;
}

interface Place {
  readonly x: number;
  readonly y: number;
}

/** Least round trip between two different nodes. */
const FLOOR_MS = 0.2;

export function makeTopology(spec: TopologySpec, nodeCount: number, random: Random): Topology {
  switch (spec.kind) {
    case "uniform":
      return between(() => spec.rttMs);
    case "line":
      return between((a, b) => Math.abs(a - b) * spec.spacingMs);
    case "grid": {
      const side = Math.ceil(Math.sqrt(nodeCount));
      const place = (i: number): Place => ({
        x: (i % side) * spec.spacingMs,
        y: Math.floor(i / side) * spec.spacingMs,
      });
      return between((a, b) => planar(place(a), place(b)));
    }
    case "regions": {
      const isFirst = (i: number): boolean => 2 * i < nodeCount;
      return between((a, b) => spec.insideMs + (isFirst(a) === isFirst(b) ? 0 : spec.acrossMs));
    }
    case "circle": {
      const place = (i: number): Place => {
        const angle = (2 * Math.PI * i) / nodeCount;
        return { x: spec.radiusMs * Math.cos(angle), y: spec.radiusMs * Math.sin(angle) };
      };
      return between((a, b) => planar(place(a), place(b)));
    }
    case "world":
      return world(nodeCount, random);
    default:
      return assertNever(spec);
  }
}

function between(rttMs: (a: number, b: number) => DurationMs): Topology {
  return { rttMs: (a, b) => (a === b ? 0 : Math.max(FLOOR_MS, rttMs(a, b))) };
}

function planar(a: Place, b: Place): DurationMs {
  return Math.hypot(a.x - b.x, a.y - b.y);
}

/** Latitude and longitude in degrees. */
const CITIES: readonly (readonly [number, number])[] = [
  [10.8, 106.7],
  [21.0, 105.8],
  [1.35, 103.8],
  [22.3, 114.2],
  [35.7, 139.7],
  [37.6, 127.0],
  [-33.9, 151.2],
  [19.1, 72.9],
  [25.2, 55.3],
  [52.4, 4.9],
  [50.1, 8.7],
  [48.9, 2.4],
  [51.5, -0.1],
  [59.3, 18.1],
  [40.4, -3.7],
  [40.7, -74.0],
  [41.9, -87.6],
  [32.8, -96.8],
  [37.8, -122.4],
  [47.6, -122.3],
  [43.7, -79.4],
  [19.4, -99.1],
  [-23.5, -46.6],
  [-34.6, -58.4],
  [6.5, 3.4],
  [-26.2, 28.0],
];

const EARTH_RADIUS_KM = 6371;
/** Light in glass does 200 km/ms; cables are about half as long again as the great circle, and it is there and back. */
const RTT_MS_PER_KM = (2 * 1.5) / 200;

function world(nodeCount: number, random: Random): Topology {
  const city = Array.from({ length: nodeCount }, () => random.below(CITIES.length));
  const accessMs = Array.from({ length: nodeCount }, () => 0.3 + 2 * random.next());
  return between((a, b) => {
    const km = greatCircleKm(CITIES[city[a] as number] ?? [0, 0], CITIES[city[b] as number] ?? [0, 0]);
    return km * RTT_MS_PER_KM + (accessMs[a] as number) + (accessMs[b] as number);
  });
}

function greatCircleKm(a: readonly [number, number], b: readonly [number, number]): number {
  const radians = Math.PI / 180;
  const [latitudeA, latitudeB] = [a[0] * radians, b[0] * radians];
  const sine =
    Math.sin((latitudeB - latitudeA) / 2) ** 2 +
    Math.cos(latitudeA) * Math.cos(latitudeB) * Math.sin(((b[1] - a[1]) * radians) / 2) ** 2;
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.sqrt(sine));
}
