// Sets of characters that expressions name. ASCII only, as RE2 has them.

/** Whether a code point belongs. */
export type CodeSet = (code: number) => boolean;

const between =
  (first: string, last: string): CodeSet =>
  (code) =>
    code >= first.charCodeAt(0) && code <= last.charCodeAt(0);

const isUpper = between("A", "Z");
const isLower = between("a", "z");
const isGraph = between("!", "~");
const isHexLetter: CodeSet = (code) => between("A", "F")(code) || between("a", "f")(code);
const isAlpha: CodeSet = (code) => isUpper(code) || isLower(code);
const isAlnum: CodeSet = (code) => isAlpha(code) || isDigit(code);

export const isDigit: CodeSet = between("0", "9");
export const isWord: CodeSet = (code) => isAlnum(code) || code === 0x5f;
/** Without the vertical tab, which RE2's \s leaves out. */
export const isSpace: CodeSet = (code) =>
  code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0c || code === 0x0d;

export const POSIX_CLASSES: Readonly<Record<string, CodeSet>> = {
  alnum: isAlnum,
  alpha: isAlpha,
  ascii: (code) => code < 128,
  blank: (code) => code === 0x20 || code === 0x09,
  cntrl: (code) => code < 0x20 || code === 0x7f,
  digit: isDigit,
  graph: isGraph,
  lower: isLower,
  print: (code) => code === 0x20 || isGraph(code),
  punct: (code) => isGraph(code) && !isAlnum(code),
  space: (code) => isSpace(code) || code === 0x0b,
  upper: isUpper,
  word: isWord,
  xdigit: (code) => isDigit(code) || isHexLetter(code),
};
