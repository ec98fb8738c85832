/**
 * Room tokens are used once. A token is bound to a session, a session to one node, so the joining node alone can remember
 * which were used, and only until they expire by themselves. Pure.
 */
export class UsedTokens {
  readonly #expiresAtMs = new Map<string, number>();
  readonly #limit: number;

  /** At the limit the table refuses further tokens rather than forgetting a used one. Expired entries go as others come. */
  constructor(limit = 10_000) {
    this.#limit = limit;
  }

  /** True when this is the first use of the token. */
  use(token: { readonly tokenId: string; readonly expiresAtMs: number }, nowMs: number): boolean {
    if (this.#expiresAtMs.has(token.tokenId)) return false;
    this.#forgetExpired(nowMs);
    if (this.#expiresAtMs.size >= this.#limit) return false;
    this.#expiresAtMs.set(token.tokenId, token.expiresAtMs);
    return true;
  }

  get size(): number {
    return this.#expiresAtMs.size;
  }

  /** Tokens live equally long, so the first are the oldest; only when the table is full is it looked through. */
  #forgetExpired(nowMs: number): void {
    const isFull = this.#expiresAtMs.size >= this.#limit;
    for (const [tokenId, expiresAtMs] of this.#expiresAtMs) {
      if (expiresAtMs <= nowMs) this.#expiresAtMs.delete(tokenId);
      else if (!isFull) return;
    }
  }
}
