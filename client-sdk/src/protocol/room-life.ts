/** What rooms keep beside their text: HTTP bodies that client and node share. HTTP_API: the OpenAPI document of any node. */

/** A file that somebody put into a room. */
export interface FileInfo {
  readonly fileId: string;
  /** Harmless to save under; its extension is that of what the file is. */
  readonly name: string;
  /** Media type by the file's bytes. */
  readonly type: string;
  readonly bytes: number;
  /** Of the stored bytes, 64 hexadecimal digits. */
  readonly sha256: string;
  readonly uploaderId: string;
  readonly uploaderName: string;
  readonly createdAtMs: number;
  readonly caption?: string;
  /** Pictures only. */
  readonly width?: number;
  readonly height?: number;
  /** GET /v1/files/:id/preview answers a small picture. */
  readonly hasPreview: boolean;
}
/** Newest first; `nextCursor` goes into `before`. */
export interface GalleryPage {
  readonly files: readonly FileInfo[];
  readonly nextCursor?: string;
  /** What the room's files take, and may take, in bytes. */
  readonly usedBytes: number;
  readonly maxBytes: number;
}

export type Reply = "yes" | "no" | "maybe";

export interface HappeningInput {
  readonly title: string;
  readonly text?: string;
  readonly place?: string;
  /** Wall clock of the time zone, "2026-12-24T18:30". */
  readonly startsAt: string;
  readonly endsAt?: string;
  /** IANA name, "Europe/Amsterdam". */
  readonly timeZone: string;
  /** Minutes before the start at which the room is reminded; at most 5. */
  readonly remindMinutes?: readonly number[];
}
export interface Happening extends HappeningInput {
  readonly happeningId: string;
  readonly createdBy: string;
  readonly createdAtMs: number;
  /** One more with each change; a change names the one that it has seen. */
  readonly version: number;
  /** Unix milliseconds. */
  readonly startsAtMs: number;
  readonly endsAtMs: number;
  readonly remindMinutes: readonly number[];
  readonly answers: readonly { readonly userId: string; readonly displayName: string; readonly reply: Reply }[];
}
/** By time of the start. */
export interface HappeningPage {
  readonly happenings: readonly Happening[];
  readonly nextCursor?: string;
}
/** The address of a calendar that needs no other token: whoever has it reads this room's happenings. */
export interface CalendarFeed {
  readonly url: string;
}

export interface ExpenseInput {
  readonly title: string;
  /** Whole minor units (cents) of the currency. */
  readonly amountMinor: number;
  /** ISO 4217. */
  readonly currency: string;
  readonly payerId: string;
  /** How it is shared; `weight` and `exactMinor` are for those ways only. */
  readonly split: "equal" | "weight" | "exact";
  readonly shares: readonly { readonly userId: string; readonly weight?: number; readonly exactMinor?: number }[];
}
export interface Expense extends ExpenseInput {
  readonly expenseId: string;
  readonly createdBy: string;
  readonly createdAtMs: number;
  /** A payment between two people that settles a debt. */
  readonly settlement: boolean;
  /** What each owes of it; adds up to the amount. */
  readonly owed: readonly { readonly userId: string; readonly amountMinor: number }[];
}
/** Newest first. */
export interface ExpensePage {
  readonly expenses: readonly Expense[];
  readonly nextCursor?: string;
}
export interface CurrencyBalance {
  readonly currency: string;
  /** Digits after the point: 2 for EUR, 0 for VND. */
  readonly digits: number;
  /** Positive: is owed money. Adds up to 0. */
  readonly balances: readonly { readonly userId: string; readonly amountMinor: number }[];
  /** Payments that settle it. `fewest`: proved to be as few as possible. */
  readonly payments: readonly { readonly from: string; readonly to: string; readonly amountMinor: number }[];
  readonly fewest: boolean;
}
export interface Balances {
  readonly currencies: readonly CurrencyBalance[];
}

export type WebhookEvent =
  | "message.posted"
  | "message.changed"
  | "file.added"
  | "file.removed"
  | "happening.changed"
  | "expense.changed"
  | "room.changed"
  | "member.changed";

export interface Webhook {
  readonly webhookId: string;
  readonly url: string;
  readonly events: readonly WebhookEvent[];
  readonly createdBy: string;
  readonly createdAtMs: number;
  /** Deliveries that still wait, and those that were given up for ever. */
  readonly waiting: number;
  readonly lost: number;
}
/** Told once, at creation: verifies the signatures. */
export interface NewWebhook extends Webhook {
  readonly secret: string;
}
export interface WebhooksResponse {
  readonly webhooks: readonly Webhook[];
}

export type ApiScope =
  | "rooms:read"
  | "rooms:write"
  | "messages:read"
  | "messages:write"
  | "files:read"
  | "files:write"
  | "plans:read"
  | "plans:write"
  | "webhooks";

export interface ApiToken {
  readonly tokenId: string;
  readonly name: string;
  readonly scopes: readonly ApiScope[];
  readonly createdAtMs: number;
  readonly expiresAtMs?: number;
}
/** Told once, at creation. */
export interface NewApiToken extends ApiToken {
  readonly token: string;
}
export interface ApiTokensResponse {
  readonly tokens: readonly ApiToken[];
}

/** Days after which a room forgets; absent: never. */
export interface Retention {
  readonly messageDays?: number;
  readonly fileDays?: number;
}
