/**
 * What a file is, by its first bytes and by nothing that its sender says. The list is short on purpose: it decides what a
 * browser may show by itself and what is decoded as a picture; everything else is bytes to be saved.
 */

export interface FileType {
  readonly type: string;
  readonly extension: string;
  /** A browser may show or play it in a page; other types are only ever downloaded. */
  readonly inline: boolean;
  /** Decoded and written anew. "refused": a picture that cannot be decoded here, and might tell where it was taken. */
  readonly picture?: "kept" | "asPng" | "refused";
}

/** Bytes of the beginning that are enough for every signature. */
export const SNIFF_BYTES = 64;

interface Signature {
  readonly at?: number;
  /** Latin-1 text; "?" stands for any byte. */
  readonly bytes: string;
  readonly is: FileType;
}

const UNKNOWN: FileType = { type: "application/octet-stream", extension: "bin", inline: false };
const PLAIN: FileType = { type: "text/plain; charset=utf-8", extension: "txt", inline: false };

const picture = (type: string, extension: string, how: FileType["picture"] = "kept"): FileType => ({
  type: `image/${type}`,
  extension,
  inline: true,
  ...(how === undefined ? {} : { picture: how }),
});
const playable = (type: string, extension: string): FileType => ({ type, extension, inline: true });
const saved = (type: string, extension: string): FileType => ({ type, extension, inline: false });

const HEIC = picture("heic", "heic", "refused");
const MP4 = playable("video/mp4", "mp4");

const SIGNATURES: readonly Signature[] = [
  { bytes: "\xff\xd8\xff", is: picture("jpeg", "jpg") },
  { bytes: "\x89PNG\r\n\x1a\n", is: picture("png", "png") },
  { bytes: "GIF87a", is: picture("gif", "gif") },
  { bytes: "GIF89a", is: picture("gif", "gif") },
  { bytes: "RIFF????WEBP", is: picture("webp", "webp") },
  { bytes: "II*\0", is: picture("tiff", "tif", "asPng") },
  { bytes: "MM\0*", is: picture("tiff", "tif", "asPng") },
  { bytes: "\xff\x0a", is: picture("jxl", "jxl", "refused") },
  { bytes: "\0\0\0\x0cJXL ", is: picture("jxl", "jxl", "refused") },
  { at: 4, bytes: "ftypavif", is: picture("avif", "avif") },
  { at: 4, bytes: "ftypavis", is: picture("avif", "avif") },
  ...["heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"].map((brand) => ({
    at: 4,
    bytes: `ftyp${brand}`,
    is: HEIC,
  })),
  { at: 4, bytes: "ftypqt  ", is: saved("video/quicktime", "mov") },
  { at: 4, bytes: "ftypM4A", is: playable("audio/mp4", "m4a") },
  { at: 4, bytes: "ftyp", is: MP4 },
  { bytes: "\x1aE\xdf\xa3", is: playable("video/webm", "webm") },
  { bytes: "OggS", is: playable("audio/ogg", "ogg") },
  { bytes: "fLaC", is: playable("audio/flac", "flac") },
  { bytes: "RIFF????WAVE", is: playable("audio/wav", "wav") },
  { bytes: "ID3", is: playable("audio/mpeg", "mp3") },
  { bytes: "\xff\xfb", is: playable("audio/mpeg", "mp3") },
  { bytes: "\xff\xf3", is: playable("audio/mpeg", "mp3") },
  { bytes: "%PDF-", is: saved("application/pdf", "pdf") },
  { bytes: "PK\x03\x04", is: saved("application/zip", "zip") },
  { bytes: "PK\x05\x06", is: saved("application/zip", "zip") },
  { bytes: "\x1f\x8b", is: saved("application/gzip", "gz") },
  { bytes: "7z\xbc\xaf\x27\x1c", is: saved("application/x-7z-compressed", "7z") },
];

/** What whoever sends a refused picture can do. */
export function adviceFor({ type, extension }: FileType): string {
  const why = `${type} cannot be decoded here, so the place where it was taken could not be removed`;
  const how =
    extension === "heic"
      ? "share it as JPEG (iPhone: Settings, Camera, Formats, Most Compatible; or copy it into another app first)"
      : "save it as JPEG, PNG, WebP, GIF or AVIF";
  return `${why}: ${how}`;
}

/** Never throws. Text counts as text only when it can be nothing that a browser would run. */
export function sniff(head: Uint8Array): FileType {
  const found = SIGNATURES.find((signature) => matches(head, signature));
  if (found !== undefined) return found.is;
  return head.length > 0 && looksLikeText(head.subarray(0, SNIFF_BYTES)) ? PLAIN : UNKNOWN;
}

function matches(head: Uint8Array, { at = 0, bytes }: Signature): boolean {
  if (head.length < at + bytes.length) return false;
  for (let i = 0; i < bytes.length; i++) {
    const wanted = bytes.charCodeAt(i);
    if (wanted !== 0x3f && head[at + i] !== wanted) return false;
  }
  return true;
}

/** No control characters but the usual ones, and no beginning of markup. */
function looksLikeText(head: Uint8Array): boolean {
  const isText = head.every((byte) => byte >= 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d);
  return isText && !head.includes(0x3c);
}
