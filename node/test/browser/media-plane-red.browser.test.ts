import { expect, test } from "@jest/globals";
import { tappedPlane } from "../media/packet-tap.ts";
import type { CallPage } from "./call-page.ts";
import { audioOf, callSuite, firefoxFor, until } from "./call-suite.ts";
import { eventually } from "./harness.ts";

const suite = callSuite();
const firefox = firefoxFor(suite);

/** Waits until somebody hears more than before. */
async function hears(listener: CallPage, from: string): Promise<void> {
  listener.watch(from);
  const heard = await until(`hears ${from}`, listener, (stats) => (audioOf(stats)?.audioEnergy ?? 0) > 0);
  const before = audioOf(heard)?.audioEnergy ?? 0;
  await until(`hears on`, listener, (stats) => (audioOf(stats)?.audioEnergy ?? 0) > before * 1.2);
}

test("redundant audio of Chromium reaches Chromium as such and Firefox as Opus, and both hear it", async () => {
  // Payload types on their ways; browsers name the codec within.
  const ways = new Map<string, number>();
  const count = (way: string, packet: Uint8Array): void => {
    const key = `${way} ${(packet[1] ?? 0) & 127}`;
    ways.set(key, (ways.get(key) ?? 0) + 1);
  };
  const { plane } = await suite.startPlane((inner) =>
    tappedPlane(inner, {
      rtp: (peerId, packet) => count(`from ${peerId}`, packet),
      rtcp: () => undefined,
      sent: (peerId, datagram) => count(`to ${peerId}`, datagram),
    }),
  );
  const ann = await suite.join(suite.chromium(), plane, {
    peerId: "ann",
    voiceOnly: true,
    redundantAudio: true,
  });
  const bob = await suite.join(suite.chromium(), plane, { peerId: "bob", silent: true });
  const fox = await suite.join(firefox.browser(), plane, { peerId: "fox", voiceOnly: true });
  await Promise.all([hears(bob, "ann"), hears(fox, "ann")]);
  const redundant = payloadTypeOf(ann, "red");
  expect(await came(ways, `from ann ${redundant}`)).toBe(true);
  expect(await came(ways, `to bob ${payloadTypeOf(bob, "red")}`)).toBe(true);
  expect(await came(ways, `to fox ${payloadTypeOf(fox, "opus")}`)).toBe(true);
  expect([ways.get(`to bob ${payloadTypeOf(bob, "opus")}`), ways.get(`to fox ${redundant}`)]).toEqual([
    undefined,
    undefined,
  ]);
  // The other way, from one who does not repeat itself.
  await hears(bob, "fox");
  expect(await came(ways, `to bob ${payloadTypeOf(bob, "opus")}`)).toBe(true);
  const { dropped } = await plane.stats();
  expect(dropped).not.toHaveProperty("bad_red");
  expect(dropped).not.toHaveProperty("unknown_payload_type");
}, 180_000);

const payloadTypeOf = (call: CallPage, encoding: string): string =>
  new RegExp(`a=rtpmap:(\\d+) ${encoding}/48000/2`).exec(call.result?.sdp ?? "")?.[1] ?? "none";

function came(ways: ReadonlyMap<string, number>, way: string): Promise<boolean> {
  return eventually(`packets ${way}`, async () => (ways.get(way) ?? 0) > 20, Boolean, 40_000);
}
