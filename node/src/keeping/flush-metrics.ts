/** What the embedded archive's group commits cost, as metrics. */
import { Histogram, type Registry } from "prom-client";
import type { Flush } from "../store/sqlite/sqlite-archive.ts";

const SECONDS = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
const WRITES = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/** Answers the listener that counts; `failed` flushes count by their time alone. */
export function flushMetrics(registry: Registry): (flush: Flush) => void {
  const registers = [registry];
  const writes = new Histogram({
    name: "hearsay_archive_flush_writes",
    help: "Writes that one transaction of the embedded archive made durable",
    buckets: WRITES,
    registers,
  });
  const waited = new Histogram({
    name: "hearsay_archive_lock_wait_seconds",
    help: "Time that a transaction waited for other processes' transactions",
    buckets: SECONDS,
    registers,
  });
  const took = new Histogram({
    name: "hearsay_archive_flush_duration_seconds",
    help: "Time from holding the lock until the transaction was durable, or undone",
    labelNames: ["outcome"],
    buckets: SECONDS,
    registers,
  });
  return (flush) => {
    if (flush.committed) writes.observe(flush.writes);
    waited.observe(flush.waitedMs / 1_000);
    took.observe({ outcome: flush.committed ? "committed" : "failed" }, flush.tookMs / 1_000);
  };
}
