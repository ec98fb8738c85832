import { createHash } from "node:crypto";

/** A room's place in the order in which open rooms are picked: even over [0, 1), and told by its id alone. */
export function diceOf(roomId: string): number {
  return createHash("sha256").update(roomId).digest().readUIntBE(0, 6) / 2 ** 48;
}
