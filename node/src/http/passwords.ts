/** argon2id with OWASP's parameters (19 MiB, 2 passes, 1 lane), and never more of it at once than the machine bears. */
import argon2 from "argon2";
import { ApiError } from "./problems.ts";

const PARAMETERS = { type: argon2.argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;
/** Of a password that nobody has: an unknown handle must take as long as a wrong password. */
const NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$c29tZSBzYWx0IG9mIG91cnM$Zm9yIG5vYm9keSB3aGF0c29ldmVyLCAzMiBieXRlcy4";

export class Passwords {
  readonly #atOnce: number;
  readonly #maxWaiting: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  /** Beyond `maxWaiting` requests are refused as busy. */
  constructor(options: { readonly atOnce?: number; readonly maxWaiting?: number } = {}) {
    this.#atOnce = options.atOnce ?? 2;
    this.#maxWaiting = options.maxWaiting ?? 64;
  }

  hash(password: string): Promise<string> {
    return this.#inTurn(() => argon2.hash(password, PARAMETERS));
  }

  /** `hash` undefined or null: there is no such person; takes as long all the same. */
  verify(hash: string | null | undefined, password: string): Promise<boolean> {
    return this.#inTurn(async () => (await argon2.verify(hash ?? NOBODY, password)) && typeof hash === "string");
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    await this.#turn();
    try {
      return await work();
    } finally {
      // The turn is handed on, so nobody slips in between.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }

  #turn(): Promise<void> {
    if (this.#running < this.#atOnce) {
      this.#running += 1;
      return Promise.resolve();
    }
    if (this.#waiting.length >= this.#maxWaiting) return Promise.reject(new ApiError("busy", { retryAfterMs: 1_000 }));
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
