/** Requests and answers about messages. */
import "reflect-metadata";
import { Transform, Type } from "class-transformer";
import {
  IsArray,
  IsBoolean,
  IsInt,
  IsString,
  Length,
  Matches,
  Max,
  Min,
  ValidateIf,
  ValidateNested,
} from "class-validator";
import type * as Protocol from "#protocol";
import { ULID } from "./fields.ts";
import { MayBeAbsent } from "./optional.dto.ts";
import { PageDto } from "./pages.dto.ts";

/** Keys that clients choose end in the store, which takes these characters. */
const CLIENT_KEY = /^[A-Za-z0-9._:@/+=-]{1,64}$/;
const MAX_TEXT = 8_000;

export class PostMessageDto {
  @Length(1, MAX_TEXT)
  @IsString()
  text!: string;

  @MayBeAbsent()
  @Matches(CLIENT_KEY, { message: "clientId may hold 1 to 64 of A-Z a-z 0-9 . _ : @ / + = -" })
  @IsString()
  clientId?: string;

  @MayBeAbsent()
  @Matches(ULID, { message: "replyTo must be a message id" })
  @IsString()
  replyTo?: string;

  @MayBeAbsent()
  @Matches(ULID, { message: "threadId must be a message id" })
  @IsString()
  threadId?: string;
}

export class EditMessageDto {
  @Length(1, MAX_TEXT)
  @IsString()
  text!: string;
}

export class MoveMessageDto {
  /** null: out of its thread. */
  @ValidateIf((_, value) => value !== null)
  @Matches(ULID, { message: "threadId must be a message id, or null" })
  @IsString()
  threadId!: string | null;
}

export class MarkReadDto {
  @Matches(ULID, { message: "messageId must be a message id" })
  @IsString()
  messageId!: string;
}

export class ListMessagesDto extends PageDto {
  @MayBeAbsent()
  @Matches(ULID, { message: "before must be a message id" })
  @IsString()
  before?: string;

  @MayBeAbsent()
  @Matches(ULID, { message: "after must be a message id" })
  @IsString()
  after?: string;

  /** This message in the middle. */
  @MayBeAbsent()
  @Matches(ULID, { message: "around must be a message id" })
  @IsString()
  around?: string;

  /** Only what stands in the thread that this message opened. */
  @MayBeAbsent()
  @Matches(ULID, { message: "thread must be a message id" })
  @IsString()
  thread?: string;
}

export class ListChangesDto extends PageDto {
  /** The cursor of an earlier answer; without it the answer is where to begin. */
  @MayBeAbsent()
  @Matches(ULID, { message: "after must be a cursor" })
  @IsString()
  after?: string;
}

export class ListReadDto extends PageDto {
  @MayBeAbsent()
  @Matches(ULID, { message: "after must be a person's id" })
  @IsString()
  after?: string;
}

export class SearchDto extends PageDto {
  /** Messages with all of these words. */
  @MayBeAbsent()
  @Length(1, 200)
  @IsString()
  q?: string;

  @MayBeAbsent()
  @Matches(ULID, { message: "author must be a person's id" })
  @IsString()
  author?: string;

  /** Unix milliseconds, inclusive. */
  @MayBeAbsent()
  @Transform(({ value }) => toTime(value))
  @Min(0)
  @Max(281_474_976_710_655)
  @IsInt()
  since?: number;

  /** Exclusive. */
  @MayBeAbsent()
  @Transform(({ value }) => toTime(value))
  @Min(0)
  @Max(281_474_976_710_655)
  @IsInt()
  until?: number;

  @MayBeAbsent()
  @Matches(ULID, { message: "before must be a message id" })
  @IsString()
  before?: string;
}

/** Of ULIDs, 48 bits. */
function toTime(value: unknown): unknown {
  return typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : value;
}

export class Reaction implements Protocol.Reaction {
  @IsString() kind!: string;
  @IsInt() count!: number;
  @IsString({ each: true }) @IsArray() userIds!: string[];
  @MayBeAbsent() @IsBoolean() mine?: boolean;
}
export class ChatMessage implements Protocol.ChatMessage {
  @IsString() id!: string;
  @IsString() authorId!: string;
  @IsString() authorName!: string;
  @IsString() text!: string;
  @IsInt() sentAtMs!: number;
  @MayBeAbsent() @IsString() clientId?: string;
  @MayBeAbsent() @IsString() replyTo?: string;
  @MayBeAbsent() @IsString() changeId?: string;
  @MayBeAbsent() @IsString() threadId?: string;
  @MayBeAbsent() @IsInt() threadSize?: number;
  @MayBeAbsent() @IsInt() editedAtMs?: number;
  @MayBeAbsent() @IsInt() deletedAtMs?: number;
  @MayBeAbsent() @ValidateNested({ each: true }) @Type(() => Reaction) @IsArray() reactions?: Reaction[];
  @MayBeAbsent() @IsString({ each: true }) @IsArray() mentions?: string[];
  @MayBeAbsent() @IsString({ each: true }) @IsArray() links?: string[];
  @MayBeAbsent() @IsBoolean() authorLeft?: boolean;
}
export class MessagePage implements Protocol.MessagePage {
  @ValidateNested({ each: true }) @Type(() => ChatMessage) @IsArray() messages!: ChatMessage[];
  @MayBeAbsent() @IsString() nextCursor?: string;
  @MayBeAbsent() @IsString() newerCursor?: string;
}
export class ChangesPage implements Protocol.ChangesPage {
  @ValidateNested({ each: true }) @Type(() => ChatMessage) @IsArray() messages!: ChatMessage[];
  @IsString() cursor!: string;
  @IsBoolean() more!: boolean;
}
export class SearchPage implements Protocol.SearchPage {
  @ValidateNested({ each: true }) @Type(() => ChatMessage) @IsArray() messages!: ChatMessage[];
  @MayBeAbsent() @IsString() nextCursor?: string;
}
export class Revision {
  @IsString() text!: string;
  @IsInt() writtenAtMs!: number;
}
export class MessageHistory implements Protocol.MessageHistory {
  @ValidateNested({ each: true }) @Type(() => Revision) @IsArray() revisions!: Revision[];
}
export class ReadMarker implements Protocol.ReadMarker {
  @IsString() userId!: string;
  @IsString() messageId!: string;
}
export class ReadMarkers implements Protocol.ReadMarkers {
  @ValidateNested({ each: true }) @Type(() => ReadMarker) @IsArray() markers!: ReadMarker[];
  @MayBeAbsent() @IsString() nextCursor?: string;
}
export class Unread implements Protocol.Unread {
  @IsString() messageId!: string;
  @IsInt() unread!: number;
  @IsInt() unreadMentions!: number;
}
