/** The real mesh of a node: a gossip agent, the mesh over it, and the joining of seeds. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { GossipAgent } from "#gossip/io";
import { hostOnly } from "./app-address.ts";
import { handlerOptions } from "./cli/operator-options.ts";
import type { NodeConfig } from "./config.ts";
import { SeedJoiner } from "./join-seeds.ts";
import type { Clock } from "./mesh/clock.ts";
import { GossipMesh } from "./mesh/gossip-mesh.ts";
import type { Log } from "./mesh/log.ts";
import type { Mesh, MeshNode } from "./mesh/mesh.ts";

/** A mesh that runs, as the app sees it. */
export interface RunningMesh {
  readonly mesh: Mesh;
  /** Has a seed answered, or are there none? */
  isJoined(): boolean;
  /** Says goodbye to the others. */
  leave(): Promise<void>;
  stop(): Promise<void>;
  /** Counters for the metrics. */
  stats(): Readonly<Record<string, number>>;
  /** Called when the node is out of the mesh without its own doing: `hearsay leave`, or its name went to another. */
  onLeft?(listener: () => void): void;
}

/** Resolves when the agent listens and the mesh follows it; joining goes on behind. */
export async function gossipMesh(
  config: NodeConfig,
  self: MeshNode,
  parts: { readonly clock: Clock; readonly log: Log },
): Promise<RunningMesh> {
  const folder = join(config.dataDir, "nodes", config.name);
  mkdirSync(folder, { recursive: true });
  const agent = new GossipAgent({
    nodeName: config.name,
    bindHost: literal(config.gossipHost),
    bindPort: config.gossipPort,
    ...advertised(config),
    profile: config.gossipProfile,
    keys: config.gossipKeys,
    ...(config.keyringFile === undefined ? {} : { keyringFile: config.keyringFile }),
    eventHandlers: handlerOptions(config.eventHandlers, config.eventHandlerTimeoutMs, process.env),
    operatorCoalesce: config.operatorCoalesce,
    snapshotPath: join(folder, "gossip.snapshot"),
    log: parts.log,
    ...(config.rpcAddr === undefined ? {} : { rpc: { ...config.rpcAddr, ...authKey(config) } }),
  });
  await agent.start();
  const mesh = new GossipMesh({ agent, self, log: parts.log });
  const joiner = new SeedJoiner({
    seeds: config.seeds,
    join: (seeds, signal) => agent.join(seeds, { signal }),
    isAlone: () => mesh.nodes().length === 1,
    clock: parts.clock,
    log: parts.log,
  });
  try {
    await mesh.start();
  } catch (error) {
    await agent.stop();
    throw error;
  }
  joiner.start();
  return {
    mesh,
    isJoined: () => joiner.joined,
    leave: async () => {
      await joiner.stop();
      await agent.leave();
    },
    stop: async () => {
      await joiner.stop();
      mesh.stop();
      await agent.stop();
    },
    stats: () => agent.stats(),
    onLeft: (listener) => void agent.onLeft(listener),
  };
}

const literal = (host: string): string => (host === "localhost" ? "127.0.0.1" : host);

const authKey = (config: NodeConfig): { readonly authKey?: string } =>
  config.rpcAuthKey === undefined ? {} : { authKey: config.rpcAuthKey };

/** Behind a NAT others are told the outer address; bound to one address, that one is told. */
function advertised(config: NodeConfig): { readonly advertiseHost?: string } {
  const [first] = config.advertise;
  const isAny = config.gossipHost === "0.0.0.0" || config.gossipHost === "::";
  return isAny && first !== undefined ? { advertiseHost: hostOnly(first) } : {};
}
