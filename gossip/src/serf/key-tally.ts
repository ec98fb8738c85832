// What the members say to a key query of ours, counted as Serf's KeyManager counts it. Spec section 6.11.

import type { KeyResultEvent } from "../sink.ts";
import type { CommandId, NodeName } from "../types.ts";
import { decodeSerf } from "../wire/decode-serf.ts";

/** Different keys counted; a member's answer of 1024 bytes names about eighteen. */
const MAX_COUNTED_KEYS = 1024;

export class KeyTally {
  readonly #nodeCount: number;
  readonly #messages = new Map<NodeName, string>();
  readonly #keys = new Map<string, number>();
  readonly #primaryKeys = new Map<string, number>();
  #responses = 0;
  #errors = 0;

  constructor(nodeCount: number) {
    this.#nodeCount = nodeCount;
  }

  /** Nobody is left who could answer. */
  get isComplete(): boolean {
    return this.#responses >= this.#nodeCount;
  }

  take(from: NodeName, payload: Uint8Array): void {
    this.#responses += 1;
    const decoded = decodeSerf(payload);
    if (!decoded.ok || decoded.value.kind !== "keyResponse") {
      this.#errors += 1;
      this.#messages.set(from, decoded.ok ? "Invalid key query response type" : "Failed to decode key query response");
      return;
    }
    const { result, message, keys, primaryKey } = decoded.value;
    if (!result) this.#errors += 1;
    if (!result || message !== "") this.#messages.set(from, message);
    for (const key of keys) count(this.#keys, key);
    if (primaryKey !== "") count(this.#primaryKeys, primaryKey);
  }

  result(id: CommandId): KeyResultEvent {
    const [numNodes, numResp, numErr] = [this.#nodeCount, this.#responses, this.#errors];
    const counts = { kind: "keyResult", id, numNodes, numResp, numErr } as const;
    const found = { messages: this.#messages, keys: this.#keys, primaryKeys: this.#primaryKeys };
    if (numErr > 0) return { ...counts, ...found, error: `${numErr}/${numNodes} nodes reported failure` };
    if (numResp !== numNodes) return { ...counts, ...found, error: `${numResp}/${numNodes} nodes reported success` };
    return { ...counts, ...found };
  }
}

function count(counts: Map<string, number>, key: string): void {
  const known = counts.get(key);
  if (known === undefined && counts.size >= MAX_COUNTED_KEYS) return;
  counts.set(key, (known ?? 0) + 1);
}
