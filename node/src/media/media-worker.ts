/** Entry of a media worker thread: a MediaHost behind messages. Does nothing when loaded outside a worker of ours. */
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { MediaError } from "./media-error.ts";
import { MediaHost } from "./media-host.ts";
import type { LogLevel, MediaLog } from "./media-log.ts";
import { createRtpPlane } from "./plane-factory.ts";
import type { FromWorker, ToWorker, WorkerData } from "./worker-messages.ts";

function serve(port: MessagePort, data: WorkerData): void {
  const post = (message: FromWorker): void => port.postMessage(message);
  const write = (level: LogLevel) => (fields: object, text: string) =>
    post({ kind: "log", level, fields: plainFields(fields), text });
  const log: MediaLog = { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };
  const host = new MediaHost(data.hearsayMedia, {
    log,
    createPlane: createRtpPlane,
    event: (event) => post({ kind: "event", event }),
  });
  port.on("message", (message: ToWorker) => {
    Promise.resolve()
      .then(() => dispatch(host, message))
      .then(
        (result) => message.id !== 0 && post({ kind: "reply", id: message.id, result }),
        (error: unknown) => {
          // A refusal is an answer; anything else is a bug, and the thread ends with its cause.
          if (!(error instanceof MediaError) && message.call !== "start") throw error;
          if (error instanceof MediaError)
            post({ kind: "refused", id: message.id, code: error.code, detail: error.detail });
          else
            post({
              kind: "refused",
              id: message.id,
              code: undefined,
              detail: error instanceof Error ? describe(error) : String(error),
            });
        },
      )
      .catch((error: unknown) => setImmediate(() => rethrow(error)));
  });
}

function rethrow(error: unknown): never {
  throw error;
}

function describe(error: Error): string {
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}

/** Errors lose their text on the way between threads when they are subclasses; a logger wants name, message and stack. */
function plainFields(fields: object): object {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      value instanceof Error ? { type: value.name, message: describe(value), stack: value.stack } : value,
    ]),
  );
}

function dispatch(host: MediaHost, message: ToWorker): unknown {
  switch (message.call) {
    case "start":
    case "stop":
    case "stats":
      return host[message.call]();
    case "negotiate":
      return host.negotiate(message.input);
    case "closePeer":
      return host.closePeer(message.input);
    case "assignSlot":
      return host.assignSlot(message.input);
    case "setTrackMuted":
      return host.setTrackMuted(message.input);
    case "sendData":
      return host.sendData(message.input);
    case "setPeerGrants":
      return host.setPeerGrants(message.input);
    case "peerStats":
      return host.peerStats(message.input);
    case "closeTrack":
      return host.closeTrack(message.input);
    case "createTrunk":
      return host.createTrunk(message.input);
    case "connectTrunk":
      return host.connectTrunk(message.input);
    case "closeTrunk":
      return host.closeTrunk(message.input);
    case "openTrunkEgress":
      return host.openTrunkEgress(message.input);
    case "closeTrunkEgress":
      return host.closeTrunkEgress(message.input);
    case "openTrunkIngress":
      return host.openTrunkIngress(message.input);
    case "closeTrunkIngress":
      return host.closeTrunkIngress(message.input);
    default:
      return message satisfies never;
  }
}

const data: unknown = workerData;
if (parentPort !== null && typeof data === "object" && data !== null && "hearsayMedia" in data) {
  serve(parentPort, data as WorkerData);
}
