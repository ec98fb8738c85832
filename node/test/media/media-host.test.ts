import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { afterEach, expect, test } from "@jest/globals";
import type { MediaEvent, NegotiateInput } from "../../src/media/control.ts";
import { MediaError } from "../../src/media/media-error.ts";
import { MediaHost } from "../../src/media/media-host.ts";
import { silentMediaLog } from "../../src/media/media-log.ts";
import { buildBindingRequest } from "../../src/media/stun.ts";
import { HandClient, type HandLine } from "./hand-client.ts";
import { RecordingPlane } from "./recording-plane.ts";

const MIC: HandLine = { mid: "0", kind: "audio", direction: "sendonly" };
const EAR: HandLine = { mid: "1", kind: "audio", direction: "recvonly" };
const EYE: HandLine = { mid: "2", kind: "video", direction: "recvonly" };

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Setup {
  readonly host: MediaHost;
  readonly plane: RecordingPlane;
  readonly events: MediaEvent[];
  readonly port: number;
  /** Lets time pass for the host alone. */
  skip(ms: number): void;
  dropped(): Promise<Readonly<Record<string, number>>>;
}

async function start(): Promise<Setup> {
  const plane = new RecordingPlane();
  const events: MediaEvent[] = [];
  let skippedMs = 0;
  const host = new MediaHost(
    { port: 0, host: "127.0.0.1" },
    {
      log: silentMediaLog,
      createPlane: () => plane,
      event: (event) => events.push(event),
      nowMs: () => performance.now() + skippedMs,
    },
  );
  cleanups.push(() => host.stop());
  const { candidates } = await host.start();
  const skip = (ms: number): void => {
    skippedMs += ms;
  };
  return {
    host,
    plane,
    events,
    port: candidates[0]?.port ?? 0,
    skip,
    dropped: async () => (await host.stats()).dropped,
  };
}

const mic = { mid: "0", source: "microphone", trackId: "ann-mic" } as const;
const input = (sdp: string, more: Partial<NegotiateInput> = {}): NegotiateInput => ({
  peerId: "ann",
  roomId: "red",
  sdp,
  tracks: [mic],
  fresh: false,
  ...more,
});

async function join(setup: Setup, more: Partial<NegotiateInput> = {}): Promise<HandClient> {
  const client = new HandClient([MIC, EAR, EYE]);
  cleanups.push(() => client.close());
  const { sdp } = await setup.host.negotiate(input(await client.offer(), more));
  await client.connect(sdp);
  return client;
}

async function stranger(): Promise<{ socket: Socket; heard: Buffer[] }> {
  const socket = createSocket("udp4");
  const heard: Buffer[] = [];
  socket.on("message", (bytes) => heard.push(bytes));
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  cleanups.push(() => void socket.close());
  return { socket, heard };
}

/** Sends and waits until the host has counted that many drops of a reason. */
async function provoke(setup: Setup, socket: Socket, bytes: Buffer, reason: string): Promise<void> {
  const before = (await setup.dropped())[reason] ?? 0;
  socket.send(bytes, setup.port, "127.0.0.1");
  for (let turn = 0; ((await setup.dropped())[reason] ?? 0) === before; turn++) {
    if (turn > 2_000) throw new Error(`never counted ${reason}: ${JSON.stringify(await setup.dropped())}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

test("[G16] tracks and slots reach the plane when the keys are there, with what was assigned meanwhile", async () => {
  const setup = await start();
  const client = new HandClient([MIC, EAR, EYE]);
  cleanups.push(() => client.close());
  const result = await setup.host.negotiate(input(await client.offer()));
  expect(result.tracks).toMatchObject([{ mid: "0", trackId: "ann-mic", kind: "audio", layers: [""] }]);
  expect(result.slots).toEqual([
    { mid: "1", kind: "audio", codecs: ["opus"] },
    { mid: "2", kind: "video", codecs: ["VP8"] },
  ]);
  setup.host.assignSlot({ peerId: "ann", mid: "2", trackId: "cam", target: { width: 320, height: 180 } });
  setup.host.setTrackMuted({ trackId: "ann-mic", muted: true });
  await client.connect(result.sdp);
  await client.until(() => setup.events.length > 0);
  expect(setup.events).toEqual([{ kind: "peerState", peerId: "ann", state: "connected" }]);
  const order = [
    "addPeer client ann",
    "addReceiver 0 ann-mic",
    "setTrackMuted ann-mic true",
    "addSlot 1 audio",
    "addSlot 2 video",
    "assignSlot 2 cam",
  ];
  expect(setup.plane.calls.slice(-6)).toEqual(order);
});

test("[G24] a client is told that it cannot decode what is on its slot, and that a new agreement has changed that", async () => {
  const setup = await start();
  await setup.host.createTrunk({ trunkId: "t", role: "answerer" });
  const codec = { name: "H264", clockRateHz: 90_000 } as const;
  const track = { trackId: "far-cam", kind: "video", source: "camera", codec, layers: [""] } as const;
  const client = new HandClient([EYE]);
  cleanups.push(() => client.close());
  const sdp = await client.offer();
  await setup.host.negotiate(input(sdp, { tracks: [] }));
  setup.host.assignSlot({ peerId: "ann", mid: "2", trackId: "far-cam" });
  expect(setup.events).toEqual([]);
  await setup.host.openTrunkIngress({ trunkId: "t", stream: { roomId: "red", track, layer: "" } });
  const told = { kind: "slotState", peerId: "ann", mid: "2", trackId: "far-cam" };
  expect(setup.events).toEqual([{ ...told, state: "unsupportedCodec" }]);
  const better = sdp
    .replace("SAVPF 96 97", "SAVPF 96 97 98")
    .replace(
      "a=rtpmap:96",
      "a=rtpmap:98 H264/90000\r\na=fmtp:98 packetization-mode=1;profile-level-id=42e01f\r\na=rtpmap:96",
    );
  await setup.host.negotiate(input(better, { tracks: [] }));
  expect(setup.events[1]).toEqual({ ...told, state: "live" });
});

test("[G18] a client for which packet memory has no room is gone when its keys come, with nothing left behind", async () => {
  const setup = await start();
  setup.plane.full = true;
  const client = new HandClient([MIC, EAR]);
  cleanups.push(() => client.close());
  const { sdp } = await setup.host.negotiate(input(await client.offer()));
  await Promise.all([client.connect(sdp), client.until(() => setup.events.length > 0)]);
  expect(setup.events).toEqual([{ kind: "peerState", peerId: "ann", state: "gone" }]);
  expect((await setup.host.stats()).peers).toBe(0);
  expect(setup.plane.calls.filter((call) => call.startsWith("add"))).toEqual([]);
  setup.plane.full = false;
  await join(setup);
  expect(setup.plane.peers.has("ann")).toBe(true);
});

test("[G13] a later offer tells the plane only what is new", async () => {
  const setup = await start();
  const client = await join(setup);
  await client.until(() => setup.plane.peers.has("ann"));
  setup.plane.calls.length = 0;
  client.lines.push(
    { mid: "3", kind: "video", direction: "sendonly" },
    { mid: "4", kind: "video", direction: "recvonly" },
  );
  const tracks = [mic, { mid: "3", source: "camera", trackId: "ann-cam" } as const];
  const result = await setup.host.negotiate(input(await client.offer(), { tracks }));
  expect(result.tracks.map(({ trackId }) => trackId)).toEqual(["ann-mic", "ann-cam"]);
  expect(setup.plane.calls).toEqual(["addReceiver 3 ann-cam", "addSlot 4 video"]);
  await setup.host.negotiate(input(await client.offer(), { tracks: [mic] }));
  expect(setup.plane.calls.slice(2)).toEqual(["removeTrack ann-cam"]);
});

test("[G12] a refused offer changes nothing", async () => {
  const setup = await start();
  const client = await join(setup);
  await client.until(() => setup.plane.peers.has("ann"));
  setup.plane.calls.length = 0;
  for (const sdp of [
    "nonsense",
    "v=0\r\n",
    (await client.offer()).replaceAll("opus", "g729").replaceAll("VP8", "VP7"),
  ]) {
    await expect(setup.host.negotiate(input(sdp))).rejects.toBeInstanceOf(MediaError);
    await expect(setup.host.negotiate(input(sdp, { fresh: true }))).rejects.toBeInstanceOf(MediaError);
  }
  const other = (await client.offer()).replace(/(a=fingerprint:sha-256 )\S+/, `$1${Array(32).fill("00").join(":")}`);
  await expect(setup.host.negotiate(input(other))).rejects.toMatchObject({ code: "sdp_unsupported" });
  expect(setup.plane.calls).toEqual([]);
  expect((await setup.host.stats()).peers).toBe(1);
});

test("[G17] media and DTLS count only from the selected address; a stranger's ClientHello during a call is a counted drop", async () => {
  const setup = await start();
  const client = await join(setup);
  await client.until(() => setup.plane.peers.has("ann"));
  const { socket, heard } = await stranger();
  const hello = client.sent.find((bytes) => bytes[0] === 22);
  if (hello === undefined) throw new Error("no ClientHello was sent");
  await provoke(setup, socket, hello, "mux_unknown_address");
  await provoke(setup, socket, Buffer.concat([Buffer.from([128, 111]), Buffer.alloc(60)]), "mux_unknown_address");
  // From the right address, but of epoch 0: what a forger of addresses could send.
  const before = (await setup.dropped())["dtls_epoch_zero"] ?? 0;
  client.sendRaw(hello);
  client.sendRtp({ line: MIC, ssrc: 5, seq: 1, timestamp: 0, payload: Buffer.from("voice") });
  await client.until(() => setup.plane.calls.some((call) => call.startsWith("rtp ann")));
  expect((await setup.dropped())["dtls_epoch_zero"]).toBe(before + 1);
  expect(heard).toEqual([]);
  expect(setup.events).toEqual([{ kind: "peerState", peerId: "ann", state: "connected" }]);
});

test("[G1] STUN of a stranger is not answered, moves nothing and is counted", async () => {
  const setup = await start();
  const client = await join(setup);
  const { socket, heard } = await stranger();
  const { peers } = await setup.host.stats();
  const forged = (username: string): Buffer =>
    buildBindingRequest({
      transactionId: Buffer.alloc(12, 3),
      username,
      password: "guessed",
      priority: 1,
      tieBreaker: 1n,
      useCandidate: true,
    });
  const answer = client.sent.length;
  await provoke(setup, socket, forged("nobody:x"), "stun_unknown_user");
  const result = await setup.host.negotiate(input(await client.offer()));
  const ufrag = /a=ice-ufrag:(\S+)/.exec(result.sdp)?.[1] ?? "";
  await provoke(setup, socket, forged(`${ufrag}:${client.credentials.ufrag}`), "stun_bad_integrity");
  await provoke(setup, socket, forged(`${ufrag}:someone`), "stun_unknown_user");
  expect(heard).toEqual([]);
  client.sendRtp({ line: MIC, ssrc: 5, seq: 1, timestamp: 0, payload: Buffer.from("voice") });
  await client.until(() => setup.plane.calls.some((call) => call.startsWith("rtp ann")));
  expect((await setup.host.stats()).peers).toBe(peers);
  expect(client.sent.length).toBe(answer + 1);
});

test("[G8] random bytes are counted drops and leave no state", async () => {
  const setup = await start();
  const { socket, heard } = await stranger();
  const reasons: [Buffer, string][] = [
    [Buffer.from([99, 1, 2]), "mux_unknown_kind"],
    [Buffer.alloc(3_000, 1), "mux_too_long"],
    [Buffer.from([0, 1, 0, 0]), "stun_malformed"],
    [
      Buffer.concat([Buffer.from("0101000021 12a442".replace(" ", ""), "hex"), Buffer.alloc(12)]),
      "stun_unknown_transaction",
    ],
    [Buffer.from([200, 1]), "mux_unknown_kind"],
    [Buffer.from([22, 254, 253]), "mux_unknown_address"],
  ];
  for (const [bytes, reason] of reasons) await provoke(setup, socket, bytes, reason);
  expect(heard).toEqual([]);
  expect((await setup.host.stats()).peers).toBe(0);
});

test("[G3] a client that roams keeps its call: media goes to its new address", async () => {
  const setup = await start();
  const client = await join(setup);
  await client.until(() => setup.plane.peers.has("ann"));
  const before = client.address.port;
  await client.roam();
  expect(client.address.port).not.toBe(before);
  for (let turn = 0; ((await setup.host.stats()).counters["ice_moves"] ?? 0) === 0; turn++) {
    if (turn > 300) throw new Error("the pair never moved");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  client.sendRtp({ line: MIC, ssrc: 5, seq: 1, timestamp: 0, payload: Buffer.from("voice") });
  await client.until(() => setup.plane.calls.some((call) => call.startsWith("rtp ann")));
});

test("[G18] fresh replaces the transport, closePeer ends it, and both take it out of the plane", async () => {
  const setup = await start();
  const first = await join(setup);
  await first.until(() => setup.plane.peers.has("ann"));
  setup.plane.calls.length = 0;
  const second = await join(setup, { fresh: true });
  await second.until(() => setup.plane.calls.includes("addPeer client ann"));
  expect(setup.plane.calls[0]).toBe("removePeer ann");
  expect((await setup.host.stats()).peers).toBe(1);
  setup.host.closePeer("ann");
  setup.host.closePeer("ann");
  expect(setup.plane.peers.size).toBe(0);
  expect((await setup.host.stats()).peers).toBe(0);
});

test("a plane that is not running refuses, and stops twice", async () => {
  const setup = await start();
  await setup.host.stop();
  await setup.host.stop();
  await expect(setup.host.negotiate(input("v=0"))).rejects.toMatchObject({ code: "media_unavailable" });
});

test("[G5] a client that falls silent is reconnecting, then connected again or gone, and gone takes it out of the plane", async () => {
  const setup = await start();
  const client = await join(setup);
  const states = (): string[] => setup.events.flatMap((event) => (event.kind === "peerState" ? [event.state] : []));
  await client.until(() => states().length === 1);
  // A check of the client may come between the jump and the look at the clock: jump until it does not.
  for (let turn = 0; states().length === 1 && turn < 20; turn++) {
    setup.skip(8_500);
    await client.until(() => states().length > 1, 400).catch(() => undefined);
  }
  await client.until(() => states().length === 3);
  expect(states()).toEqual(["connected", "reconnecting", "connected"]);
  await client.close();
  setup.skip(8_500);
  await client.until(() => states().length === 4);
  setup.skip(22_000);
  await client.until(() => states().length === 5);
  expect(states().slice(3)).toEqual(["reconnecting", "gone"]);
  expect(setup.plane.calls.at(-1)).toBe("removePeer ann");
  expect((await setup.host.stats()).peers).toBe(0);
});

test("[G5] a client that never connects, or never finishes the handshake, is gone after 30 s", async () => {
  const setup = await start();
  const client = new HandClient([MIC]);
  cleanups.push(() => client.close());
  const result = await setup.host.negotiate(input(await client.offer(), { transport: 7 }));
  expect(result.transport).toBe(7);
  setup.skip(30_500);
  await client.until(() => setup.events.length === 1);
  expect(setup.events).toEqual([{ kind: "peerState", peerId: "ann", state: "gone", transport: 7 }]);
});

test("[G18] a client that closes its end of DTLS is gone at once", async () => {
  const setup = await start();
  const client = await join(setup);
  await client.until(() => setup.events.length === 1);
  client.sayGoodbye();
  await client.until(() => setup.events.length === 2);
  expect(setup.events[1]).toEqual({ kind: "peerState", peerId: "ann", state: "gone" });
});
