// Keys as operators write them: base64 of RFC 4648 section 4, padded, line ends passed over.

/** Where the text stops being base64, counted as the reference counts (Go encoding/base64); undefined when it is fine. */
export function base64Problem(text: string): number | undefined {
  let letters = 0;
  for (let at = 0; at < text.length; at += 1) {
    const letter = text[at] as string;
    if (letter === "\n" || letter === "\r") continue;
    if (letter === "=") return paddingProblem(text, at, letters);
    if (!/[A-Za-z0-9+/]/.test(letter)) return at;
    letters += 1;
  }
  return letters % 4 === 0 ? undefined : text.length - (letters % 4);
}

/** Padding fills the last four letters and ends the text. */
function paddingProblem(text: string, at: number, letters: number): number | undefined {
  if (letters % 4 < 2) return at;
  let end = at;
  if (letters % 4 === 2) {
    end = nextLetter(text, at + 1);
    if (end === text.length) return end;
    if (text[end] !== "=") return at;
  }
  const rest = nextLetter(text, end + 1);
  return rest === text.length ? undefined : rest;
}

/** Passes over line ends. */
function nextLetter(text: string, from: number): number {
  let at = from;
  while (text[at] === "\n" || text[at] === "\r") at += 1;
  return at;
}

/** Undefined when it is no base64. */
export function decodeKey(text: string): Uint8Array | undefined {
  return base64Problem(text) === undefined ? new Uint8Array(Buffer.from(text, "base64")) : undefined;
}
