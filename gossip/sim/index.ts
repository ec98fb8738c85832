// The simulator's door: for tests of the product and for benches.

export { simulatedAead } from "./aead.ts";
export { Checkers, Violation } from "./checkers.ts";
export { Cluster, type ClusterOptions, deriveSeed, nameOf } from "./cluster.ts";
export { CLEAN, type LinkConditions, Network, type NetworkCounters } from "./network.ts";
export { SimNode } from "./node.ts";
export { Scheduler } from "./scheduler.ts";
export { makeTopology, type Topology, type TopologySpec } from "./topology.ts";
