/** One file of a multipart request, as a stream: nothing of it is kept here, and only so much of it is let through. */
import type { Multipart } from "@fastify/multipart";
import type { FastifyReply, FastifyRequest } from "fastify";
import { ApiError } from "./problems.ts";

export interface IncomingFile {
  /** As the client wrote it: not to be believed, nor used as a path. */
  readonly name: string;
  /**
   * The bytes. Throws ApiError too_large past `maxBytes`, and invalid_input when the client ends in the middle or sends a
   * second file. May be read once.
   */
  read(maxBytes: number): AsyncIterable<Buffer>;
}

/** More than the one file is looked at only to be refused. The limit of its bytes is read()'s. */
export const MULTIPART_LIMITS = {
  limits: { files: 2, fields: 2, parts: 4, fieldNameSize: 64, fieldSize: 1_024, headerPairs: 16, fileSize: Infinity },
} as const;

/** How long a client whose upload was refused may go on sending before its connection is cut. */
const LINGER_MS = 2_000;

type Parts = AsyncIterator<Multipart>;

/** Throws ApiError invalid_input unless the form begins with a file. */
export async function incomingFileOf(request: FastifyRequest): Promise<IncomingFile> {
  const parts: Parts = request.parts()[Symbol.asyncIterator]();
  const part = await nextPart(parts);
  if (part?.type !== "file") throw refusal("must be sent, before anything else");
  return { name: part.filename ?? "", read: (maxBytes) => bounded(part.file, parts, maxBytes) };
}

async function nextPart(parts: Parts): Promise<Multipart | undefined> {
  try {
    const { value, done } = await parts.next();
    return done === true ? undefined : value;
  } catch (error) {
    throw asRefusal(error);
  }
}

async function* bounded(file: AsyncIterable<Buffer>, parts: Parts, maxBytes: number): AsyncIterable<Buffer> {
  let bytes = 0;
  try {
    for await (const chunk of file) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw new ApiError("too_large", { detail: `at most ${maxBytes} bytes` });
      yield chunk;
    }
  } catch (error) {
    throw asRefusal(error);
  }
  if ((await nextPart(parts)) !== undefined) throw refusal("must be alone");
}

const refusal = (message: string, cause?: unknown): ApiError =>
  new ApiError("invalid_input", { errors: [{ path: "file", message }], cause });

/** What the parser says of a form that is none is the client's fault, whatever its error is called. */
function asRefusal(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return refusal("the form is broken", error);
}

/** What is still coming of a refused upload is not worth reading to its end. */
export function closeAfterRefusal(request: FastifyRequest, reply: FastifyReply): void {
  if (!String(request.headers["content-type"] ?? "").startsWith("multipart/")) return;
  void reply.header("connection", "close");
  const { socket } = request.raw;
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  timer.unref();
  socket.once("close", () => clearTimeout(timer));
}
