// npm run bench:vivaldi: how well coordinates learn measured networks. Every round each node probes one other at random,
// without noise, as one probe interval of a cluster does. Goals are those of a written-anew reference of Serf's algorithm
// on the same data, with room for chance; figures are medians over the seeds.
//   --only wonder,planetlab,seattle,thousand  --seeds 1,2,3
import { parseArgs } from "node:util";
import { distance } from "../../dist/gossip/src/coordinate/coordinate.js";
import { Vivaldi } from "../../dist/gossip/src/coordinate/vivaldi.js";
import { seededRandom } from "../../dist/gossip/src/random.js";
import { measured, spread } from "./matrices.mjs";

const { values: options } = parseArgs({
  options: {
    only: { type: "string", default: "wonder,planetlab,seattle,thousand" },
    seeds: { type: "string", default: "1,2,3" },
  },
});
const SAMPLED_PAIRS = 20_000;

/** Goals as [round, "median" or "p90", largest relative error]. */
const SETS = {
  wonder: {
    title: "235 cities of the world",
    load: () => measured("wonder235"),
    rounds: 1000,
    goals: [
      [100, "median", 0.13],
      [300, "median", 0.09],
      [300, "p90", 0.36],
    ],
  },
  planetlab: {
    title: "490 PlanetLab nodes",
    load: () => measured("planetlab490"),
    rounds: 1000,
    goals: [
      [100, "median", 0.12],
      [300, "median", 0.085],
      [300, "p90", 0.34],
    ],
  },
  seattle: {
    title: "99 personal devices",
    load: () => measured("seattle99"),
    rounds: 1000,
    goals: [[150, "median", 0.19]],
  },
  thousand: {
    title: "1000 hosts made from the cities",
    load: (random) => spread(measured("wonder235"), 1000, random),
    rounds: 600,
    goals: [[300, "median", 0.1]],
  },
};

const REPORTED_ROUNDS = [50, 100, 150, 200, 300];
const TAIL_ROUNDS = 100;
const TAIL_EVERY = 20;

function quantile(values, share) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)];
}

function errorsOf(nodes, matrix, random) {
  const relative = [];
  const absoluteMs = [];
  for (let i = 0; i < SAMPLED_PAIRS; i += 1) {
    const a = random.below(nodes.length);
    const b = (a + 1 + random.below(nodes.length - 1)) % nodes.length;
    const errorMs = Math.abs(distance(nodes[a].own, nodes[b].own) * 1000 - matrix[a][b]);
    relative.push(errorMs / matrix[a][b]);
    absoluteMs.push(errorMs);
  }
  return {
    median: quantile(relative, 0.5),
    p90: quantile(relative, 0.9),
    medianMs: quantile(absoluteMs, 0.5),
    p90Ms: quantile(absoluteMs, 0.9),
  };
}

/** Field by field over several results of one shape. */
function medians(several) {
  const [first] = several;
  const middle = (field) =>
    quantile(
      several.map((errors) => errors[field]),
      0.5,
    );
  return Object.fromEntries(Object.keys(first).map((field) => [field, middle(field)]));
}

function learn(matrix, rounds, random) {
  const nodes = matrix.map((_, i) => new Vivaldi(random.fork(`node ${i}`)));
  const names = matrix.map((_, i) => `n${i}`);
  const probes = random.fork("probes");
  const pairs = random.fork("pairs");
  const at = new Map();
  const tail = [];
  for (let round = 1; round <= rounds; round += 1) {
    for (const [i, node] of nodes.entries()) {
      const peer = (i + 1 + probes.below(nodes.length - 1)) % nodes.length;
      node.update(names[peer], nodes[peer].own, matrix[i][peer] / 1000);
    }
    if (REPORTED_ROUNDS.includes(round)) at.set(round, errorsOf(nodes, matrix, pairs));
    if (round > rounds - TAIL_ROUNDS && round % TAIL_EVERY === 0) tail.push(errorsOf(nodes, matrix, pairs));
  }
  const mean = (field) => tail.reduce((sum, errors) => sum + errors[field], 0) / tail.length;
  const settled = { median: mean("median"), p90: mean("p90"), medianMs: mean("medianMs"), p90Ms: mean("p90Ms") };
  return { at, settled };
}

const percent = (share) => `${(share * 100).toFixed(1)} %`;
const seeds = options.seeds.split(",").map(Number);
const results = {};
console.log("| set | settled: median, p90 | absolute: median, p90 | median at round 50, 100, 200, 300 | goals |");
console.log("| --- | --- | --- | --- | --- |");
for (const name of options.only.split(",")) {
  const { title, load, rounds, goals } = SETS[name];
  const runs = seeds.map((seed) => {
    const random = seededRandom(seed);
    return learn(load(random.fork("matrix")), rounds, random.fork(name));
  });
  const settled = medians(runs.map((run) => run.settled));
  const at = new Map(REPORTED_ROUNDS.map((round) => [round, medians(runs.map((run) => run.at.get(round)))]));
  const checks = goals.map(([round, what, limit]) => {
    const value = at.get(round)[what];
    return { round, what, limit, value: Number(value.toFixed(4)), met: value <= limit };
  });
  const cells = [
    title,
    `${percent(settled.median)}, ${percent(settled.p90)}`,
    `${settled.medianMs.toFixed(1)}, ${settled.p90Ms.toFixed(1)} ms`,
    [50, 100, 200, 300].map((round) => percent(at.get(round).median)).join(", "),
    checks
      .map(({ round, what, limit, met }) => `${what} at ${round} ≤ ${percent(limit)}: ${met ? "met" : "MISSED"}`)
      .join("; "),
  ];
  console.log(`| ${cells.join(" | ")} |`);
  results[name] = { settled, checks };
}
const met = Object.values(results).every(({ checks }) => checks.every((check) => check.met));
console.log(JSON.stringify({ bench: "vivaldi", seeds, met, results }));
