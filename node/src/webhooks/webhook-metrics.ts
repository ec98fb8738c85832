/** What became of events for webhooks, as a metric. */
import { Counter, type Registry } from "prom-client";

/**
 * Of events: entered for delivery, lost because too many waited, dropped because the archive did not take them, deferred until
 * it does. Of attempts: delivered, failed (and tried again), given up.
 */
export type EventOutcome = "entered" | "lost" | "dropped" | "deferred" | "delivered" | "failed" | "given_up";
export type CountEvent = (outcome: EventOutcome) => void;

export function webhookMetrics(registry: Registry): CountEvent {
  const counter = new Counter({
    name: "hearsay_webhook_events_total",
    help: "Events for webhooks and attempts to deliver them, by what became of them",
    labelNames: ["outcome"],
    registers: [registry],
  });
  return (outcome) => counter.inc({ outcome });
}
