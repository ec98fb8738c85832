/** Requests and answers about happenings. */
import "reflect-metadata";
import { Transform, Type } from "class-transformer";
import {
  ArrayMaxSize,
  IsArray,
  IsIn,
  IsInt,
  IsString,
  Length,
  Matches,
  Max,
  Min,
  Validate,
  ValidateNested,
  ValidatorConstraint,
  type ValidatorConstraintInterface,
} from "class-validator";
import type * as Protocol from "#protocol";
import { isTimeZone } from "../happenings/zoned-time.ts";
import { READABLE, READABLE_LINES, toNumber } from "./fields.ts";
import { MayBeAbsent } from "./optional.dto.ts";

const REPLIES = ["yes", "no", "maybe"];
const LOCAL = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}$/;
const FOUR_WEEKS_MINUTES = 40_320;

@ValidatorConstraint({ name: "isTimeZone" })
export class IsTimeZone implements ValidatorConstraintInterface {
  validate(value: unknown): boolean {
    return typeof value === "string" && isTimeZone(value);
  }
  defaultMessage(): string {
    return "timeZone must be the name of a time zone, as Europe/Amsterdam";
  }
}

export class HappeningDto implements Protocol.HappeningInput {
  @Length(1, 200)
  @Matches(READABLE, { message: "title must be readable" })
  @IsString()
  title!: string;

  @MayBeAbsent()
  @Length(1, 4000)
  @Matches(READABLE_LINES, { message: "text must be readable" })
  @IsString()
  text?: string;

  @MayBeAbsent()
  @Length(1, 300)
  @Matches(READABLE, { message: "place must be readable" })
  @IsString()
  place?: string;

  @Matches(LOCAL, { message: "startsAt must be like 2026-12-24T18:30" })
  @IsString()
  startsAt!: string;

  @MayBeAbsent()
  @Matches(LOCAL, { message: "endsAt must be like 2026-12-24T21:00" })
  @IsString()
  endsAt?: string;

  @Validate(IsTimeZone)
  @Length(1, 100)
  @IsString()
  timeZone!: string;

  @MayBeAbsent()
  @Min(0, { each: true })
  @Max(FOUR_WEEKS_MINUTES, { each: true })
  @IsInt({ each: true })
  @ArrayMaxSize(5)
  @IsArray()
  remindMinutes?: number[];
}

export class ChangeHappeningDto extends HappeningDto {
  /** The version that the change was made from. */
  @Min(1)
  @IsInt()
  version!: number;
}

export class ReplyDto {
  /** "none" takes the answer back. */
  @IsIn([...REPLIES, "none"])
  reply!: "yes" | "no" | "maybe" | "none";
}

export class ListHappeningsDto {
  /** Unix milliseconds; those that start then or later. Default: all. */
  @MayBeAbsent()
  @Matches(/^\d{1,14}$/, { message: "from must be Unix milliseconds" })
  @IsString()
  from?: string;

  @MayBeAbsent()
  @Matches(/^\d{14}\.[0-9A-HJKMNP-TV-Z]{26}$/, { message: "after must be a nextCursor" })
  @IsString()
  after?: string;

  /** Less than elsewhere: each happening may come with a thousand answers. */
  @MayBeAbsent()
  @Transform(({ value }) => toNumber(value))
  @Min(1)
  @Max(50)
  @IsInt()
  limit?: number;
}

export class HappeningAnswer {
  @IsString() userId!: string;
  @IsString() displayName!: string;
  @IsIn(REPLIES) reply!: Protocol.Reply;
}
export class Happening implements Protocol.Happening {
  @IsString() happeningId!: string;
  @IsString() title!: string;
  @MayBeAbsent() @IsString() text?: string;
  @MayBeAbsent() @IsString() place?: string;
  @IsString() startsAt!: string;
  @MayBeAbsent() @IsString() endsAt?: string;
  @IsString() timeZone!: string;
  @IsInt({ each: true }) @IsArray() remindMinutes!: number[];
  @IsString() createdBy!: string;
  @IsInt() createdAtMs!: number;
  @IsInt() version!: number;
  @IsInt() startsAtMs!: number;
  @IsInt() endsAtMs!: number;
  @ValidateNested({ each: true }) @Type(() => HappeningAnswer) @IsArray() answers!: HappeningAnswer[];
}
export class HappeningPage implements Protocol.HappeningPage {
  @ValidateNested({ each: true }) @Type(() => Happening) @IsArray() happenings!: Happening[];
  @MayBeAbsent() @IsString() nextCursor?: string;
}
export class CalendarFeed implements Protocol.CalendarFeed {
  @IsString() url!: string;
}
