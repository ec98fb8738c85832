import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, expect, test } from "@jest/globals";
import type { MediaEvent } from "../../src/media/control.ts";
import { silentMediaLog } from "../../src/media/media-log.ts";
import { ThreadPlane } from "../../src/media/thread-plane.ts";

const ENTRY = pathToFileURL(join(import.meta.dirname, "../fixtures/media/small-worker.mjs"));
const offer = (peerId: string) => ({ peerId, roomId: "red", sdp: "", tracks: [], fresh: true });

const planes: ThreadPlane[] = [];
afterEach(async () => {
  await Promise.all(planes.splice(0).map((plane) => plane.stop()));
});

interface Setup {
  readonly plane: ThreadPlane;
  readonly logged: string[];
  /** Resolves with the next event. */
  next(): Promise<MediaEvent>;
}

async function start(): Promise<Setup> {
  const logged: string[] = [];
  const events: MediaEvent[] = [];
  let wake: () => void = () => undefined;
  const log = { ...silentMediaLog, info: (_fields: object, text: string) => void logged.push(text) };
  const event = (happened: MediaEvent): void => {
    events.push(happened);
    wake();
  };
  const plane = new ThreadPlane({ port: 0 }, log, event, ENTRY);
  planes.push(plane);
  expect(await plane.start()).toEqual({ candidates: [{ host: "127.0.0.1", port: 777 }] });
  const next = async (): Promise<MediaEvent> => {
    while (events.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    return events.shift() as MediaEvent;
  };
  return { plane, logged, next };
}

test("calls, refusals, events and log lines cross the thread", async () => {
  const { plane, logged, next } = await start();
  await expect(plane.negotiate(offer("ann"))).rejects.toMatchObject({ code: "sdp_malformed", detail: "no" });
  plane.closeTrack("ann");
  expect(await next()).toEqual({ kind: "peerState", peerId: "ann", state: "gone" });
  expect(logged).toEqual(["closed"]);
  await plane.stop();
  await plane.stop();
  await expect(plane.stats()).rejects.toMatchObject({ code: "media_unavailable" });
});

test("[G21] a thread that fails rejects what waits, says so once with its cause, and can be started again on its port", async () => {
  const { plane, next } = await start();
  const waiting = plane.negotiate(offer("slow"));
  plane.closeTrack("crash");
  await expect(waiting).rejects.toMatchObject({ code: "media_unavailable" });
  expect(await next()).toEqual({ kind: "workerFailed", message: expect.stringContaining("asked to fail") });
  await expect(plane.negotiate(offer("ann"))).rejects.toMatchObject({ code: "media_unavailable" });
  expect(await plane.start()).toEqual({ candidates: [{ host: "127.0.0.1", port: 777 }] });
  await plane.stop();
});
