// The simulator's door: for tests of the product and for benches.

export { simulatedAead } from "./aead.ts";
export { Chatter } from "./chatter.ts";
export { Checkers, Violation } from "./checkers.ts";
export { Cluster, type ClusterOptions, deriveSeed, nameOf } from "./cluster.ts";
export { type Fault, Faults, type FaultTally, type Pick } from "./faults.ts";
export { type Attack, Hostile } from "./hostile.ts";
export { CLEAN, type LinkConditions, Network, type NetworkCounters } from "./network.ts";
export { SimNode } from "./node.ts";
export { type Expectations, type Report, runMarathon, runScenario, type Scenario, type Step } from "./scenario.ts";
export { SCENARIOS, scenariosOf } from "./scenarios.ts";
export { Scheduler } from "./scheduler.ts";
export { makeTopology, type Topology, type TopologySpec } from "./topology.ts";
