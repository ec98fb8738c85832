// Every scenario keeps its promises: safety at every step, liveness after healing, and the same deliveries whenever the
// same seed is run. SIM_SEED and SIM_SCENARIO (part of a name) repeat one run; SIM_SIZE gives every scenario so many
// members (bench/sim/scale.mjs runs the same ones compiled, in less time and memory).

import { expect, test } from "@jest/globals";
import { type Report, runScenario, SCENARIOS, type Scenario, scenariosOf } from "#gossip/sim";

const chosenSeed = process.env.SIM_SEED === undefined ? undefined : Number(process.env.SIM_SEED);
const chosenName = process.env.SIM_SCENARIO;

const chosenSize = process.env.SIM_SIZE === undefined ? undefined : Number(process.env.SIM_SIZE);

const chosen = scenariosOf(chosenSize).filter(
  (scenario) => chosenName === undefined || scenario.name.includes(chosenName),
);

/** Running everything twice would double the time; a difference shows in small clusters just as well. */
const REPEAT_UP_TO_NODES = 50;

function summary(report: Report): string {
  const { name, seed, digest, bootMs, settleMs, falseFailures, answered, asked, happenings } = report;
  const requests = asked > 0 ? ` requests ${answered}/${asked}` : "";
  return `seed ${seed} scenario "${name}" digest ${digest} boot ${bootMs} ms settle ${settleMs} ms false ${falseFailures}${requests} happenings ${happenings}`;
}

test("there are at least twenty scenarios, each with a name and a seed of its own", () => {
  expect(SCENARIOS.length).toBeGreaterThanOrEqual(20);
  expect(new Set(SCENARIOS.map((scenario) => scenario.name)).size).toBe(SCENARIOS.length);
  expect(new Set(SCENARIOS.map((scenario) => scenario.seed)).size).toBe(SCENARIOS.length);
  expect(Math.max(...SCENARIOS.map((scenario) => scenario.nodeCount))).toBe(300);
});

test.each(chosen.map((scenario) => [scenario.name, scenario] as const))(
  "%s",
  (_name: string, scenario: Scenario) => {
    const report = runScenario(scenario, chosenSeed);
    process.stdout.write(`${summary(report)}\n`);

    expect({ scenario: scenario.name, seed: report.seed, failures: report.failures }).toEqual({
      scenario: scenario.name,
      seed: report.seed,
      failures: [],
    });
    expect(report.checks).toBeGreaterThan(0);
    if (scenario.nodeCount <= REPEAT_UP_TO_NODES) {
      const again = runScenario(scenario, chosenSeed);
      expect(again.digest).toBe(report.digest);
      expect(again.happenings).toBe(report.happenings);
    }
  },
  // Time that a test may take grows as the work does, with the square of the size.
  60_000 * Math.max(1, ((chosenSize ?? 0) / 300) ** 2),
);

/** What must not be lost when scenarios are moved about. */
const MUST_EXIST = [
  "boot of 3",
  "boot of 30 around the world",
  "boot of 300 in two regions",
  "crash of one",
  "crash of a third",
  "rolling restart",
  "graceful leave of a third",
  "leave whose words are lost",
  "partition in halves",
  "one-way partition of a few",
  "partition longer than the dead are remembered",
  "one slow member",
  "pause of 10 s",
  "20 % lost in bursts",
  "duplicates and overtaking",
  "clock jump of an hour",
  "two claim one name",
  "keys change under load",
  "event storm under loss",
  "queries with relays under loss",
  "a stranger who replays",
  "a stranger who lies about members",
  "a stranger's noise and giants",
  "a stranger who floods",
];

test("none of the scenarios that a cluster must survive is missing, at any size", () => {
  expect(SCENARIOS.map(({ name }) => name)).toEqual(expect.arrayContaining(MUST_EXIST));
  const large = scenariosOf(1_000);
  expect(large.map(({ name, seed }) => [name, seed])).toEqual(SCENARIOS.map(({ name, seed }) => [name, seed]));
  expect(new Set(large.map(({ nodeCount }) => nodeCount))).toEqual(new Set([1_000]));
});
