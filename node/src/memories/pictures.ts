/**
 * Pictures are decoded and written anew: what comes out has the size of the first page's pixels, is turned upright, and
 * tells neither place nor camera. Decoding runs in libvips' threads; how many pictures at once is bounded, for memory's sake.
 */
import sharp, { type Metadata, type Sharp } from "sharp";
import { ApiError } from "../http/problems.ts";
import type { FileType } from "./sniff.ts";

/** A file's path, or its bytes. */
export type Source = string | Buffer;

export interface Picture {
  readonly bytes: Buffer;
  readonly type: string;
  readonly extension: string;
  readonly width: number;
  readonly height: number;
}

/** Over all frames. Decoded, this is 256 MB at most. */
export const MAX_PIXELS = 64_000_000;
const MAX_FRAMES = 500;
const MAX_DECODE_SECONDS = 20;
const PREVIEW_SIDE = 480;
const SQUARE_SIDE = 256;
const AT_ONCE = 2;
/** More than this wait for their turn: the node is busy. */
const MAX_WAITING = 16;

// Nothing is decoded twice.
sharp.cache(false);

export class Pictures {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /** The picture itself and a small one for galleries. Throws ApiError bad_picture, or busy. */
  async renew(source: Source, is: FileType): Promise<{ readonly full: Picture; readonly preview: Picture }> {
    return await this.#inTurn(async () => {
      const { pages = 1 } = await this.#inspect(source);
      const animated = pages > 1 && (is.extension === "gif" || is.extension === "webp");
      const extension = is.picture === "asPng" ? "png" : is.extension;
      const full = await write(encode(open(source, animated), extension), extension);
      const small = open(source, false)
        .resize(PREVIEW_SIDE, PREVIEW_SIDE, { fit: "inside", withoutEnlargement: true })
        .webp({ quality: 75 });
      return { full, preview: await write(small, "webp") };
    });
  }

  /** A square for people and rooms. Throws as renew(). */
  async square(source: Source): Promise<Picture> {
    return await this.#inTurn(async () => {
      await this.#inspect(source);
      const squared = open(source, false).resize(SQUARE_SIDE, SQUARE_SIDE, { fit: "cover", position: "attention" });
      return await write(squared.webp({ quality: 80 }), "webp");
    });
  }

  /** Sizes are read from the header, before a single pixel is decoded. */
  async #inspect(source: Source): Promise<Metadata> {
    const found = await decoding(() => sharp(source, { limitInputPixels: MAX_PIXELS }).metadata());
    const { width, height, pages = 1, pageHeight = height } = found;
    if (width * pageHeight * pages > MAX_PIXELS || pages > MAX_FRAMES)
      throw new ApiError("bad_picture", { detail: `at most ${MAX_PIXELS} pixels in all` });
    return found;
  }

  async #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#running >= AT_ONCE) {
      if (this.#waiting.length >= MAX_WAITING) throw new ApiError("busy", { retryAfterMs: 5_000 });
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#running += 1;
    try {
      return await work();
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }
}

function open(source: Source, animated: boolean): Sharp {
  // Without keepMetadata() nothing but pixels is written: no EXIF, no XMP, no IPTC. Turned first, as EXIF says.
  return sharp(source, { limitInputPixels: MAX_PIXELS, animated, failOn: "error" })
    .autoOrient()
    .timeout({ seconds: MAX_DECODE_SECONDS });
}

function encode(picture: Sharp, extension: string): Sharp {
  switch (extension) {
    case "jpg":
      return picture.jpeg({ quality: 90 });
    case "webp":
      return picture.webp({ quality: 88 });
    case "gif":
      return picture.gif();
    case "avif":
      return picture.avif({ quality: 65, effort: 2 });
    default:
      return picture.png();
  }
}

async function write(picture: Sharp, extension: string): Promise<Picture> {
  const { data, info } = await decoding(() => picture.toBuffer({ resolveWithObject: true }));
  const { width, height, pageHeight = height } = info as typeof info & { readonly pageHeight?: number };
  const type = extension === "jpg" ? "image/jpeg" : `image/${extension}`;
  return { bytes: data, type, extension, width, height: pageHeight };
}

/** Whatever the decoder does not like is the picture's fault. */
async function decoding<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw new ApiError("bad_picture", { cause: error });
  }
}
