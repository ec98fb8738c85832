// What members say to all: user events, queries and changes of keys, and whether it came through. It answers every query,
// and goes on with a rotation of keys as an operator would: step by step, each again until all have done it.

import type { KeyCommand, KeyQuestion } from "../src/core.ts";
import type { GossipEvent } from "../src/sink.ts";
import type { CommandId, InstantMs } from "../src/types.ts";
import type { Cluster } from "./cluster.ts";
import type { SimNode } from "./node.ts";

interface Announced {
  readonly atMs: InstantMs;
  readonly toldTo: Set<SimNode>;
}

interface Asked {
  readonly by: SimNode;
  /** Members that were up when it was asked: each should ack and respond. */
  readonly expected: number;
  answers: number;
  isDone: boolean;
}

interface Rotation {
  readonly by: number;
  readonly key: Uint8Array;
  readonly old: Uint8Array;
  step: KeyCommand | "done" | "given up";
  waitsFor: CommandId | undefined;
  tries: number;
}

/** After the one that is done comes this one. */
const NEXT_STEP: Readonly<Record<KeyCommand, Rotation["step"]>> = {
  install: "use",
  use: "remove",
  remove: "list",
  list: "done",
};
const MAX_TRIES = 20;
const RETRY_MS = 500;
const EMPTY = new Uint8Array(0);

export class Chatter {
  readonly #cluster: Cluster;
  readonly #events = new Map<string, Announced>();
  readonly #queries = new Map<string, Asked>();
  readonly #rotations: Rotation[] = [];

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  get eventCount(): number {
    return this.#events.size;
  }

  /** Shares of the acks and responses that could have come; 1 when nothing was asked. */
  get answeredRatio(): number {
    let [expected, answers] = [0, 0];
    for (const query of this.#queries.values()) {
      expected += 2 * query.expected;
      answers += query.answers;
    }
    return expected === 0 ? 1 : answers / expected;
  }

  get queryCount(): number {
    return this.#queries.size;
  }

  get openQueryCount(): number {
    return [...this.#queries.values()].filter(({ by, isDone }) => !isDone && by.isMember).length;
  }

  get unfinishedRotations(): number {
    return this.#rotations.filter(({ step }) => step !== "done").length;
  }

  get rotationCount(): number {
    return this.#rotations.length;
  }

  /** From now on what members are told is heard here. */
  listen(): void {
    this.#cluster.heard = (node, event) => this.#hear(node, event);
  }

  announce(from: number, payloadBytes: number): void {
    const name = `event-${this.#events.size}`;
    this.#events.set(name, { atMs: this.#cluster.nowMs, toldTo: new Set() });
    this.#cluster.command(from, ({ core }, nowMs) => core?.userEvent(name, new Uint8Array(payloadBytes), { nowMs }));
  }

  query(from: number, relayFactor: number): void {
    const name = `query-${this.#queries.size}`;
    const expected = this.#cluster.members().length;
    this.#cluster.command(from, (by, nowMs) => {
      const id = by.core?.query(name, EMPTY, { wantAck: true, relayFactor, nowMs });
      if (id !== undefined) this.#queries.set(queryKey(by, id), { by, expected, answers: 0, isDone: false });
    });
  }

  /** Installs a key everywhere, makes it the first, removes the old one, and looks. */
  rotate(by: number, old: Uint8Array): void {
    const key = old.map((byte) => byte ^ (0x55 + this.#rotations.length));
    const rotation: Rotation = { by, key, old, step: "install", waitsFor: undefined, tries: 0 };
    this.#rotations.push(rotation);
    this.#turn(rotation);
  }

  /**
   * One event that somebody missed who was a member all the while; undefined when nobody did. What only those knew who are
   * gone is lost with them.
   */
  missedEvents(): string | undefined {
    const members = this.#cluster.members();
    for (const [name, { atMs, toldTo }] of this.#events) {
      const isKnown = members.some((node) => node.startedMs <= atMs && toldTo.has(node));
      const missing = members.find((node) => node.startedMs <= atMs && !toldTo.has(node));
      if (isKnown && missing !== undefined) return `${missing.name} was not told of ${name}`;
    }
    return undefined;
  }

  #hear(node: SimNode, event: GossipEvent): void {
    switch (event.kind) {
      case "userEvent":
        this.#events.get(event.name)?.toldTo.add(node);
        return;
      case "query":
        this.#cluster.at(this.#cluster.nowMs + 1, () =>
          this.#cluster.command(node.index, ({ core }, nowMs) =>
            answer(() => core?.respondToQuery(event.id, EMPTY, nowMs)),
          ),
        );
        return;
      case "queryAck":
      case "queryResponse": {
        const asked = this.#queries.get(queryKey(node, event.id));
        if (asked !== undefined) asked.answers += 1;
        return;
      }
      case "queryDone": {
        const asked = this.#queries.get(queryKey(node, event.id));
        if (asked !== undefined) asked.isDone = true;
        return;
      }
      case "keyResult":
        for (const rotation of this.#rotations) {
          if (rotation.waitsFor === event.id && rotation.by === node.index) this.#concluded(rotation, event);
        }
        return;
      default:
    }
  }

  #concluded(rotation: Rotation, result: Extract<GossipEvent, { readonly kind: "keyResult" }>): void {
    rotation.waitsFor = undefined;
    const { step } = rotation;
    if (step === "done" || step === "given up") return;
    const isDone = result.error === undefined && (step !== "list" || result.primaryKeys.size === 1);
    if (isDone) rotation.step = NEXT_STEP[step];
    rotation.tries = isDone ? 0 : rotation.tries + 1;
    if (rotation.tries > MAX_TRIES) rotation.step = "given up";
    this.#cluster.at(this.#cluster.nowMs + RETRY_MS, () => this.#turn(rotation));
  }

  #turn(rotation: Rotation): void {
    const { step, key, old } = rotation;
    if (step === "done" || step === "given up") return;
    const asked: KeyQuestion =
      step === "list" ? { command: step } : { command: step, key: step === "remove" ? old : key, relayFactor: 2 };
    this.#cluster.command(rotation.by, ({ core }, nowMs) => {
      rotation.waitsFor = core?.keyQuery(asked, nowMs);
    });
  }
}

const queryKey = (by: SimNode, id: CommandId): string => `${by.name}/${by.life}/${id}`;

/** Somebody who was paused may find that the time is over. */
function answer(respond: () => void): void {
  try {
    respond();
  } catch (error) {
    if ((error as { readonly code?: string }).code !== "past_deadline") throw error;
  }
}
