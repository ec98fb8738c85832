import { expect, test } from "@jest/globals";
import type { TrackDescription } from "../media/control.ts";
import type { WantedStream } from "./demand.ts";
import { LONGEST_RETRY_MS, MAX_CLOSE_ATTEMPTS, MAX_STREAMS_PER_TRUNK, TrunkStreams } from "./trunk-streams.ts";

function wanted(...trackIds: readonly string[]): ReadonlyMap<string, WantedStream> {
  return new Map(
    trackIds.map((trackId) => {
      const codec = { name: "opus" as const, clockRateHz: 48_000 };
      const track: TrackDescription = { trackId, kind: "audio", source: "microphone", codec, layers: [""] };
      return [trackId, { roomId: "r", track, layer: "" }];
    }),
  );
}

function bench(): { readonly streams: TrunkStreams; readonly did: string[] } {
  const did: string[] = [];
  const streams = new TrunkStreams({
    allocate: (id, stream) => did.push(`allocate ${id} ${stream.track.trackId}`),
    open: (id, _stream, { ssrc }) => did.push(`open ${id} ${ssrc}`),
    close: (id, ssrc) => did.push(`close ${id} ${ssrc}`),
    release: (ssrc) => did.push(`release ${ssrc}`),
    wayFailed: (origin) => did.push(`no way to ${origin}`),
  });
  return { streams, did };
}

const OK = { ok: true } as const;
const TIMEOUT = { ok: false, code: "timeout" } as const;

test("[Y40] a stream is allocated, then opened, and only while the trunk is up", () => {
  const { streams, did } = bench();
  streams.setWanted(wanted("k"), 0);
  expect(did).toEqual([]);
  streams.start(0);
  streams.handleAllocated(1, { ssrc: 5, rtxSsrc: 6 }, 0);
  streams.handleOpened(1, OK, 0);
  streams.handleOpened(1, TIMEOUT, 0);
  expect(did).toEqual(["allocate 1 k", "open 1 5"]);
  expect([streams.openCount, streams.deadlineMs()]).toEqual([1, Number.POSITIVE_INFINITY]);
});

test("[Y41] an open that fails is repeated with the same SSRC and growing pauses, while it is wanted", () => {
  const { streams, did } = bench();
  streams.setWanted(wanted("k"), 0);
  streams.start(0);
  streams.handleAllocated(1, { ssrc: 5, rtxSsrc: 6 }, 0);
  const pausesMs: number[] = [];
  let nowMs = 0;
  for (let i = 0; i < 12; i += 1) {
    streams.handleOpened(1, TIMEOUT, nowMs);
    pausesMs.push(streams.deadlineMs() - nowMs);
    nowMs = streams.deadlineMs();
    streams.handleTimeout(nowMs);
  }
  expect(pausesMs.slice(0, 4)).toEqual([100, 200, 400, 800]);
  expect(pausesMs.at(-1)).toBe(LONGEST_RETRY_MS);
  expect(new Set(did.slice(1))).toEqual(new Set(["open 1 5"]));
  streams.handleOpened(1, TIMEOUT, nowMs);
  streams.setWanted(wanted(), nowMs);
  streams.handleTimeout(nowMs + 100_000);
  expect(did.slice(-2)).toEqual(["release 5", "close 2 5"]);
});

test("[Y41] an allocation that fails is repeated", () => {
  const { streams, did } = bench();
  streams.setWanted(wanted("k"), 0);
  streams.start(0);
  streams.handleAllocated(1, undefined, 0);
  expect(streams.deadlineMs()).toBe(100);
  streams.handleTimeout(100);
  expect(did).toEqual(["allocate 1 k", "allocate 1 k"]);
});

test("[Y42] what is not wanted any more is let go here and closed there, three times at most", () => {
  const { streams, did } = bench();
  streams.setWanted(wanted("k"), 0);
  streams.start(0);
  streams.handleAllocated(1, { ssrc: 5, rtxSsrc: 6 }, 0);
  streams.handleOpened(1, OK, 0);
  did.length = 0;
  streams.setWanted(wanted(), 1_000);
  expect(streams.isIdle).toBe(false);
  let nowMs = 1_000;
  for (let i = 0; i < 10; i += 1) {
    streams.handleClosed(2, TIMEOUT, nowMs);
    nowMs = Math.min(streams.deadlineMs(), nowMs + 60_000);
    streams.handleTimeout(nowMs);
  }
  expect(did).toEqual(["release 5", ...Array.from({ length: MAX_CLOSE_ATTEMPTS }, () => "close 2 5")]);
  expect(streams.isIdle).toBe(true);
});

test("[Y42] a sender that does not know the stream has closed it", () => {
  const { streams } = bench();
  streams.setWanted(wanted("k"), 0);
  streams.start(0);
  streams.handleAllocated(1, { ssrc: 5, rtxSsrc: 6 }, 0);
  streams.setWanted(wanted(), 0);
  streams.handleClosed(2, { ok: false, code: "unknown_trunk" }, 0);
  expect(streams.isIdle).toBe(true);
});

test("[Y42] what is let go of before it has an SSRC is only released, once it has one", () => {
  const { streams, did } = bench();
  streams.setWanted(wanted("k"), 0);
  streams.start(0);
  streams.setWanted(wanted(), 0);
  expect(streams.isIdle).toBe(false);
  streams.handleAllocated(1, { ssrc: 5, rtxSsrc: 6 }, 0);
  expect(did).toEqual(["allocate 1 k", "release 5"]);
  expect(streams.isIdle).toBe(true);
});

test("[Y42] what is wanted again before it has an SSRC is allocated once", () => {
  const { streams, did } = bench();
  streams.setWanted(wanted("k"), 0);
  streams.start(0);
  streams.setWanted(wanted(), 0);
  streams.setWanted(wanted("k"), 0);
  streams.handleAllocated(1, { ssrc: 5, rtxSsrc: 6 }, 0);
  expect(did).toEqual(["allocate 1 k", "open 1 5"]);
});

test("[Y43] a stream that its sender stopped is asked for again, ever more slowly", () => {
  const { streams, did } = bench();
  streams.setWanted(wanted("k"), 0);
  streams.start(0);
  streams.handleAllocated(1, { ssrc: 5, rtxSsrc: 6 }, 0);
  let nowMs = 0;
  const pausesMs: number[] = [];
  for (let i = 0; i < 4; i += 1) {
    streams.handleOpened(1, OK, nowMs);
    streams.handleStopped(5, nowMs);
    streams.handleStopped(99, nowMs);
    pausesMs.push(streams.deadlineMs() - nowMs);
    nowMs = streams.deadlineMs();
    streams.handleTimeout(nowMs);
  }
  expect(pausesMs).toEqual([100, 200, 400, 800]);
  expect(did.filter((line) => line === "open 1 5")).toHaveLength(5);
});

test("[Y44] after a reset everything wanted begins again, and late answers are ignored", () => {
  const { streams, did } = bench();
  streams.setWanted(wanted("k"), 0);
  streams.start(0);
  streams.handleAllocated(1, { ssrc: 5, rtxSsrc: 6 }, 0);
  streams.reset();
  streams.handleOpened(1, OK, 0);
  expect([streams.openCount, streams.deadlineMs()]).toEqual([0, Number.POSITIVE_INFINITY]);
  streams.start(10);
  expect(did.at(-1)).toBe("allocate 2 k");
});

test("[Y23] no more streams are asked for than one trunk may carry", () => {
  const { streams, did } = bench();
  streams.setWanted(wanted(...Array.from({ length: MAX_STREAMS_PER_TRUNK + 5 }, (_, i) => `k${i}`)), 0);
  streams.start(0);
  expect(did).toHaveLength(MAX_STREAMS_PER_TRUNK);
});
