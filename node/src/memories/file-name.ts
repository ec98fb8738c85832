/** Names of files: made harmless once, when they come in, and written into headers as the standards say. Pure. */

const MAX_NAME_CHARS = 120;
/** Control characters, what separates or means something on some system, and what turns reading around. */
const UNWANTED = /[\p{Cc}\p{Cs}\p{Cn}\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff<>:"|?*\\/]/gu;
/** Devices of Windows, whatever follows the first dot. */
const DEVICE = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

/**
 * A name to show and to save under: the last part of what came, with the extension of what the file is. Never empty, never a
 * path, at most 120 characters and the extension.
 */
export function safeFileName(raw: string, extension: string): string {
  const last = raw.normalize("NFC").split(/[\\/]/).at(-1) ?? "";
  const clean = last
    .replaceAll(UNWANTED, "")
    .replace(/^[.\s]+/u, "")
    .replace(/[.\s]+$/u, "");
  const dot = clean.lastIndexOf(".");
  const given = dot > 0 ? clean.slice(dot + 1).toLowerCase() : "";
  const stem = (dot > 0 && given.length <= 8 ? clean.slice(0, dot) : clean).replace(/[.\s]+$/u, "");
  const bounded = [...stem].slice(0, MAX_NAME_CHARS).join("");
  const named = bounded === "" || DEVICE.test(bounded) ? `file${bounded === "" ? "" : `-${bounded}`}` : bounded;
  return `${named}.${keepsOwn(given, extension) ? given : extension}`;
}

/** Spellings of what the file is, and names for what cannot be told from its bytes (an office document is a zip). */
function keepsOwn(given: string, extension: string): boolean {
  const same: Readonly<Record<string, readonly string[]>> = {
    jpg: ["jpeg"],
    tif: ["tiff"],
    mp4: ["m4v"],
    webm: ["mkv"],
    ogg: ["oga", "opus"],
    zip: ["docx", "xlsx", "pptx", "odt", "ods", "odp", "epub"],
    txt: ["csv", "md", "json", "srt", "ics", "vcf", "gpx", "log"],
  };
  return same[extension]?.includes(given) === true;
}

/** RFC 6266 with the extended form of RFC 8187; `name` is one of ours. */
export function contentDisposition(how: "inline" | "attachment", name: string): string {
  const ascii = name.replaceAll(/[^\x20-\x7e]|["%\\]/g, "_");
  // encodeURIComponent leaves four characters that attr-char does not have (RFC 8187 section 3.2.1).
  const extended = encodeURIComponent(name).replaceAll(/['()*]/g, (char) => `%${char.charCodeAt(0).toString(16)}`);
  return `${how}; filename="${ascii}"; filename*=UTF-8''${extended}`;
}
