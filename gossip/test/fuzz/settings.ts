// How long fuzzers run: a little with every change, with one seed; as long as FUZZ_RUNS says at night, with FUZZ_SEED or
// one of chance. The seed is printed first, because a failure is worth nothing without it.

const NIGHTLY = process.env.FUZZ_RUNS;
const USUAL_SEED = 20_261_122;

export const FUZZ_SEED = Number(process.env.FUZZ_SEED ?? (NIGHTLY === undefined ? USUAL_SEED : Date.now() % 2 ** 31));

/** Parameters for fc.assert; `usual` runs when nothing else is wanted. */
export function runs(usual: number): { readonly seed: number; readonly numRuns: number } {
  return { seed: FUZZ_SEED, numRuns: NIGHTLY === undefined ? usual : Number(NIGHTLY) };
}

/** Milliseconds that one test may take: nights have time. */
export const FUZZ_TIMEOUT_MS = NIGHTLY === undefined ? 60_000 : 3_600_000;

export function announce(what: string): void {
  process.stdout.write(`fuzz ${what}: FUZZ_SEED=${FUZZ_SEED} FUZZ_RUNS=${NIGHTLY ?? "usual"}\n`);
}
