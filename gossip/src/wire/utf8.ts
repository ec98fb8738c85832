// UTF-8 without TextEncoder, which a core must not touch. Names are short and nearly always ASCII: that path is a plain loop.

const REPLACEMENT = 0xfffd;

/** The code point at `index`, a lone surrogate as U+FFFD. */
function codePointAt(text: string, index: number): number {
  const code = text.codePointAt(index) ?? REPLACEMENT;
  return code >= 0xd800 && code <= 0xdfff ? REPLACEMENT : code;
}

/** Bytes that `writeUtf8` will write. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i += 1) {
    if (text.charCodeAt(i) < 0x80) continue;
    const code = codePointAt(text, i);
    if (code < 0x800) bytes += 1;
    else if (code < 0x10000) bytes += 2;
    else {
      // Two units of text become four bytes.
      bytes += 2;
      i += 1;
    }
  }
  return bytes;
}

/** Writes at `offset` of a buffer that is large enough; answers the offset after the last byte. */
export function writeUtf8(text: string, into: Uint8Array, offset: number): number {
  let at = offset;
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) {
      into[at++] = unit;
      continue;
    }
    const code = codePointAt(text, i);
    if (code < 0x800) {
      into[at++] = 0xc0 | (code >> 6);
    } else {
      if (code < 0x10000) {
        into[at++] = 0xe0 | (code >> 12);
      } else {
        into[at++] = 0xf0 | (code >> 18);
        into[at++] = 0x80 | ((code >> 12) & 63);
        i += 1;
      }
      into[at++] = 0x80 | ((code >> 6) & 63);
    }
    into[at++] = 0x80 | (code & 63);
  }
  return at;
}

export function encodeUtf8(text: string): Uint8Array {
  const bytes = new Uint8Array(utf8Length(text));
  writeUtf8(text, bytes, 0);
  return bytes;
}

/**
 * Short texts met lately, one per slot. The same few names come in nearly every message, and a string that is there already
 * need not be built, nor hashed when it is looked up. A stranger can only push others out of their slots.
 */
const MAX_KEPT_BYTES = 32;
const KEPT_SLOTS = 1024;
const kept: string[] = new Array<string>(KEPT_SLOTS).fill("");
const { imul } = Math;

/** The text, or undefined when the bytes are not UTF-8 (overlong forms and surrogates included). */
export function decodeUtf8(bytes: Uint8Array, start = 0, end = bytes.length): string | undefined {
  if (end - start > MAX_KEPT_BYTES) return decodeAny(bytes, start, end);
  let hash = end - start;
  for (let at = start; at < end; at += 1) hash = imul(hash ^ (bytes[at] as number), 0x01000193);
  const slot = (hash ^ (hash >>> 15)) & (KEPT_SLOTS - 1);
  const known = kept[slot] as string;
  if (isText(known, bytes, start, end)) return known;
  const text = decodeAny(bytes, start, end);
  if (text !== undefined && text.length === end - start) kept[slot] = text;
  return text;
}

/** Whether these bytes are this text, which is ASCII. */
function isText(text: string, bytes: Uint8Array, start: number, end: number): boolean {
  if (text.length !== end - start) return false;
  for (let i = 0; i < text.length; i += 1) if (text.charCodeAt(i) !== bytes[start + i]) return false;
  return true;
}

function decodeAny(bytes: Uint8Array, start: number, end: number): string | undefined {
  let text = "";
  for (let at = start; at < end; at += 1) {
    const unit = bytes[at] as number;
    if (unit >= 0x80) return decodeMultibyte(bytes, { start: at, end, text, isLossy: false });
    text += String.fromCharCode(unit);
  }
  return text;
}

/** As `decodeUtf8`, with U+FFFD for every byte that is not UTF-8: for text that is shown and never compared. */
export function decodeUtf8Lossy(bytes: Uint8Array, start = 0, end = bytes.length): string {
  return decodeUtf8(bytes, start, end) ?? decodeMultibyte(bytes, { start, end, text: "", isLossy: true }) ?? "";
}

interface DecodeRun {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly isLossy: boolean;
}

function decodeMultibyte(bytes: Uint8Array, run: DecodeRun): string | undefined {
  let text = run.text;
  let at = run.start;
  while (at < run.end) {
    const length = sequenceLength(bytes[at] as number);
    const code = length === 0 || at + length > run.end ? -1 : readSequence(bytes, at, length);
    if (code >= 0) {
      text += String.fromCodePoint(code);
      at += length;
    } else if (run.isLossy) {
      text += "\ufffd";
      at += 1;
    } else {
      return undefined;
    }
  }
  return text;
}

function sequenceLength(first: number): number {
  if (first < 0x80) return 1;
  if (first < 0xc2) return 0;
  if (first < 0xe0) return 2;
  if (first < 0xf0) return 3;
  return first < 0xf5 ? 4 : 0;
}

const LEAD_MASK = [0, 0x7f, 0x1f, 0x0f, 0x07];
const SMALLEST = [0, 0, 0x80, 0x800, 0x10000];

/** -1 when it is no sequence, overlong, a surrogate, or beyond U+10FFFF. */
function readSequence(bytes: Uint8Array, at: number, length: number): number {
  let code = (bytes[at] as number) & (LEAD_MASK[length] as number);
  for (let i = 1; i < length; i += 1) {
    const next = bytes[at + i] as number;
    if ((next & 0xc0) !== 0x80) return -1;
    code = (code << 6) | (next & 63);
  }
  if (code < (SMALLEST[length] as number) || code > 0x10ffff) return -1;
  return code >= 0xd800 && code <= 0xdfff ? -1 : code;
}
