// Strangers who send what they please: noise, packets heard before, lies about members, and giants.

import type { Random } from "../src/random.ts";
import { assertNever, incarnation, lamportTime, nodeName } from "../src/types.ts";
import { encodeMessage } from "../src/wire/encode-message.ts";
import { encodeSerf } from "../src/wire/encode-serf.ts";
import { assemblePacket } from "../src/wire/packet.ts";
import type { Cluster } from "./cluster.ts";

export type Attack = "noise" | "replay" | "lies" | "giants";

const MAX_HEARD = 512;
/** Beyond what a core believes of any incarnation. */
const ABSURD = 0xffff_fff0;

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
