/**
 * Ids of messages: ULIDs of a hybrid clock. A new id is above the newest that the room has, whatever this machine's clock
 * says, so an answer always sorts after its question. Pure but for the randomness it is given.
 */
import { incrementBase32, ulid } from "ulid";

const TIME_CHARS = 10;
/** Rooms whose newest id is remembered; at the bound the one used longest ago is forgotten, and asked of the store again. */
const MAX_ROOMS = 10_000;

/** `random` is in [0, 1). */
export function nextMessageId(floor: string | undefined, wallMs: number, random: () => number): string {
  const fresh = ulid(wallMs, random);
  if (floor === undefined || fresh > floor) return fresh;
  return successorOf(floor, random);
}

/** The least disturbing greater id: the same time with a greater random part, or the next millisecond when that is used up. */
function successorOf(floor: string, random: () => number): string {
  const time = floor.slice(0, TIME_CHARS);
  const rest = floor.slice(TIME_CHARS);
  if (rest !== "Z".repeat(rest.length)) return time + incrementBase32(rest);
  const nextTime = incrementBase32(time);
  return nextTime + ulid(0, random).slice(TIME_CHARS);
}

/** The newest id that this node has seen of each room. */
export class NewestIds {
  readonly #newest = new Map<string, string>();
  readonly #limit: number;

  constructor(limit = MAX_ROOMS) {
    this.#limit = limit;
  }

  get(roomId: string): string | undefined {
    return this.#newest.get(roomId);
  }

  saw(roomId: string, id: string): void {
    const known = this.#newest.get(roomId);
    this.#newest.delete(roomId);
    this.#newest.set(roomId, known !== undefined && known > id ? known : id);
    const [oldest] = this.#newest.keys();
    if (this.#newest.size > this.#limit && oldest !== undefined) this.#newest.delete(oldest);
  }
}

export const maxId = (a: string | undefined, b: string | undefined): string | undefined => {
  if (a === undefined || b === undefined) return a ?? b;
  return a > b ? a : b;
};
