/** What requests for pages have in common. */
import "reflect-metadata";
import { Transform } from "class-transformer";
import { IsInt, IsString, Matches, Max, Min } from "class-validator";
import { toNumber, ULID } from "./fields.ts";
import { MayBeAbsent } from "./optional.dto.ts";

export class PageDto {
  @MayBeAbsent()
  @Transform(({ value }) => toNumber(value))
  @Min(1)
  @Max(100)
  @IsInt()
  limit?: number;
}

/** Pages that go back in time. */
export class PageBeforeDto extends PageDto {
  /** The nextCursor of the page before. */
  @MayBeAbsent()
  @Matches(ULID, { message: "before must be a nextCursor" })
  @IsString()
  before?: string;
}
