/** Requests about rooms. */
import "reflect-metadata";
import { Transform, Type } from "class-transformer";
import {
  ArrayMaxSize,
  IsArray,
  IsIn,
  IsInt,
  IsNumber,
  IsOptional,
  IsString,
  Length,
  Matches,
  Max,
  Min,
  ValidateNested,
} from "class-validator";

const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;
const READABLE = /^(?=[\s\S]*\S)[^\p{Cc}\p{Cs}]*$/u;
/** Keys that clients choose end in the store, which takes these characters. */
const CLIENT_KEY = /^[A-Za-z0-9._:@/+=-]{1,64}$/;

export class CreateRoomDto {
  /** The address that the maker picks; the rules of rooms' addresses are checked apart. */
  @Length(1, 1024)
  @IsString()
  slug!: string;

  @IsOptional()
  @Length(1, 100)
  @Matches(READABLE, { message: "title must be readable" })
  @IsString()
  title?: string;

  @IsOptional()
  @IsIn(["open", "invite"])
  access?: "open" | "invite";

  /** People, not sessions. */
  @IsOptional()
  @Min(1)
  @Max(1000)
  @IsInt()
  capacity?: number;
}

export class ListRoomsDto {
  /** Only the own rooms can be listed. */
  @IsOptional()
  @IsIn(["", "true", "1"])
  mine?: string;

  @IsOptional()
  @Matches(ULID, { message: "before must be a room id" })
  @IsString()
  before?: string;

  @IsOptional()
  @Transform(({ value }) => toNumber(value))
  @Min(1)
  @Max(100)
  @IsInt()
  limit?: number;
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
  @IsOptional()
  @Matches(CLIENT_KEY, { message: "Idempotency-Key may hold 1 to 64 of A-Z a-z 0-9 . _ : @ / + = -" })
  @IsString()
  key?: string;
}

/** Query strings hold text; what is not digits stays as it is and is refused. */
function toNumber(value: unknown): unknown {
  return typeof value === "string" && /^\d{1,9}$/.test(value) ? Number(value) : value;
}
