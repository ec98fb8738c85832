import { expect, test } from "@jest/globals";
import { masterKey, setUp } from "../../test/sfu/plane-harness.ts";
import { PeerState } from "./rtp-plane-peer.ts";
import { FastKernel } from "./srtp/fast-kernel.ts";
import { SrtcpWorkspace } from "./srtp/srtcp.ts";
import { KEY_BYTES } from "./srtp/wasm-layout.ts";

const peer = {
  peerId: "ann",
  role: "client",
  localKey: masterKey(1),
  remoteKey: masterKey(2),
  transport: { send: () => undefined },
} as const;

test("with room for two of its four keys a peer is not made and leaves nothing in packet memory", () => {
  const kernel = FastKernel.create(196_608);
  if (kernel === undefined) throw new Error("no WebAssembly SIMD here");
  const workspace = new SrtcpWorkspace(kernel);
  const taken: number[] = [];
  for (let at = kernel.arena.allocate(KEY_BYTES); at !== 0; at = kernel.arena.allocate(KEY_BYTES)) taken.push(at);
  for (const at of taken.slice(0, 2)) kernel.arena.release(at, KEY_BYTES);
  const before = kernel.arena.usedBytes;
  expect(PeerState.open(workspace, peer, 7)).toBeUndefined();
  expect(kernel.arena.usedBytes).toBe(before);
  for (const at of taken.slice(2, 4)) kernel.arena.release(at, KEY_BYTES);
  PeerState.open(workspace, peer, 7)?.close();
  expect(kernel.arena.usedBytes).toBe(before - 2 * KEY_BYTES);
});

test("keys of a wrong length are a usage error that leaves nothing either", () => {
  const kernel = FastKernel.create(196_608);
  if (kernel === undefined) throw new Error("no WebAssembly SIMD here");
  const workspace = new SrtcpWorkspace(kernel);
  const before = kernel.arena.usedBytes;
  const remoteKey = { key: new Uint8Array(3), salt: new Uint8Array(14) };
  expect(() => PeerState.open(workspace, { ...peer, remoteKey }, 7)).toThrow(RangeError);
  expect(kernel.arena.usedBytes).toBe(before);
});

test("a plane without memory for a peer refuses it, counts it, and has room again when another goes", () => {
  const { plane } = setUp({ memoryBytes: 196_608 });
  let peers = 0;
  while (peers < 5_000 && plane.addPeer({ ...peer, peerId: `p${peers}` }, 0)) peers++;
  expect(plane.stats()).toMatchObject({ peers: peers + 1, dropped: { memory_full: 1 } });
  plane.removePeer("p0", 1);
  expect(plane.addPeer(peer, 1)).toBe(true);
});

test("a trunk stream of a layer that its track does not have is refused and leaves no track behind", () => {
  const { plane, track } = setUp();
  plane.addPeer({ ...peer, peerId: "t", role: "trunk" }, 0);
  const before = plane.stats();
  const remote = { ...track, trackId: "far", layers: ["q", "h"] };
  const stream = { roomId: "r", track: remote, layer: "x", ssrc: 1, rtxSsrc: 2 };
  expect(plane.addTrunkIngress({ trunkId: "t", stream }, 0)).toBe(false);
  expect(plane.stats()).toEqual(before);
  expect(plane.peerStats("t")).toMatchObject({ ingressStreams: 0 });
  expect(plane.addTrunkIngress({ trunkId: "t", stream: { ...stream, layer: "h" } }, 0)).toBe(true);
  // Now that the track is known, its own layers decide, whatever another stream claims.
  const other = { ...stream, track: { ...remote, layers: ["z"] }, layer: "z", ssrc: 3, rtxSsrc: 4 };
  expect(plane.addTrunkIngress({ trunkId: "t", stream: other }, 0)).toBe(false);
  expect(plane.stats().tracks).toBe(before.tracks + 1);
});
