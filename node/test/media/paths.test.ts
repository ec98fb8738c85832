/** The ways on which a client reaches the media plane: both families, UDP and TCP, and a change of the way in a call. */
import { connect } from "node:net";
import { afterEach, expect, test } from "@jest/globals";
import { createMediaPlane } from "../../src/media/media-plane.ts";
import { HandClient, type HandLine } from "./hand-client.ts";

const MIC: HandLine = { mid: "0", kind: "audio", direction: "sendonly" };
const EAR: HandLine = { mid: "1", kind: "audio", direction: "recvonly" };
const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Call {
  readonly plane: ReturnType<typeof createMediaPlane>;
  join(peerId: string, options?: { readonly host?: string; readonly tcp?: boolean }): Promise<HandClient>;
}

async function start(): Promise<Call> {
  const plane = createMediaPlane({ threads: false });
  const { candidates } = await plane.start();
  cleanups.push(() => plane.stop());
  return {
    plane,
    join: async (peerId, { host, tcp = false } = {}) => {
      const client = new HandClient([MIC, EAR], host);
      cleanups.push(() => client.close());
      const tracks = [{ mid: "0", source: "microphone" as const, trackId: `${peerId}-mic` }];
      const { sdp } = await plane.negotiate({ peerId, roomId: "red", sdp: await client.offer(), tracks, fresh: false });
      if (tcp) await client.goToTcp(candidates[0]?.port);
      await client.connect(sdp);
      return client;
    },
  };
}

let seq = 0;
/** Speaks until the other hears something that was said from now on. */
async function isHeard(speaker: HandClient, listener: HandClient): Promise<void> {
  const first = seq + 1;
  const say = (): void => {
    seq++;
    speaker.sendRtp({ line: MIC, ssrc: 7, seq, timestamp: seq * 960, payload: Buffer.from([seq >> 8, seq & 255, 3]) });
  };
  say();
  const timer = setInterval(say, 20);
  try {
    await listener.until(() => listener.rtp.some(({ payload }) => payload.readUInt16BE(0) >= first));
  } finally {
    clearInterval(timer);
  }
}

test("[G25] a client without UDP is heard, and hears, by TCP alone", async () => {
  const { plane, join } = await start();
  const [ann, bob] = [await join("ann", { tcp: true }), await join("bob", { tcp: true })];
  plane.assignSlot({ peerId: "bob", mid: "1", trackId: "ann-mic" });
  await isHeard(ann, bob);
  expect((await plane.stats()).dropped).toEqual({});
});

test("[G14] a client is reached by IPv6", async () => {
  const { plane, join } = await start();
  const [ann, bob] = [await join("ann", { host: "::1" }), await join("bob", { host: "::1", tcp: true })];
  plane.assignSlot({ peerId: "bob", mid: "1", trackId: "ann-mic" });
  await isHeard(ann, bob);
});

test("[G3][G25] a call goes on when a client's address changes, and when only TCP is left", async () => {
  const { plane, join } = await start();
  const [ann, bob] = [await join("ann"), await join("bob")];
  plane.assignSlot({ peerId: "bob", mid: "1", trackId: "ann-mic" });
  await isHeard(ann, bob);
  await bob.roam();
  await isHeard(ann, bob);
  await bob.goToTcp();
  await isHeard(ann, bob);
  await ann.roam();
  await isHeard(ann, bob);
  expect((await plane.stats()).counters["ice_moves"]).toBe(3);
});

test("[G25] without TCP none is offered and nothing listens", async () => {
  const plane = createMediaPlane({ threads: false, tcp: false });
  const { candidates } = await plane.start();
  cleanups.push(() => plane.stop());
  const client = new HandClient([MIC]);
  cleanups.push(() => client.close());
  const { sdp } = await plane.negotiate({
    peerId: "ann",
    roomId: "red",
    sdp: await client.offer(),
    tracks: [],
    fresh: false,
  });
  expect(sdp).toMatch(/a=candidate:\S+ 1 udp /);
  expect(sdp).not.toContain(" tcp ");
  const refused = await new Promise<string | undefined>((resolve) => {
    const socket = connect(candidates[0]?.port ?? 0, "127.0.0.1", () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code));
  });
  expect(refused).toBe("ECONNREFUSED");
});
