/**
 * Which word counts when two nodes, or two sessions, speak of the same participant. Every node that has seen the same
 * claims comes to the same answer, in whatever order they arrived; no clock is asked.
 */
export interface Claim {
  /** Order of the sessions of one participant; see RoomJoin.generation. */
  readonly generation: number;
  readonly sessionId: string;
  /** Order of the claims on one session: every resume raises it. */
  readonly epoch: number;
}

/** Positive when `a` is the newer, 0 when they are one. */
export function compareClaims(a: Claim, b: Claim): number {
  if (a.generation !== b.generation) return a.generation - b.generation;
  if (a.sessionId !== b.sessionId) return a.sessionId < b.sessionId ? -1 : 1;
  return a.epoch - b.epoch;
}
