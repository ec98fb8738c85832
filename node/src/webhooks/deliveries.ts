/** Posts what webhooks wait for, and tries again ever more slowly for about a day. */
import type { BlockList } from "node:net";
import { DueWorker, type DueWorkerOptions } from "../keeping/due-worker.ts";
import type { Archive } from "../store/archive.ts";
import { type PostOutcome, type PostRequest, post } from "./post.ts";
import { signatureOf } from "./signature.ts";
import type { CountEvent } from "./webhook-metrics.ts";
import { countLost, type DeliveryValue, webhookOf } from "./webhooks.ts";

/** Before the second try, the third, … */
export const RETRY_MS = [5_000, 30_000, 120_000, 600_000, 3_600_000, 10_800_000, 21_600_000, 43_200_000] as const;
const TIMEOUT_MS = 10_000;
const LEASE_MS = 30_000;
const EVERY_MS = 5_000;

export interface DeliveriesOptions extends Pick<DueWorkerOptions, "clock" | "log" | "random"> {
  readonly allowed: BlockList;
  readonly everyMs?: number;
  readonly count?: CountEvent;
  readonly post?: (request: PostRequest, allowed: BlockList) => Promise<PostOutcome>;
}

export function deliveryWorker(archive: Archive, options: DeliveriesOptions): DueWorker {
  const { allowed, post: send = post, count = () => undefined, ...rest } = options;
  const { records } = archive;
  return new DueWorker({
    ...{ kind: "delivery", records, leaseMs: LEASE_MS, everyMs: EVERY_MS, atOnce: 8 },
    ...rest,
    work: async (delivery) => {
      const webhook = await records.get({ kind: "webhook", id: delivery.owner });
      if (webhook === undefined) return { kind: "done" };
      const value = delivery.value as DeliveryValue;
      const { url, secret } = webhookOf(webhook);
      const nowMs = options.clock.wallMs();
      const outcome = await send(requestOf(delivery.id, value, { url, secret, nowMs }), allowed);
      if (outcome.kind === "answered" && outcome.status >= 200 && outcome.status < 300) {
        count("delivered");
        return { kind: "done" };
      }
      const isGone = outcome.kind === "answered" && outcome.status === 410;
      if (isGone) await records.remove(webhook);
      const waitMs = RETRY_MS[value.tries];
      count(isGone || waitMs === undefined ? "given_up" : "failed");
      if (isGone || waitMs === undefined) {
        await countLost(archive, webhook.id);
        return { kind: "done" };
      }
      options.log.debug(
        { webhook: webhook.id, outcome, tries: value.tries + 1 },
        "a delivery failed and is tried again",
      );
      // Spread, so that a server that comes back is not met by everything at once.
      const dueAtMs = nowMs + Math.round(waitMs * (0.75 + options.random() / 2));
      return { kind: "again", dueAtMs, value: { ...value, tries: value.tries + 1 } };
    },
  });
}

function requestOf(
  deliveryId: string,
  { event, roomId, atMs, data }: DeliveryValue,
  to: { readonly url: string; readonly secret: string; readonly nowMs: number },
): PostRequest {
  const body = JSON.stringify({ deliveryId, event, roomId, atMs, data });
  return {
    url: to.url,
    body,
    timeoutMs: TIMEOUT_MS,
    headers: {
      "content-type": "application/json",
      "user-agent": "Hearsay",
      // The same at each try: a receiver that has seen it need not act again.
      "hearsay-delivery": deliveryId,
      "hearsay-event": event,
      "hearsay-signature": signatureOf(body, to.secret, Math.floor(to.nowMs / 1000)),
    },
  };
}
