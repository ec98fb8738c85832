import { describe, expect, test } from "@jest/globals";
import type { Browser } from "puppeteer-core";
import type { MediaEvent, MediaPlane } from "../../src/media/control.ts";
import type { CallPage } from "./call-page.ts";
import { callSuite, firefoxFor } from "./call-suite.ts";
import { eventually } from "./harness.ts";

const suite = callSuite();
const { startPlane } = suite;

type DataEvent = Extract<MediaEvent, { kind: "data" }>;

const join = (browser: Browser, plane: MediaPlane, peerId: string): Promise<CallPage> =>
  suite.join(browser, plane, { peerId, silent: true, channels: true });

const heard = async (call: CallPage): Promise<readonly string[]> => (await call.page.evaluate("heard")) as string[];

async function exchange(browser: Browser): Promise<void> {
  const { plane, events } = await startPlane();
  const ann = await join(browser, plane, "ann");
  await eventually(
    "the channels are open",
    async () => events,
    (now) => now.some(({ kind }) => kind === "dataOpen"),
  );
  const data = () => events.filter((event): event is DataEvent => event.kind === "data");
  await eventually(
    "both ends are open",
    () => ann.page.evaluate("opened.events.readyState + opened.lossy.readyState"),
    (now) => now === "openopen",
  );
  await ann.page.evaluate(`{
    opened.events.send("grüße");
    opened.events.send(new Uint8Array([1, 2, 3]));
    opened.events.send("");
    opened.events.send("x".repeat(16384));
    opened.lossy.send("now");
  }`);
  await eventually(
    "all have come",
    async () => data(),
    (now) => now.length === 5,
  );
  const events0 = data().filter(({ channel }) => channel === "events");
  expect(events0.map(({ data: body }) => body)).toEqual(["grüße", new Uint8Array([1, 2, 3]), "", "x".repeat(16_384)]);
  expect(data().find(({ channel }) => channel === "lossy")).toMatchObject({
    peerId: "ann",
    roomId: "red",
    data: "now",
  });
  expect(await plane.sendData({ peerIds: ["ann", "nobody"], channel: "events", data: "hello ✓" })).toEqual(["nobody"]);
  for (let i = 0; i < 100; i++) await plane.sendData({ peerIds: ["ann"], channel: "events", data: `${i}` });
  await plane.sendData({ peerIds: ["ann"], channel: "events", data: new Uint8Array([9, 8]) });
  await plane.sendData({ peerIds: ["ann"], channel: "events", data: "" });
  const long = "y".repeat(16_384);
  await plane.sendData({ peerIds: ["ann"], channel: "events", data: long });
  const expected = [
    "events:hello ✓",
    ...Array.from({ length: 100 }, (_, i) => `events:${i}`),
    "events#9.8",
    "events:",
    `events:${long}`,
  ];
  expect(
    await eventually(
      "all were heard",
      () => heard(ann),
      (now) => now.length >= expected.length,
    ),
  ).toEqual(expected);
  expect(await plane.sendData({ peerIds: ["ann"], channel: "lossy", data: "soon" })).toEqual([]);
  await eventually(
    "the lossy one was heard",
    () => heard(ann),
    (now) => now.at(-1) === "lossy:soon",
  );
  const { dropped } = await plane.stats();
  expect(Object.keys(dropped).filter((reason) => /^(sctp|data)_/.test(reason))).toEqual([]);
}

test("Chromium's channels carry texts and bytes both ways, in order, and a burst beyond the bound is refused", async () => {
  await exchange(suite.chromium());
}, 180_000);

describe("Firefox", () => {
  const firefox = firefoxFor(suite);

  test("its channels carry texts and bytes both ways and in order", async () => {
    await exchange(firefox.browser());
  }, 180_000);
});

test("a client that floods its channels is held to the rate, and one that does not read is refused more", async () => {
  const { plane, events } = await startPlane();
  const ann = await join(suite.chromium(), plane, "ann");
  await eventually(
    "both ends are open",
    () => ann.page.evaluate("opened.events.readyState"),
    (now) => now === "open",
  );
  await ann.page.evaluate("for (let i = 0; i < 2000; i++) opened.events.send(String(i))");
  await eventually(
    "all were counted",
    async () => {
      const { dropped, counters } = await plane.stats();
      return (dropped["data_rate"] ?? 0) + (counters["data_messages_received"] ?? 0);
    },
    (count) => count === 2_000,
  );
  expect(events.filter(({ kind }) => kind === "data").length).toBeLessThan(1_500);
  const refused: (readonly string[])[] = [];
  for (let i = 0; i < 100; i++) {
    refused.push(await plane.sendData({ peerIds: ["ann"], channel: "events", data: new Uint8Array(16_384) }));
  }
  expect(refused.filter(({ length }) => length > 0).length).toBeGreaterThan(50);
  const got = 100 - refused.filter(({ length }) => length > 0).length;
  await eventually(
    "what was accepted has come",
    () => heard(ann),
    (now) => now.length >= got,
  );
}, 180_000);
