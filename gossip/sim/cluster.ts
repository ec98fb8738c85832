// Many members in one process on virtual time, all of it decided by one seed.

import { createGossip } from "../src/gossip.ts";
import { type GossipOptions, resolveOptions } from "../src/options.ts";
import { hashText, type Random, seededRandom } from "../src/random.ts";
import type { GossipEvent, GossipSink } from "../src/sink.ts";
import { assert, type DurationMs, type Endpoint, type InstantMs } from "../src/types.ts";
import { hashBytes, simulatedAead } from "./aead.ts";
import { Checkers, TOKEN_BYTES } from "./checkers.ts";
import { CLEAN, type LinkConditions, Network } from "./network.ts";
import { SimNode } from "./node.ts";
import { Scheduler } from "./scheduler.ts";
import { type StreamArrival, Streams } from "./streams.ts";
import { makeTopology, type Topology, type TopologySpec } from "./topology.ts";

export interface ClusterOptions {
  readonly seed: number;
  readonly nodeCount: number;
  readonly topology?: TopologySpec;
  readonly conditions?: LinkConditions;
  /** Given to every member; name and address are the cluster's to choose. */
  readonly gossip?: Partial<GossipOptions>;
  /** Nodes that call themselves by the name of another. */
  readonly twins?: ReadonlyMap<number, number>;
  /** How long a handler takes to answer a request. Default 1 ms. */
  readonly handlerMs?: DurationMs;
}

type Happening =
  | {
      readonly kind: "packet";
      readonly node: SimNode;
      readonly life: number;
      readonly from: Endpoint;
      readonly bytes: Uint8Array;
    }
  | { readonly kind: "stream"; readonly arrival: StreamArrival }
  | { readonly kind: "timer"; readonly node: SimNode; readonly life: number; readonly atMs: InstantMs }
  | { readonly kind: "answer"; readonly node: SimNode; readonly life: number }
  | { readonly kind: "call"; readonly run: () => void };

const PORT = 7946;
/** Safety is checked for every member this often. */
const STEP_MS = 500;

export class Cluster {
  readonly seed: number;
  readonly random: Random;
  readonly nodes: readonly SimNode[];
  readonly network: Network;
  readonly streams: Streams;
  readonly topology: Topology;
  readonly checkers: Checkers;
  readonly #options: ClusterOptions;
  readonly #scheduler = new Scheduler<Happening>();
  readonly #byHost = new Map<string, SimNode>();
  readonly #byName = new Map<string, SimNode>();
  #digest = 0;
  #nextStepMs = STEP_MS;
  #asked = 0;
  happenings = 0;
  /** "failed" told of a member that was up. */
  falseFailures = 0;
  /** The names that this was told of, and how often. */
  readonly failedWhileUp = new Map<string, number>();
  /** Every packet that is sent is shown here too, for those who listen in. */
  tap: ((bytes: Uint8Array, from: number, to: number) => void) | undefined;
  /** Every event of every member, as it happens: note it, and call the core later, with `at`. */
  heard: ((node: SimNode, event: GossipEvent) => void) | undefined;
  /** Every event of every member, after it was checked. */
  watch: ((node: SimNode, event: GossipEvent) => void) | undefined;

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.seed = options.seed;
    this.random = seededRandom(options.seed);
    const { nodeCount } = options;
    this.topology = makeTopology(
      options.topology ?? { kind: "uniform", rttMs: 1 },
      nodeCount,
      this.random.fork("topology"),
    );
    this.network = new Network(this.topology, this.random.fork("network"));
    this.network.conditions = options.conditions ?? CLEAN;
    this.nodes = Array.from({ length: nodeCount }, (_, i) => {
      const twin = options.twins?.get(i);
      const endpoint = { host: hostOf(i), port: PORT };
      return new SimNode(i, { name: nameOf(twin ?? i), endpoint, isTwin: twin !== undefined });
    });
    for (const node of this.nodes) {
      this.#byHost.set(node.endpoint.host, node);
      // A name belongs to the first who bears it.
      if (!this.#byName.has(node.name)) this.#byName.set(node.name, node);
    }
    const resolved = resolveOptions({ ...options.gossip, name: "any", advertise: { host: hostOf(0), port: PORT } });
    this.checkers = new Checkers({
      maxPacketBytes: resolved.keys.length > 0 ? 1405 + 29 : 1405,
      forgetAfterMs: resolved.profile.gossipToTheDeadMs,
      maxQueuedBroadcasts: resolved.maxQueuedBroadcasts,
      maxMembers: resolved.maxMembers,
      isKnownName: (name) => this.#byName.has(name),
    });
    this.streams = new Streams({
      network: this.network,
      random: this.random.fork("streams"),
      nodeAt: (to) => this.#byHost.get(to.host)?.index,
      lifeOf: (index) => (this.node(index).isUp ? this.node(index).life : undefined),
      endpointOf: (index) => this.node(index).endpoint,
      arrive: (arrival, atMs) => this.#scheduler.at(atMs, { kind: "stream", arrival }),
    });
  }

  get nowMs(): InstantMs {
    return this.#scheduler.nowMs;
  }

  /** Of every delivery, in order: two runs of one seed have the same. */
  get digest(): string {
    return (this.#digest >>> 0).toString(16).padStart(8, "0");
  }

  node(index: number): SimNode {
    const node = this.nodes[index];
    assert(node !== undefined, "a node of the cluster");
    return node;
  }

  /** Starts a process, which joins through the nodes given. */
  start(index: number, seeds: readonly number[] = []): void {
    const node = this.node(index);
    assert(!node.isUp, "a node is started when it is down");
    node.reset(this.nowMs);
    const random = this.random.fork(`${node.name}/${node.life}`);
    const sink = this.#sinkOf(node);
    const options = {
      tags: { hearsay: "1" },
      compress: false,
      ...this.#options.gossip,
      name: node.name,
      advertise: node.endpoint,
    };
    node.sink = sink;
    node.core = createGossip(options, sink, random, simulatedAead(random.fork("aead")));
    node.core.start(this.#clock(node));
    if (seeds.length > 0)
      node.core.join(
        seeds.map((seed) => this.node(seed).endpoint),
        this.#clock(node),
      );
    this.#schedule(node);
  }

  /** kill -9. */
  crash(index: number): void {
    const node = this.node(index);
    node.core = undefined;
    node.sink = undefined;
    this.streams.drop(index);
  }

  /** Runs a command on a member that is up, as its owner would. */
  command(index: number, run: (node: SimNode, nowMs: InstantMs) => void): void {
    const node = this.node(index);
    if (node.core === undefined) return;
    run(node, this.#clock(node));
    this.#schedule(node);
  }

  leave(index: number): void {
    if (this.node(index).isLeaving) return;
    this.node(index).isLeaving = true;
    this.command(index, (node, nowMs) => node.core?.leave(nowMs));
  }

  /** Asks another member something of so many bytes. */
  ask(from: number, to: number, bodyBytes: number): void {
    const target = this.node(to).name;
    this.command(from, (node, nowMs) => {
      this.#asked += 1;
      const body = new Uint8Array(Math.max(TOKEN_BYTES, bodyBytes));
      new DataView(body.buffer).setFloat64(0, this.#asked);
      // The result may come at once, before the id is known here: then the sink has made the entry.
      const id = node.core?.request(target, "echo", body, { nowMs });
      if (id !== undefined && !node.requests.has(id)) {
        node.requests.set(id, { to: target, askedMs: this.nowMs, outcome: "waiting", settledMs: 0 });
      }
    });
  }

  /** A packet of somebody who is no member arrives at once. */
  inject(to: number, bytes: Uint8Array): void {
    const node = this.node(to);
    const from = { host: "192.0.2.66", port: PORT };
    this.#scheduler.at(this.nowMs, { kind: "packet", node, life: node.life, from, bytes });
  }

  at(atMs: InstantMs, run: () => void): void {
    this.#scheduler.at(atMs, { kind: "call", run });
  }

  runFor(durationMs: DurationMs): void {
    this.#runTo(this.nowMs + durationMs);
  }

  /** Answers after how many milliseconds the condition held, or undefined when it did not within the bound. */
  runUntil(
    condition: () => boolean,
    bound: { readonly withinMs: DurationMs; readonly everyMs?: DurationMs },
  ): DurationMs | undefined {
    const startMs = this.nowMs;
    while (this.nowMs - startMs <= bound.withinMs) {
      if (condition()) return this.nowMs - startMs;
      this.runFor(bound.everyMs ?? 100);
    }
    return undefined;
  }

  /** Every member that is up believes exactly the members that are up to be there. Counts first, names last. */
  agree(): boolean {
    const members = this.nodes.filter((node) => node.isMember);
    if (members.some((node) => node.presentCount !== members.length)) return false;
    return members.every((node) => members.every((other) => node.beliefs.get(other.name)?.isPresent === true));
  }

  members(): readonly SimNode[] {
    return this.nodes.filter((node) => node.isMember);
  }

  #runTo(untilMs: InstantMs): void {
    while (this.nowMs < untilMs) {
      const stopMs = Math.min(untilMs, this.#nextStepMs);
      for (let item = this.#scheduler.take(stopMs); item !== undefined; item = this.#scheduler.take(stopMs)) {
        this.happenings += 1;
        this.#happen(item);
      }
      if (this.nowMs >= this.#nextStepMs) {
        this.checkers.step(this.nodes);
        this.#nextStepMs += STEP_MS;
      }
    }
  }

  #happen(item: Happening): void {
    switch (item.kind) {
      case "call":
        item.run();
        return;
      case "packet":
        if (!this.#isFor(item.node, item)) return;
        this.network.counters.delivered += 1;
        this.#record(item.node.index, item.bytes);
        item.node.core?.handlePacket(item.from, item.bytes, this.#clock(item.node));
        this.#schedule(item.node);
        return;
      case "stream": {
        const { arrival } = item;
        const node = this.node(arrival.node);
        if (!this.#isFor(node, { ...item, life: arrival.life })) return;
        if (arrival.input.kind === "data") this.#record(node.index, arrival.input.bytes);
        node.core?.handleStream(arrival.id, arrival.input, this.#clock(node));
        this.#schedule(node);
        return;
      }
      case "timer":
        if (item.node.timerAtMs !== item.atMs || !this.#isFor(item.node, item)) return;
        item.node.timerAtMs = Number.POSITIVE_INFINITY;
        item.node.core?.handleTimeout(this.#clock(item.node));
        this.#schedule(item.node);
        return;
      case "answer":
        if (this.#isFor(item.node, item)) this.#answer(item.node);
        return;
    }
  }

  /** False when it is meant for a process that is gone, or has to wait because the process is paused. */
  #isFor(node: SimNode, item: Happening & { readonly life: number }): boolean {
    if (node.life !== item.life || !node.isUp) return false;
    if (node.pausedUntilMs <= this.nowMs) return true;
    this.#scheduler.at(node.pausedUntilMs, item.kind === "stream" ? { kind: "stream", arrival: item.arrival } : item);
    return false;
  }

  #answer(node: SimNode): void {
    const id = node.inbound.shift();
    if (id === undefined) return;
    node.core?.respond(id, { ok: true, body: Uint8Array.of(1, 2, 3) }, this.#clock(node));
    this.#schedule(node);
  }

  #schedule(node: SimNode): void {
    const { core } = node;
    if (core === undefined) return;
    const deadlineMs = core.deadlineMs() - node.clockOffsetMs + node.slowMs;
    const atMs = Math.max(deadlineMs, this.nowMs);
    if (atMs === Number.POSITIVE_INFINITY || atMs === node.timerAtMs) return;
    // An earlier timer that is no longer wanted would only wake the core for nothing.
    node.timerAtMs = atMs;
    this.#scheduler.at(atMs, { kind: "timer", node, life: node.life, atMs });
  }

  #sinkOf(node: SimNode): GossipSink {
    const { life } = node;
    const deliver = (to: number, bytes: Uint8Array, atMs: InstantMs): void => {
      const target = this.node(to);
      this.#scheduler.at(atMs + target.slowMs, {
        kind: "packet",
        node: target,
        life: target.life,
        from: node.endpoint,
        bytes,
      });
    };
    return {
      packet: (to, bytes) => {
        this.checkers.packet(node, bytes);
        const target = this.#byHost.get(to.host);
        if (target === undefined) return;
        this.tap?.(bytes, node.index, target.index);
        this.network.send({ from: node.index, to: target.index, nowMs: this.nowMs }, bytes, deliver);
      },
      stream: (id, output) => this.streams.output(node.index, id, output, this.nowMs),
      event: (event) => {
        if (node.life === life) this.#event(node, event);
      },
      dropped: (reason) => {
        node.dropped.set(reason, (node.dropped.get(reason) ?? 0) + 1);
      },
    };
  }

  #event(node: SimNode, event: GossipEvent): void {
    this.checkers.event(node, event, this.nowMs);
    this.heard?.(node, event);
    this.watch?.(node, event);
    if (event.kind === "failed") this.#countFailure(event.member.name);
    if (event.kind === "request") {
      node.inbound.push(event.id);
      const handlerMs = this.#options.handlerMs ?? 1;
      this.#scheduler.at(this.nowMs + handlerMs, { kind: "answer", node, life: node.life });
    } else if (event.kind === "requestResult") {
      const asked = node.requests.get(event.id) ?? { to: "", askedMs: this.nowMs, outcome: "waiting", settledMs: 0 };
      asked.outcome = event.ok ? "answered" : outcomeOf(event.failure);
      asked.settledMs = this.nowMs;
      node.requests.set(event.id, asked);
    } else if (event.kind === "joinDone") node.joinResults.push(event);
    else if (event.kind === "leaveDone") {
      node.hasLeft = true;
      this.#stop(node);
    } else if (event.kind === "nameLost") this.#stop(node);
  }

  /** Its process ends, as the owner of a member that left, or that lost its name, has it. */
  #stop(node: SimNode): void {
    const { life } = node;
    this.at(this.nowMs, () => {
      if (node.life === life) this.crash(node.index);
    });
  }

  #countFailure(name: string): void {
    const accused = this.#byName.get(name);
    if (accused?.isMember !== true || accused.isLeaving) return;
    this.falseFailures += 1;
    this.failedWhileUp.set(name, (this.failedWhileUp.get(name) ?? 0) + 1);
  }

  #clock(node: SimNode): InstantMs {
    return this.nowMs + node.clockOffsetMs;
  }

  #record(node: number, bytes: Uint8Array): void {
    const head = bytes.length > 64 ? bytes.subarray(bytes.length - 64) : bytes;
    this.#digest = hashBytes(head, this.#digest ^ ((node + 1) * 0x9e37) ^ Math.round(this.nowMs * 1000));
  }
}

function outcomeOf(failure: string): "timeout" | "unreachable" | "refused" | "other" {
  if (failure === "timeout" || failure === "unreachable") return failure;
  return failure === "remote" || failure === "busy" ? "refused" : "other";
}

export function nameOf(index: number): string {
  return `n${String(index).padStart(3, "0")}`;
}

function hostOf(index: number): string {
  return `10.${index >> 16}.${(index >> 8) & 0xff}.${index & 0xff}`;
}

/** A seed for each of several runs of one thing. */
export function deriveSeed(text: string, seed: number): number {
  return hashText(text, seed);
}
