/**
 * Round-trip times to nodes by WebSocket echo. The minimum of at least three counts: queues only ever add.
 * All nodes in parallel, each bounded in time; a node that does not answer is left out.
 */
import { type ResolvedOptions, type SocketLike, socketUrl } from "./options.ts";
import type { NodeInfo } from "./protocol/messages.ts";

export interface MeasuredRtt {
  readonly node: string;
  readonly rttMs: number;
}

const ECHOES = 3;
/** A node slower than this to answer all echoes is left out. */
const ECHO_TIMEOUT_MS = 2_000;

type EchoOptions = Pick<ResolvedOptions, "WebSocket" | "nowMs" | "schedule" | "maxProbes">;

/** At most `maxProbes` nodes; never rejects. */
export async function measureRtts(nodes: readonly NodeInfo[], options: EchoOptions): Promise<readonly MeasuredRtt[]> {
  const probed = nodes.filter((node) => !node.draining).slice(0, options.maxProbes);
  const results = await Promise.all(
    probed.map(async (node) => ({ node: node.name, rttMs: await echo(node.url, options) })),
  );
  return results.filter((result): result is MeasuredRtt => result.rttMs !== undefined);
}

/** The minimum of what came back in time, in milliseconds. */
function echo(url: string, options: EchoOptions): Promise<number | undefined> {
  return new Promise((resolve) => {
    let socket: SocketLike;
    try {
      socket = new options.WebSocket(socketUrl(url.replace(/\/+$/, ""), "/v1/echo"));
    } catch {
      resolve(undefined);
      return;
    }
    let best: number | undefined;
    let count = 0;
    let sentAtMs = 0;
    const finish = (): void => {
      cancel();
      socket.onopen = socket.onclose = socket.onerror = socket.onmessage = null;
      socket.close();
      resolve(best);
    };
    const cancel = options.schedule(finish, ECHO_TIMEOUT_MS);
    const send = (): void => {
      sentAtMs = options.nowMs();
      socket.send(`echo ${count}`);
    };
    socket.onopen = send;
    socket.onclose = finish;
    socket.onerror = finish;
    socket.onmessage = ({ data }) => {
      if (data !== `echo ${count}`) return;
      const rttMs = options.nowMs() - sentAtMs;
      best = best === undefined ? rttMs : Math.min(best, rttMs);
      count += 1;
      if (count === ECHOES) finish();
      else send();
    };
  });
}
