// How long a client may take: to introduce itself, to finish a request that it began, and to read what waits for it. Each
// is one span from its beginning, because a byte now and then must not buy time.

export interface PatienceOptions {
  /** From connecting to handshake and key. Default 10 s. */
  readonly welcomeTimeoutMs?: number;
  /** From the first byte of a request to its last. Default 30 s. */
  readonly requestTimeoutMs?: number;
  /** Without reading anything while something waits. Default 60 s. */
  readonly stallTimeoutMs?: number;
}

const DEFAULTS = Object.freeze({
  welcomeTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  stallTimeoutMs: 60_000,
}) satisfies Required<PatienceOptions>;

export class Patience {
  readonly #options: Required<PatienceOptions>;
  readonly #giveUp: (reason: "too_slow" | "stalled") => void;
  #welcome: NodeJS.Timeout | undefined;
  #request: NodeJS.Timeout | undefined = undefined;
  #stall: NodeJS.Timeout | undefined = undefined;
  #requestCount = 0;

  constructor(options: PatienceOptions, giveUp: (reason: "too_slow" | "stalled") => void) {
    this.#options = { ...DEFAULTS, ...options };
    this.#giveUp = giveUp;
    this.#welcome = setTimeout(() => giveUp("too_slow"), this.#options.welcomeTimeoutMs);
  }

  /** After each piece that was read: how many requests are complete, and whether another has begun. */
  read(now: { readonly isWelcome: boolean; readonly requestCount: number; readonly isMidRequest: boolean }): void {
    if (now.isWelcome) {
      clearTimeout(this.#welcome);
      this.#welcome = undefined;
    }
    if (now.requestCount !== this.#requestCount || !now.isMidRequest) {
      clearTimeout(this.#request);
      this.#request = undefined;
      this.#requestCount = now.requestCount;
    }
    if (now.isMidRequest) {
      this.#request ??= setTimeout(() => this.#giveUp("too_slow"), this.#options.requestTimeoutMs);
    }
  }

  /** Something waits for the client to read. */
  blocked(): void {
    this.#stall ??= setTimeout(() => this.#giveUp("stalled"), this.#options.stallTimeoutMs);
  }

  /** It has read on. */
  drained(): void {
    clearTimeout(this.#stall);
    this.#stall = undefined;
  }

  end(): void {
    for (const timer of [this.#welcome, this.#request, this.#stall]) clearTimeout(timer);
  }
}
