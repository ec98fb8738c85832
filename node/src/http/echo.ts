/** /v1/echo: a WebSocket that sends back what it gets, for clients that measure round trips. */
import type { Clock } from "../mesh/clock.ts";
import type { RawSocket } from "../signalling/gateway.ts";

const MAX_FRAME_BYTES = 256;
const MAX_FRAMES = 64;
const MAX_OPEN_MS = 30_000;

/** Anybody may echo, so it is small and short: beyond the limits the socket is closed. */
export function acceptEcho(socket: RawSocket, clock: Clock): void {
  // The server's own listener writes a line with a stack for each: whoever wants could fill the log.
  socket.removeAllListeners("error");
  let frames = 0;
  const cancel = clock.after(MAX_OPEN_MS, () => socket.terminate());
  socket.on("message", (data) => {
    frames += 1;
    const bytes = Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as ArrayBuffer);
    if (frames > MAX_FRAMES || bytes.length > MAX_FRAME_BYTES) socket.close(1008, "that is no echo");
    else socket.send(bytes.toString("utf8"));
  });
  socket.on("close", cancel);
  socket.on("error", cancel);
}
