/** Rights and limits at the media plane, with a client that does what no browser would. */
import { afterEach, expect, test } from "@jest/globals";
import type { MediaEvent, PeerGrants } from "../../src/media/control.ts";
import { MediaHost, type MediaHostOptions } from "../../src/media/media-host.ts";
import { silentMediaLog } from "../../src/media/media-log.ts";
import { createRtpPlane } from "../../src/media/plane-factory.ts";
import { HandClient, type HandLine, OPUS_PT } from "./hand-client.ts";

const MIC: HandLine = { mid: "0", kind: "audio", direction: "sendonly" };
const EAR: HandLine = { mid: "1", kind: "audio", direction: "recvonly" };
const NOBODYS: HandLine = { mid: "2", kind: "audio", direction: "sendonly" };
const ALL: PeerGrants = { publish: true, subscribe: true };
const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start(options: Partial<MediaHostOptions> = {}) {
  const events: MediaEvent[] = [];
  const host = new MediaHost(
    { port: 0, host: "127.0.0.1", ...options },
    { log: silentMediaLog, createPlane: createRtpPlane, event: (event) => events.push(event) },
  );
  await host.start();
  cleanups.push(() => host.stop());
  const join = async (peerId: string, grants?: PeerGrants): Promise<HandClient> => {
    const client = new HandClient([MIC, EAR, NOBODYS]);
    cleanups.push(() => client.close());
    const tracks = [{ mid: "0", source: "microphone" as const, trackId: `${peerId}-mic` }];
    const input = { peerId, roomId: "red", sdp: await client.offer(), tracks, fresh: true };
    const { sdp } = await host.negotiate({ ...input, ...(grants === undefined ? {} : { grants }) });
    await client.connect(sdp);
    return client;
  };
  const dropped = async (): Promise<Readonly<Record<string, number>>> => (await host.stats()).dropped;
  return { host, events, join, dropped };
}

let seq = 0;
function say(speaker: HandClient, input: Partial<Parameters<HandClient["sendRtp"]>[0]> = {}): Buffer {
  seq++;
  const payload = Buffer.from([seq >> 8, seq & 255, 3]);
  return speaker.sendRtp({ line: MIC, ssrc: 7, seq, timestamp: seq * 960, payload, ...input });
}
async function isHeard(speaker: HandClient, listener: HandClient): Promise<void> {
  const first = seq + 1;
  const timer = setInterval(() => say(speaker), 20);
  try {
    await listener.until(() => listener.rtp.some(({ payload }) => payload.readUInt16BE(0) >= first));
  } finally {
    clearInterval(timer);
  }
}
/** Speaks until that many more were dropped for a reason. */
async function isDropped(setup: Awaited<ReturnType<typeof start>>, reason: string, speak: () => void): Promise<void> {
  const before = (await setup.dropped())[reason] ?? 0;
  for (let turn = 0; ((await setup.dropped())[reason] ?? 0) < before + 3; turn++) {
    if (turn > 500) throw new Error(`never counted ${reason}: ${JSON.stringify(await setup.dropped())}`);
    speak();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test("[G30] without the right to publish nothing is heard of a client, and its own mutes stay as they are", async () => {
  const setup = await start();
  const [ann, bob] = [await setup.join("ann"), await setup.join("bob")];
  setup.host.assignSlot({ peerId: "bob", mid: "1", trackId: "ann-mic" });
  await isHeard(ann, bob);
  setup.host.setPeerGrants({ peerId: "ann", grants: { publish: false, subscribe: true } });
  await isDropped(setup, "muted", () => say(ann));
  // A mute that is lifted meanwhile lifts nothing else.
  setup.host.setTrackMuted({ trackId: "ann-mic", muted: true });
  setup.host.setTrackMuted({ trackId: "ann-mic", muted: false });
  const heard = bob.rtp.length;
  await isDropped(setup, "muted", () => say(ann));
  expect(bob.rtp).toHaveLength(heard);
  setup.host.setPeerGrants({ peerId: "ann", grants: ALL });
  await isHeard(ann, bob);
});

test("[G30] without the right to subscribe slots are empty until it is back", async () => {
  const setup = await start();
  const [ann, bob, eve] = [
    await setup.join("ann"),
    await setup.join("bob", { publish: true, subscribe: false }),
    await setup.join("eve"),
  ];
  setup.host.assignSlot({ peerId: "bob", mid: "1", trackId: "ann-mic" });
  setup.host.assignSlot({ peerId: "eve", mid: "1", trackId: "ann-mic" });
  await isHeard(ann, eve);
  expect(bob.rtp).toEqual([]);
  setup.host.setPeerGrants({ peerId: "bob", grants: ALL });
  await isHeard(ann, bob);
});

test("[G30] rights last over a fresh transport", async () => {
  const setup = await start();
  const bob = await setup.join("bob");
  await setup.join("ann", { publish: false, subscribe: true });
  setup.host.assignSlot({ peerId: "bob", mid: "1", trackId: "ann-mic" });
  const ann = await setup.join("ann");
  await isDropped(setup, "muted", () => say(ann));
  expect(bob.rtp).toEqual([]);
  setup.host.setPeerGrants({ peerId: "ann", grants: ALL });
  await isHeard(ann, bob);
});

test("[G31] what is no track, of an unknown kind, or sent again reaches nobody and is counted", async () => {
  const setup = await start();
  const [ann, bob] = [await setup.join("ann"), await setup.join("bob")];
  setup.host.assignSlot({ peerId: "bob", mid: "1", trackId: "ann-mic" });
  await isHeard(ann, bob);
  const known = say(ann);
  await bob.until(() => bob.rtp.some(({ payload }) => payload.readUInt16BE(0) === seq));
  const heard = bob.rtp.length;
  await isDropped(setup, "unknown_ssrc", () => say(ann, { line: NOBODYS, ssrc: 8 }));
  await isDropped(setup, "unknown_ssrc", () => say(ann, { line: { ...MIC, mid: "77" }, ssrc: 9 }));
  await isDropped(setup, "unknown_payload_type", () => say(ann, { payloadType: OPUS_PT + 1 }));
  await isDropped(setup, "replayed", () => ann.sendRaw(known));
  expect(bob.rtp).toHaveLength(heard);
  await isHeard(ann, bob);
});

test("[G29] a flood is cut to the rate of one client, and others are heard through it", async () => {
  const setup = await start({ peerLimits: { packetsPerSecond: 100, rtcpPerSecond: 10 } });
  const [ann, bob, eve] = [await setup.join("ann"), await setup.join("bob"), await setup.join("eve")];
  setup.host.assignSlot({ peerId: "bob", mid: "1", trackId: "ann-mic" });
  await isDropped(setup, "peer_packet_rate", () => {
    for (let i = 0; i < 100; i++) say(eve, { ssrc: 70 });
  });
  await isHeard(ann, bob);
  const report = Buffer.from([0x80, 201, 0, 1, 0, 0, 0, 70]);
  await isDropped(setup, "peer_rtcp_rate", () => eve.sendRtcp(report));
  await isHeard(ann, bob);
});

test("[G32] a client's figures tell both directions, its path and its slots", async () => {
  const setup = await start();
  const [ann, bob] = [await setup.join("ann"), await setup.join("bob")];
  setup.host.assignSlot({ peerId: "bob", mid: "1", trackId: "ann-mic" });
  expect((await setup.host.peerStats("ann"))?.up.packetsPerSecond).toBe(0);
  await setup.host.peerStats("bob");
  const endMs = performance.now() + 1_050;
  while (performance.now() < endMs) await isHeard(ann, bob);
  const [up, down] = [await setup.host.peerStats("ann"), await setup.host.peerStats("bob")];
  expect(up).toMatchObject({ peerId: "ann", path: "udp", slots: [], up: { lossRatio: 0 }, dataBufferedBytes: 0 });
  expect(up?.up.packetsPerSecond).toBeGreaterThan(10);
  expect(up?.up.bitrateBps).toBeGreaterThan(1_000);
  expect(down?.down.packetsPerSecond).toBeGreaterThan(10);
  expect(down?.slots).toEqual([{ mid: "1", trackId: "ann-mic", state: "live" }]);
  expect(await setup.host.peerStats("nobody")).toBeUndefined();
});
