/** Requests about rooms. */
import "reflect-metadata";
import { Type } from "class-transformer";
import {
  ArrayMaxSize,
  IsArray,
  IsIn,
  IsInt,
  IsNumber,
  IsString,
  Length,
  Matches,
  Max,
  Min,
  ValidateNested,
} from "class-validator";
import type { Role } from "#protocol";
import { READABLE, READABLE_LINES, ULID } from "./fields.ts";
import { MayBeAbsent, MayBeNull } from "./optional.dto.ts";
import { PageBeforeDto, PageDto } from "./pages.dto.ts";

/** Empty, or as READABLE_LINES. */
const MAYBE_LINES = /^(?:[^\p{Cc}\p{Cs}]|[\n\t])*$/u;
/** Keys that clients choose end in the store, which takes these characters. */
const CLIENT_KEY = /^[A-Za-z0-9._:@/+=-]{1,64}$/;

export class CreateRoomDto {
  /** The address that the maker picks; the rules of rooms' addresses are checked apart. */
  @Length(1, 1024)
  @IsString()
  slug!: string;

  @MayBeAbsent()
  @Length(1, 100)
  @Matches(READABLE, { message: "title must be readable" })
  @IsString()
  title?: string;

  @MayBeAbsent()
  @IsIn(["open", "invite"])
  access?: "open" | "invite";

  /** People, not sessions. */
  @MayBeAbsent()
  @Min(1)
  @Max(1000)
  @IsInt()
  capacity?: number;

  @MayBeAbsent()
  @Length(1, 2000)
  @Matches(READABLE_LINES, { message: "description must be readable" })
  @IsString()
  description?: string;
}

/** At least one of them. */
export class ChangeRoomDto {
  /** Leaves the old one as a redirect. */
  @MayBeAbsent()
  @Length(1, 1024)
  @IsString()
  slug?: string;

  @MayBeAbsent()
  @Length(1, 100)
  @Matches(READABLE, { message: "title must be readable" })
  @IsString()
  title?: string;

  @MayBeAbsent()
  @Length(0, 2000)
  @Matches(MAYBE_LINES, { message: "description must be readable" })
  @IsString()
  description?: string;

  /** null: none. */
  @MayBeNull()
  @Matches(ULID, { message: "pictureId must be a picture's id" })
  @IsString()
  pictureId?: string | null;

  @MayBeAbsent()
  @IsIn(["open", "invite"])
  access?: "open" | "invite";

  /** People, not sessions. */
  @MayBeAbsent()
  @Min(1)
  @Max(1000)
  @IsInt()
  capacity?: number;
}

export class ListMembersDto extends PageDto {
  @MayBeAbsent()
  @Matches(ULID, { message: "after must be a person's id" })
  @IsString()
  after?: string;
}

export class ChangeMemberDto {
  @IsIn(["owner", "moderator", "member", "guest"])
  role!: Role;
}

export class CreateInviteDto {
  @MayBeAbsent()
  @IsIn(["moderator", "member", "guest"])
  role?: "moderator" | "member" | "guest";

  @MayBeAbsent()
  @Min(1)
  @Max(10_000)
  @IsInt()
  maxUses?: number;

  /** A minute to a year. */
  @MayBeAbsent()
  @Min(60_000)
  @Max(366 * 86_400_000)
  @IsInt()
  expiresInMs?: number;
}

export class ListInvitesDto extends PageBeforeDto {}

export class AcceptInviteDto {
  /** Of the guest that whoever has no account becomes. */
  @MayBeAbsent()
  @Length(1, 64)
  @Matches(READABLE, { message: "displayName must be readable" })
  @IsString()
  displayName?: string;
}

export class ListRoomsDto extends PageBeforeDto {
  /** Only the own rooms can be listed. */
  @MayBeAbsent()
  @IsIn(["", "true", "1"])
  mine?: string;
}

export class RttDto {
  @Length(1, 64)
  @IsString()
  node!: string;

  @Min(0)
  @Max(60_000)
  @IsNumber({ allowNaN: false, allowInfinity: false })
  rttMs!: number;
}

export class PlaceDto {
  @ValidateNested({ each: true })
  @Type(() => RttDto)
  @ArrayMaxSize(200)
  @IsArray()
  rtts!: RttDto[];
}

/** Joining takes no words: the session token and the address say all. */
export class JoinDto {}

export class IdempotencyKeyDto {
  @MayBeAbsent()
  @Matches(CLIENT_KEY, { message: "Idempotency-Key may hold 1 to 64 of A-Z a-z 0-9 . _ : @ / + = -" })
  @IsString()
  key?: string;
}
