import { expect, test } from "@jest/globals";
import { FakeClock, settle } from "../test/fakes/fake-clock.ts";
import { FakeMesh } from "../test/fakes/fake-mesh.ts";
import { measureRtts } from "./echo.ts";
import { HearsayError, isTransient } from "./errors.ts";
import { Emitter } from "./events.ts";
import { baseUrl, resolveOptions, socketUrl } from "./options.ts";
import { chooseNode } from "./placement.ts";
import type { NodeInfo } from "./protocol/messages.ts";
import { judge, sampleOf } from "./quality.ts";
import { visibleOf } from "./view.ts";

const node = (name: string, draining = false): NodeInfo => ({ name, url: `http://${name}.test`, region: "", draining });

class Bell extends Emitter<{ ring: number }> {
  ring(n: number): void {
    this.emit("ring", n);
  }
}

test("a listener that throws stops neither the caller nor the others", () => {
  const bell = new Bell();
  const heard: number[] = [];
  bell.on("ring", () => {
    throw new Error("bad listener");
  });
  const off = bell.on("ring", (n) => heard.push(n));
  bell.once("ring", (n) => heard.push(n * 10));
  bell.ring(1);
  bell.ring(2);
  off();
  bell.ring(3);
  expect(heard).toEqual([1, 10, 2]);
});

test("the echo is measured thrice a node, and a dead node is left out", async () => {
  const mesh = new FakeMesh("a", "b");
  mesh.node("b").alive = false;
  const clock = new FakeClock();
  const options = { WebSocket: mesh.WebSocket, nowMs: clock.nowMs, schedule: clock.schedule, maxProbes: 12 };
  await expect(measureRtts([node("a"), node("b")], options)).resolves.toEqual([{ node: "a", rttMs: 0 }]);
});

test("a node that never answers the echo is given up in bounded time", async () => {
  const clock = new FakeClock();
  class Mute {
    onopen = null;
    onclose = null;
    onerror = null;
    onmessage = null;
    send(): void {}
    close(): void {}
  }
  const options = { WebSocket: Mute, nowMs: clock.nowMs, schedule: clock.schedule, maxProbes: 1 };
  const result = measureRtts([node("a"), node("b")], options);
  await clock.advance(2_000);
  await settle();
  await expect(result).resolves.toEqual([]);
});

test("the mesh's choice is followed unless it just failed or drains", () => {
  const placed = {
    chosen: { node: node("a") },
    alternatives: [{ node: node("b", true) }, { node: node("c") }],
    why: "",
  };
  expect(chooseNode(placed, [])?.node.name).toBe("a");
  expect(chooseNode(placed, ["http://a.test"])?.node.name).toBe("c");
  expect(chooseNode(placed, ["http://a.test", "http://c.test"])).toBeUndefined();
});

test("quality follows loss and round-trip time", () => {
  const sample = { rttMs: 40, packetsReceived: 1_000, packetsLost: 0, uplinkLossRatio: 0 };
  expect(judge(undefined, sample, true)).toBe("good");
  expect(judge(sample, { ...sample, packetsReceived: 1_100, packetsLost: 3 }, true)).toBe("fair");
  expect(judge(sample, { ...sample, uplinkLossRatio: 0.2 }, true)).toBe("poor");
  expect(judge(sample, { ...sample, rttMs: 300 }, true)).toBe("fair");
  expect(judge(sample, sample, false)).toBe("lost");
});

test("a sample is read from the browser's statistics, whatever else is in them", () => {
  const report = new Map<string, unknown>([
    ["1", { type: "candidate-pair", nominated: true, currentRoundTripTime: 0.05 }],
    ["2", { type: "inbound-rtp", packetsReceived: 10, packetsLost: -1 }],
    ["3", { type: "inbound-rtp", packetsReceived: 5, packetsLost: 2 }],
    ["4", { type: "remote-inbound-rtp", fractionLost: 0.1 }],
    ["5", { type: "codec" }],
  ]);
  expect(sampleOf(report)).toMatchObject({ rttMs: 50, packetsReceived: 15, packetsLost: 2, uplinkLossRatio: 0.1 });
});

test("what is on screen is told in device pixels, largest first", () => {
  const watched = { participantId: "p", source: "camera" as const, onScreen: true, width: 100, height: 50 };
  const visible = visibleOf(
    [
      watched,
      { ...watched, participantId: "q", width: 200 },
      { ...watched, onScreen: false },
      { ...watched, width: 0 },
    ],
    1.5,
  );
  expect(visible).toEqual([
    { participantId: "q", source: "camera", width: 300, height: 75 },
    { participantId: "p", source: "camera", width: 150, height: 75 },
  ]);
});

test("options that contradict each other are refused with a code", () => {
  const code = (options: Parameters<typeof resolveOptions>[0]): string => {
    try {
      resolveOptions(options);
      return "none";
    } catch (error) {
      return (error as HearsayError).code;
    }
  };
  expect(code({ url: "ftp://a" })).toBe("invalid_argument");
  expect(code({ url: "http://a", videoSlots: 9, maxVideoSlots: 3 })).toBe("invalid_argument");
  expect(code({ url: "http://a", reconnect: { maxDelayMs: 1 } })).toBe("invalid_argument");
  expect(code({ url: "http://a" })).toBe("none");
});

test("base URLs lose their last slash and become socket URLs", () => {
  expect(socketUrl(baseUrl("https://a.test/"), "/v1/echo")).toBe("wss://a.test/v1/echo");
});

test("only what time can heal is transient", () => {
  expect(isTransient(new HearsayError("network", ""))).toBe(true);
  expect(isTransient(new HearsayError("unavailable", "", { status: 503 }))).toBe(true);
  expect(isTransient(new HearsayError("room_full", "", { status: 409 }))).toBe(false);
  expect(isTransient(new Error("bug"))).toBe(false);
});
