/** Requests and answers about webhooks and API tokens. */
import "reflect-metadata";
import { Type } from "class-transformer";
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsIn,
  IsInt,
  IsString,
  Length,
  Matches,
  Max,
  Min,
  ValidateNested,
} from "class-validator";
import type * as Protocol from "#protocol";
import { READABLE } from "./fields.ts";
import { MayBeAbsent } from "./optional.dto.ts";

const EVENTS = [
  "message.posted",
  "message.changed",
  "file.added",
  "file.removed",
  "happening.changed",
  "expense.changed",
  "room.changed",
  "member.changed",
] as const satisfies readonly Protocol.WebhookEvent[];
const SCOPES = [
  "rooms:read",
  "rooms:write",
  "messages:read",
  "messages:write",
  "files:read",
  "files:write",
  "plans:read",
  "plans:write",
  "webhooks",
] as const satisfies readonly Protocol.ApiScope[];
const FIVE_YEARS_MS = 5 * 366 * 86_400_000;

export class WebhookDto {
  /** Where events are posted; of the public Internet, unless the operator allows more. */
  @Length(1, 2000)
  @Matches(/^https?:\/\/[\x21-\x7e]+$/, { message: "url must begin with http:// or https://" })
  @IsString()
  url!: string;

  @IsIn(EVENTS, { each: true })
  @ArrayMinSize(1)
  @ArrayMaxSize(EVENTS.length)
  @IsArray()
  events!: Protocol.WebhookEvent[];
}
export class Webhook implements Protocol.Webhook {
  @IsString() webhookId!: string;
  @IsString() url!: string;
  @IsIn(EVENTS, { each: true }) @IsArray() events!: Protocol.WebhookEvent[];
  @IsString() createdBy!: string;
  @IsInt() createdAtMs!: number;
  @IsInt() waiting!: number;
  @IsInt() lost!: number;
}
export class NewWebhook extends Webhook implements Protocol.NewWebhook {
  @IsString() secret!: string;
}
export class WebhooksResponse implements Protocol.WebhooksResponse {
  @ValidateNested({ each: true }) @Type(() => Webhook) @IsArray() webhooks!: Webhook[];
}

export class ApiTokenDto {
  @Length(1, 100)
  @Matches(READABLE, { message: "name must be readable" })
  @IsString()
  name!: string;

  @IsIn(SCOPES, { each: true })
  @ArrayMinSize(1)
  @ArrayMaxSize(SCOPES.length)
  @IsArray()
  scopes!: Protocol.ApiScope[];

  /** From now; absent: it does not expire. */
  @MayBeAbsent()
  @Min(1_000)
  @Max(FIVE_YEARS_MS)
  @IsInt()
  expiresInMs?: number;
}
export class ApiToken implements Protocol.ApiToken {
  @IsString() tokenId!: string;
  @IsString() name!: string;
  @IsIn(SCOPES, { each: true }) @IsArray() scopes!: Protocol.ApiScope[];
  @IsInt() createdAtMs!: number;
  @MayBeAbsent() @IsInt() expiresAtMs?: number;
}
export class NewApiToken extends ApiToken implements Protocol.NewApiToken {
  @IsString() token!: string;
}
export class ApiTokensResponse implements Protocol.ApiTokensResponse {
  @ValidateNested({ each: true }) @Type(() => ApiToken) @IsArray() tokens!: ApiToken[];
}
