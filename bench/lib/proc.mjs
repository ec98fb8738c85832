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

/** The first message of a child; an error when it ends without one. */
export function firstMessage(child) {
  return new Promise((resolve, reject) => {
    child.once("message", resolve);
    child.once("exit", (code) => reject(new Error(`a helper process ended with ${code}`)));
  });
}

/** A signal ends this process as it ends by itself: what it started is ended with it. */
export function endOnSignals() {
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));
}
