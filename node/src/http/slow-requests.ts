/** No request may take for ever to arrive: most have half a minute in all, uploads as long as their bytes keep coming. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Clock } from "../mesh/clock.ts";

/** From the first byte of a request to the last of its body. */
const REQUEST_MS = 30_000;
/** The longest silence in an upload. */
const UPLOAD_IDLE_MS = 30_000;
/** A whole upload; the server's own timer ends it. */
export const LONGEST_UPLOAD_MS = 3_600_000;

export function endSlowRequests(server: FastifyInstance, clock: Clock): void {
  const timers = new WeakMap<FastifyRequest, () => void>();
  server.addHook("onRequest", async (request) => {
    const { socket } = request.raw;
    if (isUpload(request)) {
      const end = (): void => void socket.destroy();
      // Node sets the socket's timer anew when the answer has gone out.
      socket.setTimeout(UPLOAD_IDLE_MS).once("timeout", end);
      request.raw.once("close", () => socket.off("timeout", end));
      return;
    }
    const cancel = clock.after(REQUEST_MS, () => socket.destroy());
    timers.set(request, cancel);
    request.raw.once("close", cancel);
  });
  // The body is there.
  server.addHook("preHandler", async (request) => timers.get(request)?.());
}

const isUpload = (request: FastifyRequest): boolean =>
  String(request.headers["content-type"] ?? "").startsWith("multipart/form-data");
