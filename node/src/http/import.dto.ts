/** Lines of an exported room, as they are checked when they come in. What they have beside this is passed over. */
import "reflect-metadata";
import { Type } from "class-transformer";
import {
  Allow,
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
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
import { MAX_AMOUNT_MINOR, MAX_WEIGHT } from "../bills/shares.ts";
import { MAX_TEXT_CHARS } from "../store/archive.ts";
import { MAX_REACTION_KINDS, MAX_REACTIONS } from "../store/texts.ts";
import { READABLE, ULID } from "./fields.ts";
import { MayBeAbsent, MayBeNull } from "./optional.dto.ts";

const PERSON = /^[A-Za-z0-9._-]{1,64}$/;
const MAX_TIME = 8_640_000_000_000_000;
const person = { message: "must be a person's id" };

export class ImportedReactionDto {
  @Length(1, 64) @IsString() kind!: string;
  @Matches(PERSON, { each: true, ...person })
  @IsString({ each: true })
  @ArrayMaxSize(MAX_REACTIONS)
  @IsArray()
  userIds!: string[];
}

export class ImportedMessageDto {
  @Matches(ULID) @IsString() id!: string;
  @Matches(PERSON, person) @IsString() authorId!: string;
  @Length(0, 100) @IsString() authorName!: string;
  @Length(0, MAX_TEXT_CHARS) @IsString() text!: string;
  @Min(0) @Max(MAX_TIME) @IsInt() sentAtMs!: number;
  @MayBeAbsent() @Matches(ULID) @IsString() threadId?: string;
  @MayBeAbsent() @Matches(ULID) @IsString() replyTo?: string;
  @MayBeAbsent() @Min(0) @Max(MAX_TIME) @IsInt() deletedAtMs?: number;
  @MayBeAbsent() @Min(0) @Max(MAX_TIME) @IsInt() editedAtMs?: number;
  @MayBeAbsent() @Min(0) @Max(1_000) @IsInt() edits?: number;
  @MayBeAbsent()
  @ValidateNested({ each: true })
  @Type(() => ImportedReactionDto)
  @ArrayMaxSize(MAX_REACTION_KINDS)
  @IsArray()
  reactions?: ImportedReactionDto[];
  @Allow() mentions?: unknown;
}

export class ImportedRevisionDto {
  @Matches(ULID) @IsString() messageId!: string;
  @Length(0, MAX_TEXT_CHARS) @IsString() text!: string;
  @Min(0) @Max(MAX_TIME) @IsInt() writtenAtMs!: number;
}

/** Of the room's head: who is made a member again. */
export class ImportedMemberDto {
  @Length(1, 64) @IsString() handle!: string;
  @IsIn(["owner", "moderator", "member", "guest"]) role!: Protocol.Role;
  @Allow() userId?: unknown;
  @Allow() displayName?: unknown;
}

export class ImportedAnswerDto {
  @Matches(PERSON, person) @IsString() userId!: string;
  @Length(0, 100) @IsString() displayName!: string;
  @IsIn(["yes", "no", "maybe"]) reply!: "yes" | "no" | "maybe";
}

/** What it plans is checked once more, as a request. */
export class ImportedHappeningDto {
  @Allow() title?: unknown;
  @Allow() text?: unknown;
  @Allow() place?: unknown;
  @Allow() startsAt?: unknown;
  @Allow() endsAt?: unknown;
  @Allow() timeZone?: unknown;
  @Allow() remindMinutes?: unknown;
  @Allow() happeningId?: unknown;
  @Allow() createdBy?: unknown;
  @Allow() createdAtMs?: unknown;
  @Allow() startsAtMs?: unknown;
  @Allow() endsAtMs?: unknown;
  @MayBeAbsent()
  @ValidateNested({ each: true })
  @Type(() => ImportedAnswerDto)
  @ArrayMaxSize(1_000)
  @IsArray()
  answers?: ImportedAnswerDto[];
}

export class ImportedShareDto {
  @Matches(PERSON, person) @IsString() userId!: string;
  @MayBeAbsent() @Min(0) @Max(MAX_WEIGHT) @IsInt() weight?: number;
  @MayBeAbsent() @Min(0) @Max(MAX_AMOUNT_MINOR) @IsInt() exactMinor?: number;
}
export class ImportedExpenseDto {
  @Length(1, 200) @Matches(READABLE) @IsString() title!: string;
  @Min(1) @Max(MAX_AMOUNT_MINOR) @IsInt() amountMinor!: number;
  @IsIn(Intl.supportedValuesOf("currency")) currency!: string;
  @Matches(PERSON, person) @IsString() payerId!: string;
  @IsIn(["equal", "weight", "exact"]) split!: "equal" | "weight" | "exact";
  @ValidateNested({ each: true })
  @Type(() => ImportedShareDto)
  @ArrayMinSize(1)
  @ArrayMaxSize(100)
  @IsArray()
  shares!: ImportedShareDto[];
  @MayBeAbsent() @IsBoolean() settlement?: boolean;
  @Min(0) @Max(MAX_TIME) @IsInt() createdAtMs!: number;
  @Allow() expenseId?: unknown;
  @Allow() createdBy?: unknown;
  @Allow() owed?: unknown;
}

export class ImportedFileDto {
  @Matches(ULID) @IsString() fileId!: string;
  @Length(0, 300) @IsString() name!: string;
  @Matches(PERSON, person) @IsString() uploaderId!: string;
  @Length(0, 100) @IsString() uploaderName!: string;
  @Min(0) @Max(MAX_TIME) @IsInt() createdAtMs!: number;
  @MayBeAbsent() @Length(1, 500) @Matches(READABLE) @IsString() caption?: string;
  @Allow() type?: unknown;
  @Allow() bytes?: unknown;
  @Allow() sha256?: unknown;
  @Allow() width?: unknown;
  @Allow() height?: unknown;
  @Allow() hasPreview?: unknown;
  @Allow() cleaned?: unknown;
}

/** Answer of an import. */
export class Imported {
  @IsInt() messages!: number;
  @IsInt() files!: number;
  @IsInt() happenings!: number;
  @IsInt() expenses!: number;
}

/** Days; absent or null: for ever. */
export class RetentionDto {
  @MayBeNull() @Min(1) @Max(36_500) @IsInt() messageDays?: number | null;
  @MayBeNull() @Min(1) @Max(36_500) @IsInt() fileDays?: number | null;
}
export class Retention {
  @MayBeAbsent() @IsInt() messageDays?: number;
  @MayBeAbsent() @IsInt() fileDays?: number;
}
