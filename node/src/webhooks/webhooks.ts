/**
 * Tells other programs what happens in a room. An event becomes a record per webhook, which is posted until it is answered
 * with success: at least once, in no promised order. Events of messages outlive their node (event-journal.ts). What can be
 * lost: other events of the moment in which their node dies, and what is beyond the bounds below; `lost` of the webhook
 * counts deliveries, a metric the rest.
 */
import { randomBytes } from "node:crypto";
import type { BlockList } from "node:net";
import { ulid } from "ulid";
import type { NewWebhook, Webhook, WebhookEvent } from "#protocol";
import { ApiError } from "../http/problems.ts";
import type { Clock } from "../mesh/clock.ts";
import type { Log } from "../mesh/log.ts";
import type { Archive, UserRecord } from "../store/archive.ts";
import { MAX_PAGE } from "../store/archive.ts";
import type { StoredRecord } from "../store/records.ts";
import type { EventJournal } from "./event-journal.ts";
import { isTarget } from "./post.ts";
import type { CountEvent } from "./webhook-metrics.ts";

export const MAX_WEBHOOKS = 10;
/** Waiting deliveries of one webhook; more are lost. */
export const MAX_WAITING = 1_000;
/** Events on their way into the archive; more are lost, or left to the journal. */
const MAX_ENTERING = 1_000;
/** A webhook made on another node is noticed here after this time. */
const KNOWN_MS = 5_000;
const MAX_KNOWN_ROOMS = 1_000;

export interface WebhookValue {
  readonly url: string;
  readonly events: readonly WebhookEvent[];
  readonly secret: string;
  readonly createdBy: string;
  readonly createdAtMs: number;
  readonly lost: number;
}
export interface DeliveryValue {
  readonly event: WebhookEvent;
  readonly roomId: string;
  readonly atMs: number;
  readonly data: object;
  /** Tries so far. */
  readonly tries: number;
}

export interface WebhooksOptions {
  readonly archive: Archive;
  readonly clock: Clock;
  readonly log: Log;
  /** Networks beside the public Internet that webhooks may reach. */
  readonly allowed: BlockList;
  /** Something is due now. */
  readonly nudge: () => void;
  readonly count?: CountEvent;
}

/** Something that webhooks hear of. */
export interface RoomEvent {
  readonly event: WebhookEvent;
  readonly data: object;
  /** Unique in the room: the delivery's id is made of it, and entering it twice is entering it once. */
  readonly key?: string;
}

export class Webhooks {
  readonly #options: WebhooksOptions;
  readonly #known = new Map<
    string,
    { readonly untilMs: number; readonly webhooks: Promise<readonly StoredRecord[]> }
  >();
  readonly #count: CountEvent;
  #entering = 0;

  constructor(options: WebhooksOptions) {
    this.#options = options;
    this.#count = options.count ?? (() => undefined);
  }

  /** Does any webhook of the room hear of messages? One that was made on another node is noticed a little later. */
  async hearsMessages(roomId: string): Promise<boolean> {
    const webhooks = await this.#of(roomId);
    return webhooks.some((webhook) => webhookOf(webhook).events.some((event) => event.startsWith("message.")));
  }

  /** Throws ApiError bad_target, too_many. */
  async add(
    roomId: string,
    user: UserRecord,
    input: { readonly url: string; readonly events: readonly WebhookEvent[] },
  ): Promise<NewWebhook> {
    const { archive, clock, allowed } = this.#options;
    if (!isTarget(input.url, allowed)) throw new ApiError("bad_target");
    if ((await archive.records.weigh("webhook", roomId)).count >= MAX_WEBHOOKS) throw new ApiError("too_many");
    const secret = `whsec_${randomBytes(32).toString("base64url")}`;
    const made = { createdBy: user.id, createdAtMs: clock.wallMs(), lost: 0 };
    const value: WebhookValue = { ...input, events: [...new Set(input.events)], secret, ...made };
    const { record } = await archive.records.add({ kind: "webhook", id: ulid(clock.wallMs()), owner: roomId, value });
    if (record === undefined) throw new ApiError("internal");
    this.#known.delete(roomId);
    return { ...infoOf(record, 0), secret };
  }

  async list(roomId: string): Promise<readonly Webhook[]> {
    const { records } = this.#options.archive;
    const found = await records.list({ kind: "webhook", owner: roomId, limit: MAX_WEBHOOKS });
    return await Promise.all(
      found.map(async (record) => infoOf(record, (await records.weigh("delivery", record.id)).count)),
    );
  }

  /** Throws ApiError unknown_webhook. What still waits is never delivered. */
  async remove(roomId: string, id: string): Promise<void> {
    const { records } = this.#options.archive;
    const found = await records.get({ kind: "webhook", id });
    if (found?.owner !== roomId) throw new ApiError("unknown_webhook");
    await records.remove(found);
    this.#known.delete(roomId);
    for (let page = await this.#waiting(id); page.length > 0; page = await this.#waiting(id))
      for (const delivery of page) await records.remove(delivery);
  }

  /** Never throws and never waits. With a journal that covers the room, what cannot be entered now is entered later. */
  tell(roomId: string, event: RoomEvent, journal?: EventJournal): void {
    if (this.#entering >= MAX_ENTERING) {
      this.#count(journal?.leave(roomId) === true ? "deferred" : "dropped");
      return;
    }
    this.#entering += 1;
    const enter = (): Promise<void> => this.enter(roomId, event);
    (journal === undefined ? enter() : journal.enter(roomId, enter))
      .catch((error: unknown) => {
        this.#count("dropped");
        const { event: name } = event;
        this.#options.log.warn({ roomId, event: name, err: error }, "an event could not be kept for its webhooks");
      })
      .finally(() => {
        this.#entering -= 1;
      });
  }

  /** Throws StoreUnavailableError; may be repeated when there is a key. */
  async enter(roomId: string, { event, data, key }: RoomEvent): Promise<void> {
    const { records } = this.#options.archive;
    const atMs = this.#options.clock.wallMs();
    let entered = 0;
    for (const webhook of await this.#of(roomId)) {
      if (!webhookOf(webhook).events.includes(event)) continue;
      if ((await records.weigh("delivery", webhook.id)).count >= MAX_WAITING) {
        this.#count("lost");
        await countLost(this.#options.archive, webhook.id);
        continue;
      }
      const value: DeliveryValue = { event, roomId, atMs, data, tries: 0 };
      const id = key === undefined ? ulid(atMs) : `${webhook.id}.${key}`;
      const { kind } = await records.add({ kind: "delivery", id, owner: webhook.id, dueAtMs: atMs, value });
      if (kind !== "added") continue;
      this.#count("entered");
      entered += 1;
    }
    if (entered > 0) this.#options.nudge();
  }

  #of(roomId: string): Promise<readonly StoredRecord[]> {
    const nowMs = this.#options.clock.nowMs();
    const known = this.#known.get(roomId);
    if (known !== undefined && known.untilMs > nowMs) return known.webhooks;
    const webhooks = this.#options.archive.records.list({ kind: "webhook", owner: roomId, limit: MAX_WEBHOOKS });
    this.#known.delete(roomId);
    this.#known.set(roomId, { untilMs: nowMs + KNOWN_MS, webhooks });
    webhooks.catch(() => this.#known.delete(roomId));
    const [oldest] = this.#known.keys();
    if (this.#known.size > MAX_KNOWN_ROOMS && oldest !== undefined) this.#known.delete(oldest);
    return webhooks;
  }

  async #waiting(id: string): Promise<readonly StoredRecord[]> {
    return await this.#options.archive.records.list({ kind: "delivery", owner: id, limit: MAX_PAGE });
  }
}

export const webhookOf = (record: StoredRecord): WebhookValue => record.value as WebhookValue;

/** Best effort: of several nodes that count at once one may win. */
export async function countLost(archive: Archive, webhookId: string): Promise<void> {
  const webhook = await archive.records.get({ kind: "webhook", id: webhookId });
  if (webhook === undefined) return;
  const value = webhookOf(webhook);
  await archive.records.replace({ ...webhook, value: { ...value, lost: value.lost + 1 } }, webhook.version);
}

function infoOf(record: StoredRecord, waiting: number): Webhook {
  const { secret: _, ...shown } = webhookOf(record);
  return { webhookId: record.id, ...shown, waiting };
}
