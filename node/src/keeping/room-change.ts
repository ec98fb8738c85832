/** What the parts that keep things say when something in a room has changed; the composition root tells people and webhooks. */
import type { RoomLifeChanged, WebhookEvent } from "#protocol";

export interface RoomChange {
  readonly roomId: string;
  readonly what: RoomLifeChanged["what"];
  readonly change: RoomLifeChanged["change"];
  readonly id: string;
  readonly userId: string;
  /** For webhooks. */
  readonly event: WebhookEvent;
  readonly data: object;
}

/** Never throws and never waits. */
export type OnRoomChange = (change: RoomChange) => void;
