/** Requests and answers about files and pictures. */
import "reflect-metadata";
import { Transform, Type } from "class-transformer";
import {
  IsArray,
  IsBoolean,
  IsInt,
  IsOptional,
  IsString,
  Length,
  Matches,
  Max,
  Min,
  ValidateNested,
} from "class-validator";
import type * as Protocol from "#protocol";
import { READABLE, toNumber, ULID } from "./fields.ts";

export class AddFileDto {
  @IsOptional()
  @Length(1, 500)
  @Matches(READABLE, { message: "caption must be readable" })
  @IsString()
  caption?: string;
}

export class ListGalleryDto {
  @IsOptional()
  @Matches(ULID, { message: "before must be a file id" })
  @IsString()
  before?: string;

  @IsOptional()
  @Transform(({ value }) => toNumber(value))
  @Min(1)
  @Max(100)
  @IsInt()
  limit?: number;
}

export class FileInfo implements Protocol.FileInfo {
  @IsString() fileId!: string;
  @IsString() name!: string;
  @IsString() type!: string;
  @IsInt() bytes!: number;
  @IsString() sha256!: string;
  @IsString() uploaderId!: string;
  @IsString() uploaderName!: string;
  @IsInt() createdAtMs!: number;
  @IsOptional() @IsString() caption?: string;
  @IsOptional() @IsInt() width?: number;
  @IsOptional() @IsInt() height?: number;
  @IsBoolean() hasPreview!: boolean;
}
export class GalleryPage implements Protocol.GalleryPage {
  @ValidateNested({ each: true }) @Type(() => FileInfo) @IsArray() files!: FileInfo[];
  @IsOptional() @IsString() nextCursor?: string;
  @IsInt() usedBytes!: number;
  @IsInt() maxBytes!: number;
}
export class PictureInfo {
  @IsString() pictureId!: string;
}
/** Done; there is nothing to say. */
export class Done {
  @IsBoolean() done!: true;
}
/** The bytes themselves. */
export class Bytes {}
