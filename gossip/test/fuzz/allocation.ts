// How many bytes of arrays a decoder asks for: what a stranger can make us allocate must be bounded by what he sends.

const Real = Uint8Array;

/** Bytes of all arrays made with a length while `run` ran. Views and copies of the input are not counted: they are bounded by it. */
export function allocatedBy(run: () => void): number {
  let bytes = 0;
  const counting: typeof Uint8Array = new Proxy(Real, {
    construct(target, args: unknown[], newTarget): object {
      if (typeof args[0] === "number") bytes += args[0];
      // The sub-classes of Node (Buffer) keep their own prototype.
      return Reflect.construct(target, args, newTarget === counting ? target : newTarget) as object;
    },
  });
  globalThis.Uint8Array = counting;
  try {
    run();
  } finally {
    globalThis.Uint8Array = Real;
  }
  return bytes;
}
