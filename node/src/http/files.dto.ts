/** Requests and answers about files and pictures. */
import "reflect-metadata";
import { Type } from "class-transformer";
import { IsArray, IsBoolean, IsInt, IsString, Length, Matches, ValidateNested } from "class-validator";
import type * as Protocol from "#protocol";
import { READABLE } from "./fields.ts";
import { MayBeAbsent } from "./optional.dto.ts";
import { PageBeforeDto } from "./pages.dto.ts";

export class AddFileDto {
  @MayBeAbsent()
  @Length(1, 500)
  @Matches(READABLE, { message: "caption must be readable" })
  @IsString()
  caption?: string;
}

export class ListGalleryDto extends PageBeforeDto {}

export class FileInfo implements Protocol.FileInfo {
  @IsString() fileId!: string;
  @IsString() name!: string;
  @IsString() type!: string;
  @IsInt() bytes!: number;
  @IsString() sha256!: string;
  @IsString() uploaderId!: string;
  @IsString() uploaderName!: string;
  @IsInt() createdAtMs!: number;
  @MayBeAbsent() @IsString() caption?: string;
  @MayBeAbsent() @IsInt() width?: number;
  @MayBeAbsent() @IsInt() height?: number;
  @IsBoolean() hasPreview!: boolean;
  /** Written anew without the place where it was taken. Videos and documents are not: they are kept as they came. */
  @IsBoolean() cleaned!: boolean;
}
export class GalleryPage implements Protocol.GalleryPage {
  @ValidateNested({ each: true }) @Type(() => FileInfo) @IsArray() files!: FileInfo[];
  @MayBeAbsent() @IsString() nextCursor?: string;
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
