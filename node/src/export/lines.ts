/** JSON objects of a stream, one a line (or one in all). */
import { StringDecoder } from "node:string_decoder";
import { ApiError } from "../http/problems.ts";

const MAX_LINE_CHARS = 262_144;
/** The members of a room in one object. */
const MAX_WHOLE_CHARS = 4 * 1024 ** 2;

/** Throws ApiError bad_import for what is no JSON object, or too long. */
export async function* linesOf(
  source: AsyncIterable<Buffer>,
  { whole }: { readonly whole: boolean },
): AsyncIterable<object> {
  const limit = whole ? MAX_WHOLE_CHARS : MAX_LINE_CHARS;
  const decoder = new StringDecoder("utf8");
  let rest = "";
  for await (const chunk of source) {
    rest += decoder.write(chunk);
    const lines = whole ? [rest] : rest.split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > limit || lines.some((line) => line.length > limit)) throw tooLong();
    for (const line of lines) if (line.trim() !== "") yield objectOf(line);
  }
  rest += decoder.end();
  if (rest.trim() !== "") yield objectOf(rest);
}

const tooLong = (): ApiError => new ApiError("bad_import", { detail: "a line is too long" });

function objectOf(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  } catch (error) {
    throw new ApiError("bad_import", { detail: "a line is no JSON", cause: error });
  }
  throw new ApiError("bad_import", { detail: "a line is no JSON object" });
}
