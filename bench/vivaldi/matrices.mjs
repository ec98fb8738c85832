// Round-trip times between many places: measured ones from the fixtures, and a large set made from them.
import { readFileSync } from "node:fs";

/** A fixture's lower triangle as a full symmetric matrix in milliseconds. */
export function measured(name) {
  const text = readFileSync(new URL(`../../gossip/test/fixtures/${name}.csv`, import.meta.url), "utf8");
  const lines = text.trim().split("\n");
  const rows = lines.filter((line) => !line.startsWith("#")).map((line) => line.split(",").slice(1).map(Number));
  return rows.map((row, i) => rows.map((other, j) => (i === j ? 0 : j < i ? row[j] : other[i])));
}

/** Hosts spread over the cities, each behind an access line of its own, paths off by some percent. */
export function spread(cities, count, random) {
  const exponential = (mean) => -mean * Math.log(1 - random.next());
  const normal = () => Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
  const hosts = Array.from({ length: count }, (_, i) => ({
    city: i < cities.length ? i : random.below(cities.length),
    accessMs: 0.3 + exponential(1.5),
  }));
  const matrix = hosts.map(() => new Float64Array(count));
  for (const [i, a] of hosts.entries()) {
    for (const [j, b] of hosts.slice(0, i).entries()) {
      const pathMs = a.city === b.city ? 0.8 : cities[a.city][b.city];
      const rttMs = pathMs * (1 + Math.abs(0.03 * normal())) + a.accessMs + b.accessMs;
      matrix[i][j] = rttMs;
      matrix[j][i] = rttMs;
    }
  }
  return matrix;
}
