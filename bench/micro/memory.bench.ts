/** What a viewer costs in memory: heap, packet memory and other buffers after `rounds` seconds, by number of viewers. */
import { run as fanOut } from "./fan-out.bench.ts";

export function run(options: Record<string, string>) {
  const collect = (globalThis as { gc?: () => void }).gc;
  if (collect === undefined) throw new Error("run node with --expose-gc");
  const measure = (viewers: number): number => {
    const kept = fanOut({ ...options, rounds: "3", viewers: String(viewers), keep: "1" });
    collect();
    collect();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external + kept.memoryUsedBytes;
  };
  const [few, many] = [measure(50), measure(150)];
  return { bench: "memory", node: process.version, kilobytesPerViewer: Number(((many - few) / 100_000).toFixed(1)) };
}
