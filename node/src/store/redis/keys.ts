// The names of the keys. What stands in braces decides the slot of a Redis Cluster, so all keys of one script share it.
// Ids contain no braces (store/checks.ts).

import type { NodeId, SessionId } from "../presence.ts";

export class PresenceKeys {
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** Hash: the session's record. Runs out. */
  session(sessionId: SessionId): string {
    return `${this.#prefix}:s:{${sessionId}}`;
  }

  /**
   * Set: the session ids that have a place in the room. Each place is a hash of its own, so that Redis itself counts down its
   * time: `<this key>:o:<session id>`, in the same slot. An id in the set whose place has run out is removed by whoever sees it.
   */
  room(roomId: string): string {
    return `${this.#prefix}:r:{${roomId}}`;
  }

  /** Set: where to look for a node's sessions. A hint: the sessions' own records decide. */
  node(node: NodeId): string {
    return `${this.#prefix}:n:{${node}}`;
  }

  /** Number: the last generation given to a person's device. */
  generation(device: { readonly userId: string; readonly deviceId: string }): string {
    return `${this.#prefix}:g:{${device.userId}|${device.deviceId}}`;
  }
}
