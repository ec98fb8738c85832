/** What a client may say on the socket, checked before anything looks at it. */
import "reflect-metadata";
import { Type } from "class-transformer";
import {
  ArrayMaxSize,
  Equals,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsNumber,
  IsString,
  Length,
  Max,
  Min,
  ValidateNested,
} from "class-validator";
import type {
  ClientMessage,
  Hello,
  Join,
  Leave,
  MediaKind,
  Moderate,
  Mute,
  Offer,
  OfferedTrack,
  Ping,
  Report,
  TrackSource,
  Typing,
  View,
} from "#protocol";
import { MayBeAbsent } from "../http/optional.dto.ts";
import { parseDto } from "../http/validate.dto.ts";

const KINDS = ["audio", "video"];
const SOURCES = ["microphone", "camera", "screen", "screenAudio"];

class RequestDto {
  @Length(1, 64)
  @IsString()
  id!: string;
}

class HelloDto extends RequestDto implements Hello {
  @Equals("hello")
  type!: "hello";

  @Min(0)
  @Max(1_000_000)
  @IsInt()
  protocol!: number;

  @Length(1, 8192)
  @IsString()
  token!: string;

  @MayBeAbsent()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  @IsInt()
  lastSeq?: number;
}

class JoinDto extends RequestDto implements Join {
  @Equals("join")
  type!: "join";

  @Length(1, 8192)
  @IsString()
  token!: string;
}

class LeaveDto extends RequestDto implements Leave {
  @Equals("leave")
  type!: "leave";
}

class OfferedTrackDto implements OfferedTrack {
  @Length(1, 32)
  @IsString()
  mid!: string;

  @IsIn(KINDS)
  kind!: MediaKind;

  @IsIn(SOURCES)
  source!: TrackSource;

  @MayBeAbsent()
  @IsBoolean()
  muted?: boolean;
}

class OfferDto extends RequestDto implements Offer {
  @Equals("offer")
  type!: "offer";

  @Length(1, 65_536)
  @IsString()
  sdp!: string;

  @ValidateNested({ each: true })
  @Type(() => OfferedTrackDto)
  @ArrayMaxSize(16)
  @IsArray()
  tracks!: OfferedTrackDto[];

  @MayBeAbsent()
  @IsBoolean()
  fresh?: boolean;
}

class MuteDto extends RequestDto implements Mute {
  @Equals("mute")
  type!: "mute";

  @Length(1, 128)
  @IsString()
  trackId!: string;

  @IsBoolean()
  muted!: boolean;
}

class VisibleDto {
  @Length(1, 128)
  @IsString()
  participantId!: string;

  @IsIn(SOURCES)
  source!: TrackSource;

  @Min(0)
  @Max(16_384)
  @IsNumber({ allowNaN: false, allowInfinity: false })
  width!: number;

  @Min(0)
  @Max(16_384)
  @IsNumber({ allowNaN: false, allowInfinity: false })
  height!: number;
}

class ViewDto implements View {
  @Equals("view")
  type!: "view";

  @MayBeAbsent()
  @Length(1, 64)
  @IsString()
  id?: string;

  @ValidateNested({ each: true })
  @Type(() => VisibleDto)
  @ArrayMaxSize(128)
  @IsArray()
  visible!: VisibleDto[];
}

class PingDto implements Ping {
  @Equals("ping")
  type!: "ping";

  @IsNumber({ allowNaN: false, allowInfinity: false })
  sentAtMs!: number;
}

class TypingDto implements Typing {
  @Equals("typing")
  type!: "typing";

  @IsBoolean()
  typing!: boolean;

  @MayBeAbsent()
  @Length(1, 128)
  @IsString()
  threadId?: string;
}

class ModerateDto extends RequestDto implements Moderate {
  @Equals("moderate")
  type!: "moderate";

  @Length(1, 128)
  @IsString()
  participantId!: string;

  @IsIn(["mute", "remove"])
  action!: "mute" | "remove";

  @MayBeAbsent()
  @Length(1, 128)
  @IsString()
  trackId?: string;
}

class ReportDto implements Report {
  @Equals("report")
  type!: "report";

  @Min(0)
  @Max(1)
  @IsNumber({ allowNaN: false, allowInfinity: false })
  frozenRatio!: number;
}

const DTOS = {
  hello: HelloDto,
  join: JoinDto,
  leave: LeaveDto,
  offer: OfferDto,
  mute: MuteDto,
  view: ViewDto,
  ping: PingDto,
  typing: TypingDto,
  moderate: ModerateDto,
  report: ReportDto,
} as const;

export type ParsedMessage =
  | { readonly ok: true; readonly message: ClientMessage }
  /** `id` is there when it could be read, so that the refusal finds its request. */
  | { readonly ok: false; readonly id?: string; readonly detail: string };

/** Never throws, whatever the text. */
export function parseClientMessage(text: string): ParsedMessage {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, detail: "the message is not JSON" };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return { ok: false, detail: "the message is not an object" };
  const { type, id } = value as { readonly type?: unknown; readonly id?: unknown };
  const known = typeof id === "string" && id.length >= 1 && id.length <= 64 ? { id } : {};
  if (typeof type !== "string" || !Object.hasOwn(DTOS, type))
    return { ok: false, ...known, detail: "the type is not one of this protocol" };
  const parsed = parseDto<ClientMessage>(DTOS[type as keyof typeof DTOS], value);
  if (parsed.ok) return { ok: true, message: parsed.value };
  const detail = parsed.errors.map((error) => `${error.path}: ${error.message}`).join("; ");
  return { ok: false, ...known, detail: detail.slice(0, 500) };
}
