/** Which bytes of a content a request asks for (RFC 9110 section 14). Pure. */

export type ByteRange =
  | { readonly kind: "whole" }
  /** Both inclusive. */
  | { readonly kind: "part"; readonly start: number; readonly end: number }
  | { readonly kind: "unsatisfiable" };

const SINGLE = /^bytes=(\d{0,15})-(\d{0,15})$/;
const WHOLE = { kind: "whole" } as const;

/** Several ranges, other units and nonsense count as no range at all, as the RFC allows. */
export function byteRangeOf(header: string | undefined, totalBytes: number): ByteRange {
  const found = header === undefined ? null : SINGLE.exec(header.trim());
  if (found === null) return WHOLE;
  const [, first = "", last = ""] = found;
  if (first === "") return last === "" ? WHOLE : suffixOf(Number(last), totalBytes);
  const start = Number(first);
  const end = last === "" ? totalBytes - 1 : Math.min(Number(last), totalBytes - 1);
  if (last !== "" && Number(last) < start) return WHOLE;
  return start >= totalBytes ? { kind: "unsatisfiable" } : { kind: "part", start, end };
}

function suffixOf(length: number, totalBytes: number): ByteRange {
  if (length === 0 || totalBytes === 0) return { kind: "unsatisfiable" };
  return { kind: "part", start: Math.max(0, totalBytes - length), end: totalBytes - 1 };
}
