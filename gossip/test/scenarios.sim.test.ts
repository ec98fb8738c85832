// Every scenario keeps its promises: safety at every step, liveness after healing, and the same deliveries whenever the
// same seed is run. SIM_SEED and SIM_SCENARIO (part of a name) repeat one run.

import { expect, test } from "@jest/globals";
import { type Report, runScenario, SCENARIOS, type Scenario } from "#gossip/sim";

const chosenSeed = process.env.SIM_SEED === undefined ? undefined : Number(process.env.SIM_SEED);
const chosenName = process.env.SIM_SCENARIO;

const chosen = SCENARIOS.filter((scenario) => chosenName === undefined || scenario.name.includes(chosenName));

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
  60_000,
);
