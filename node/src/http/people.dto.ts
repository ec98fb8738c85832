/** Requests about people and their sessions. */
import "reflect-metadata";
import { Equals, IsOptional, IsString, Length, Matches } from "class-validator";

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

  @IsOptional()
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

export class ChangeMeDto {
  /** Ends every user token of this person but the one in the answer. */
  @Equals(true)
  signOutEverywhere!: boolean;
}

export class CreateSessionDto {
  /** Kept by the device: the same person on the same device is one participant. */
  @Length(1, 64)
  @Matches(/^[A-Za-z0-9_-]+$/, { message: "deviceId may hold A-Z, a-z, 0-9, dash and underscore" })
  @IsString()
  deviceId!: string;
}
