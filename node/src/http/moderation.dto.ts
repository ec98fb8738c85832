/** What a moderator does in a call. */
import "reflect-metadata";
import { IsBoolean, IsIn, IsString, Length, Matches } from "class-validator";
import { ULID } from "./fields.ts";
import { MayBeAbsent } from "./optional.dto.ts";

export class ModerationDto {
  /** lock and unlock are for the room; the others need userId. */
  @IsIn(["mute", "remove", "grants", "lock", "unlock"])
  @IsString()
  action!: "mute" | "remove" | "grants" | "lock" | "unlock";

  /** The person, on all of their devices in the call. */
  @MayBeAbsent()
  @Matches(ULID)
  @IsString()
  userId?: string;

  /** Of mute: this track alone. Default: all of the person's sound. */
  @MayBeAbsent()
  @Length(1, 128)
  @IsString()
  trackId?: string;

  /** Of grants: may the person send sound and pictures? Absent: as it is. */
  @MayBeAbsent()
  @IsBoolean()
  publish?: boolean;

  /** Of grants: may the person hear and see? */
  @MayBeAbsent()
  @IsBoolean()
  subscribe?: boolean;

  /** Of grants: may the person write, send data messages and show that they type? */
  @MayBeAbsent()
  @IsBoolean()
  chat?: boolean;
}
