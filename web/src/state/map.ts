/** Draws nodes as far apart as their round trips say: stress majorisation in the plane. Pure and deterministic. */

export interface Distance {
  readonly from: string;
  readonly to: string;
  readonly rttMs: number;
}
export interface Point {
  readonly x: number;
  readonly y: number;
}

const ROUNDS = 200;

/** Points in 0 to 1, one for each name; names without any distance are spread on the circle. */
export function layOut(names: readonly string[], distances: readonly Distance[]): ReadonlyMap<string, Point> {
  const at = names.map((_, index) => {
    const angle = (index / Math.max(1, names.length)) * 2 * Math.PI - Math.PI / 2;
    return { x: Math.cos(angle), y: Math.sin(angle) };
  });
  const wanted = wantedOf(names, distances);
  for (let round = 0; round < ROUNDS; round += 1)
    for (const [index, point] of at.entries()) pull(point, index, at, wanted);
  return fitted(names, at);
}

/** Root of the round trip: a mesh of one continent and one far node stays readable. */
function wantedOf(
  names: readonly string[],
  distances: readonly Distance[],
): readonly (readonly (number | undefined)[])[] {
  const rtts = new Map<string, number>();
  for (const { from, to, rttMs } of distances) {
    const key = from < to ? `${from}\n${to}` : `${to}\n${from}`;
    rtts.set(key, Math.min(rtts.get(key) ?? Number.POSITIVE_INFINITY, rttMs));
  }
  const of = (a: string, b: string): number | undefined => {
    const rttMs = rtts.get(a < b ? `${a}\n${b}` : `${b}\n${a}`);
    return rttMs === undefined ? undefined : Math.sqrt(Math.max(rttMs, 0.2));
  };
  return names.map((a) => names.map((b) => (a === b ? undefined : of(a, b))));
}

function pull(
  point: { x: number; y: number },
  index: number,
  at: readonly Point[],
  wanted: readonly (readonly (number | undefined)[])[],
): void {
  let x = 0;
  let y = 0;
  let weight = 0;
  for (const [other, there] of at.entries()) {
    const distance = wanted[index]?.[other];
    if (distance === undefined) continue;
    const dx = point.x - there.x;
    const dy = point.y - there.y;
    const length = Math.hypot(dx, dy) || 1e-6;
    const w = 1 / (distance * distance);
    x += w * (there.x + (dx / length) * distance);
    y += w * (there.y + (dy / length) * distance);
    weight += w;
  }
  if (weight === 0) return;
  point.x = x / weight;
  point.y = y / weight;
}

function fitted(names: readonly string[], at: readonly Point[]): ReadonlyMap<string, Point> {
  const xs = at.map(({ x }) => x);
  const ys = at.map(({ y }) => y);
  const span = Math.max(Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys), 1e-6);
  const midX = (Math.max(...xs) + Math.min(...xs)) / 2;
  const midY = (Math.max(...ys) + Math.min(...ys)) / 2;
  return new Map(
    names.map((name, index) => {
      const point = at[index] ?? { x: midX, y: midY };
      return [name, { x: 0.5 + (point.x - midX) / span, y: 0.5 + (point.y - midY) / span }];
    }),
  );
}
