// Strangers who send what they please: noise, packets heard before, lies about members, and giants.

import type { Random } from "../src/random.ts";
import { assertNever, incarnation, lamportTime, nodeName, seqNo } from "../src/types.ts";
import { encodeMessage } from "../src/wire/encode-message.ts";
import { encodeSerf } from "../src/wire/encode-serf.ts";
import { assemblePacket } from "../src/wire/packet.ts";
import type { Cluster } from "./cluster.ts";

export type Attack = "noise" | "replay" | "lies" | "giants" | "floods";

const MAX_HEARD = 512;
/** Beyond what a core believes of any incarnation. */
const ABSURD = 0xffff_fff0;

/** It asks for acks to be sent to the stranger, for an hour. */
const QUERY = { kind: "query", filters: [], flags: 1, relayFactor: 3, timeoutNs: 3.6e12 } as const;

export class Hostile {
  readonly #cluster: Cluster;
  readonly #random: Random;
  readonly #heard: Uint8Array[] = [];
  sent = 0;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#random = cluster.random.fork("hostile");
  }

  /** From now on packets are overheard, a bounded number of them. */
  listen(): void {
    this.#cluster.tap = (bytes) => {
      if (this.#heard.length < MAX_HEARD) this.#heard.push(bytes);
      else this.#heard[this.#random.below(MAX_HEARD)] = bytes;
    };
  }

  strike(attack: Attack): void {
    const victims = this.#cluster.members();
    const victim = victims[this.#random.below(victims.length)];
    const bytes = this.#packet(attack);
    if (victim === undefined || bytes === undefined) return;
    this.sent += 1;
    this.#cluster.inject(victim.index, bytes);
  }

  #packet(attack: Attack): Uint8Array | undefined {
    switch (attack) {
      case "noise":
        return this.#noise();
      case "replay":
        return this.#overheard();
      case "lies":
        return assemblePacket([this.#lie()])[0];
      case "giants":
        return this.#giant();
      case "floods":
        return assemblePacket(Array.from({ length: 6 }, () => this.#wish()))[0];
      default:
        return assertNever(attack);
    }
  }

  #overheard(): Uint8Array | undefined {
    return this.#heard[this.#random.below(Math.max(1, this.#heard.length))];
  }

  /** Random bytes, or a real packet with a few of them. Never a plain one that could still be read with another meaning. */
  #noise(): Uint8Array {
    const length = 1 + this.#random.below(200);
    const bytes = Uint8Array.from({ length }, () => this.#random.below(256));
    // A first byte that is a type, so that decoding gets far; the body makes no sense all the same.
    if (this.#random.next() < 0.5) bytes[0] = this.#random.below(14);
    return bytes;
  }

  /** About a member that exists: inventions would be believed, as the protocol without keys has it. */
  #lie(): Uint8Array {
    const { nodes } = this.#cluster;
    const about = nodes[this.#random.below(nodes.length)];
    const from = nodes[this.#random.below(nodes.length)];
    const node = nodeName(about?.name ?? "");
    const claimed = incarnation(this.#random.next() < 0.3 ? ABSURD : this.#random.below(20));
    const time = lamportTime(this.#random.next() < 0.3 ? Number.MAX_SAFE_INTEGER : this.#random.below(1000));
    switch (this.#random.below(5)) {
      case 0:
        return encodeMessage({ kind: "dead", node, incarnation: claimed, from: nodeName(from?.name ?? "") });
      case 1:
        return encodeMessage({ kind: "dead", node, incarnation: claimed, from: node });
      case 2:
        return encodeMessage({ kind: "suspect", node, incarnation: claimed, from: nodeName(from?.name ?? "") });
      case 3:
        return encodeMessage({
          kind: "user",
          payload: encodeSerf({ kind: "leave", lamportTime: time, node, prune: false }),
        });
      default:
        return encodeMessage({ kind: "user", payload: encodeSerf({ kind: "join", lamportTime: time, node }) });
    }
  }

  /** Well-formed, and costs us memory or work if we let it: probes for others, acks, answers, queries, old news. */
  #wish(): Uint8Array {
    const number = this.#random.below(0xffff_ffff);
    const node = nodeName(`x${number}`);
    const [addr, port, payload] = [Uint8Array.of(192, 0, 2, 66), 7946, new Uint8Array(32)];
    const source = { addr, port, node };
    const user = (message: Parameters<typeof encodeSerf>[0]): Uint8Array =>
      encodeMessage({ kind: "user", payload: encodeSerf(message) });
    const time = lamportTime(1 + this.#random.below(50));
    // Queries are few: everybody passes each on, and answers it.
    switch (Math.floor(this.#random.below(61) / 10)) {
      case 0:
        return encodeMessage({
          kind: "indirectPing",
          seqNo: seqNo(number),
          target: addr,
          port,
          node,
          nack: true,
          source,
        });
      case 1:
        return encodeMessage({ kind: "ping", seqNo: seqNo(number), node, source });
      case 2:
        return encodeMessage({ kind: "ack", seqNo: seqNo(number), payload });
      case 3:
        return user({ kind: "queryResponse", lamportTime: time, id: number, from: node, flags: 0, payload });
      case 4:
        return user({ kind: "join", lamportTime: time, node });
      case 5:
        return encodeMessage({ kind: "suspect", node, incarnation: incarnation(number % 1000), from: node });
      default:
        return user({
          ...QUERY,
          lamportTime: time,
          id: number,
          addr,
          port,
          sourceNode: node,
          name: `q${number}`,
          payload,
        });
    }
  }

  /** A meta far beyond 512 bytes, or a compound that says it has 255 parts. */
  #giant(): Uint8Array {
    const name = this.#cluster.node(0).name;
    if (this.#random.next() < 0.5) return Uint8Array.from({ length: 1400 }, (_, i) => (i === 0 ? 7 : 255));
    return encodeMessage({
      kind: "alive",
      node: nodeName(name),
      incarnation: incarnation(1000),
      addr: Uint8Array.of(10, 0, 0, 0),
      port: 7946,
      meta: new Uint8Array(40_000).fill(65),
      vsn: Uint8Array.of(1, 5, 2, 2, 5, 5),
    });
  }
}
