/** Requests about people and their sessions. */
import "reflect-metadata";
import { Type } from "class-transformer";
import { Equals, IsObject, IsString, Length, Matches, ValidateNested } from "class-validator";
import { ULID } from "./fields.ts";
import { MayBeAbsent, MayBeNull } from "./optional.dto.ts";

/** What a handle may hold before the store folds it: letters and digits of any script, dot, dash, underscore. */
const HANDLE = /^[\p{L}\p{N}\p{M}._-]+$/u;
/** No control characters, and something that is not a blank. */
const VISIBLE = /^(?=[\s\S]*\S)[^\p{Cc}\p{Cs}]*$/u;

export class CreateUserDto {
  @Length(2, 32)
  @Matches(HANDLE, { message: "handle may hold letters, digits, dot, dash and underscore" })
  @IsString()
  handle!: string;

  /** Length, not composition. */
  @Length(8, 256)
  @IsString()
  password!: string;

  @MayBeAbsent()
  @Length(1, 64)
  @Matches(VISIBLE, { message: "displayName must be readable" })
  @IsString()
  displayName?: string;
}

export class LoginDto {
  @Length(1, 64)
  @IsString()
  handle!: string;

  @Length(1, 256)
  @IsString()
  password!: string;
}

export class CreateGuestDto {
  @Length(1, 64)
  @Matches(VISIBLE, { message: "displayName must be readable" })
  @IsString()
  displayName!: string;
}

export class ChangePasswordDto {
  @Length(1, 256)
  @IsString()
  current!: string;

  /** Length, not composition. */
  @Length(8, 256)
  @IsString()
  next!: string;
}

/** At least one of them. */
export class ChangeMeDto {
  @MayBeAbsent()
  @Length(1, 64)
  @Matches(VISIBLE, { message: "displayName must be readable" })
  @IsString()
  displayName?: string;

  /** null: none. */
  @MayBeNull()
  @Matches(ULID, { message: "pictureId must be a picture's id" })
  @IsString()
  pictureId?: string | null;

  @MayBeAbsent()
  @ValidateNested()
  @Type(() => ChangePasswordDto)
  @IsObject()
  password?: ChangePasswordDto;

  /** Ends every user token of this person but the one in the answer. */
  @MayBeAbsent()
  @Equals(true)
  signOutEverywhere?: true;
}

export class DeleteMeDto {
  /** Of those who have one. */
  @MayBeAbsent()
  @Length(1, 256)
  @IsString()
  password?: string;
}

export class CreateSessionDto {
  /** Kept by the device: the same person on the same device is one participant. */
  @Length(1, 64)
  @Matches(/^[A-Za-z0-9_-]+$/, { message: "deviceId may hold A-Z, a-z, 0-9, dash and underscore" })
  @IsString()
  deviceId!: string;
}
