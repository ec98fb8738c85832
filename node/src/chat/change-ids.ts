/** Mints ids of messages and changes, which are of one order in a room, and repeats when another node was faster. */
import { ApiError } from "../http/problems.ts";
import type { Clock } from "../mesh/clock.ts";
import type { Archive } from "../store/archive.ts";
import { maxId, NewestIds, nextMessageId } from "./message-clock.ts";

/** Two nodes may mint the same id at once; each try is above what was seen. */
const MAX_ATTEMPTS = 8;

export class ChangeIds {
  readonly #archive: Archive;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #newest = new NewestIds();

  /** `random` is in [0, 1). */
  constructor(parts: { readonly archive: Archive; readonly clock: Clock; readonly random: () => number }) {
    this.#archive = parts.archive;
    this.#clock = parts.clock;
    this.#random = parts.random;
  }

  /** An id of the room was read or told. */
  saw(roomId: string, id: string): void {
    this.#newest.saw(roomId, id);
  }

  /** Calls with ever greater ids until the answer is not "id_taken". Throws ApiError busy. */
  async use<Outcome extends { readonly kind: string }>(
    roomId: string,
    write: (id: string) => Promise<Outcome>,
  ): Promise<Exclude<Outcome, { readonly kind: "id_taken" }>> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      // A sending is a change too, so the newest change is the newest of both.
      const floor = maxId(await this.#archive.texts.newestChangeId(roomId), this.#newest.get(roomId));
      const id = nextMessageId(floor, this.#clock.wallMs(), this.#random);
      const outcome = await write(id);
      if (outcome.kind === "id_taken") continue;
      this.#newest.saw(roomId, id);
      return outcome as Exclude<Outcome, { readonly kind: "id_taken" }>;
    }
    throw new ApiError("busy", { detail: "no id was free; nothing was stored", retryAfterMs: 1_000 });
  }
}
