// What the kernel says of a process: CPU of all its threads in nanoseconds, resident memory in kB.
import { readdirSync, readFileSync } from "node:fs";

/** Sum over all threads of /proc/<pid>/task/<tid>/schedstat, first field: nanoseconds on a CPU. */
export function cpuNs(pid) {
  let total = 0;
  for (const tid of readdirSync(`/proc/${pid}/task`)) {
    try {
      total += Number(readFileSync(`/proc/${pid}/task/${tid}/schedstat`, "utf8").split(" ")[0]);
    } catch (error) {
      if (error.code !== "ENOENT" && error.code !== "ESRCH") throw error; // a thread that ended meanwhile
    }
  }
  return total;
}

export function residentKb(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length === 0 ? Number.NaN : sorted[sorted.length >> 1];
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
