// The scenarios that every change has to pass, by what they disturb, and the same ones at any other size. Seeds are fixed;
// the environment of the test run may replace them.

import { type Plan, sized } from "./plan.ts";
import { BOOTS, CUTS, DEPARTURES, SLOWNESS } from "./plans-membership.ts";
import { LOSS, REQUESTS, STRANGERS, TALK } from "./plans-traffic.ts";
import type { Scenario } from "./scenario.ts";

const PLANS: readonly Plan[] = [
  ...BOOTS,
  ...DEPARTURES,
  ...CUTS,
  ...SLOWNESS,
  ...LOSS,
  ...REQUESTS,
  ...TALK,
  ...STRANGERS,
];

/** All of them, each with so many members; by default each with its usual number. */
export const scenariosOf = (nodeCount?: number): readonly Scenario[] => PLANS.map((plan) => sized(plan, nodeCount));

export const SCENARIOS: readonly Scenario[] = scenariosOf();
