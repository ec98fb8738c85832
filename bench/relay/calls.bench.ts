/**
 * The calls of bench:relay: a publisher in Chromium, a viewer far away in another page, and between them one node at either
 * end or two nodes with our own relay. Every way has the same last miles; what lies between is the public path where
 * there is one node, and the trunk's where there are two.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { type Random, seededRandom } from "#gossip";
import type { MediaPlane, TrackDescription } from "../../node/src/media/control.ts";
import type { MediaPlaneOptions } from "../../node/src/media/media-plane.ts";
import { silentLog } from "../../node/src/mesh/log.ts";
import { MemoryNetwork } from "../../node/src/mesh/memory-mesh.ts";
import { createRelay } from "../../node/src/relay/relay.ts";
import type { TrackDirectory } from "../../node/src/room/live-rooms.ts";
import { CallPage, type CallStats, type InboundStats, servePage } from "../../node/test/browser/call-page.ts";
import { launchChromium } from "../../node/test/browser/harness.ts";
import { ImpairedLink, type PathShape } from "../../node/test/media/impaired-link.ts";

export interface RelayOptions {
  readonly profiles: readonly string[];
  readonly ways: readonly string[];
  readonly seconds: number;
  readonly seed: number;
  readonly width: number;
  readonly height: number;
}
type CreatePlane = (options: MediaPlaneOptions) => MediaPlane;

interface Profile {
  /** From either person to a node near them. */
  readonly mile: PathShape;
  /** Between the two regions: as the public takes it, and as two nodes of good providers do. */
  readonly publicPath: PathShape;
  readonly trunk: PathShape;
}

const mile = { delayMs: 10, lossRatio: 0.005 };
/** One way. "control" shows what the second node itself costs: both kinds of transit are equally good. */
const PROFILES: Readonly<Record<string, Profile>> = {
  clean: { mile, publicPath: { delayMs: 85, lossRatio: 0.002 }, trunk: { delayMs: 80, lossRatio: 0 } },
  evening: { mile, publicPath: { delayMs: 105, lossRatio: 0.025 }, trunk: { delayMs: 85, lossRatio: 0.002 } },
  cut: { mile, publicPath: { delayMs: 140, lossRatio: 0.05 }, trunk: { delayMs: 110, lossRatio: 0.01 } },
  control: { mile, publicPath: { delayMs: 80, lossRatio: 0.01 }, trunk: { delayMs: 80, lossRatio: 0.01 } },
};
const RIDS = ["q", "h", "f"];
const SETTLE_MS = 8_000;
const FIRST_FRAME_LIMIT_MS = 40_000;
const ROOM = "bench";
/** The links are in this process: a run in which they were later than this, one time in a hundred, says nothing. */
const LATE_LIMIT_MS = 20;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const rounded = (value: number): number => Math.round(value * 100) / 100;
/** One leg after the other. */
const joined = (a: PathShape, b: PathShape): PathShape => ({
  delayMs: (a.delayMs ?? 0) + (b.delayMs ?? 0),
  lossRatio: 1 - (1 - (a.lossRatio ?? 0)) * (1 - (b.lossRatio ?? 0)),
});

export async function run(options: RelayOptions, createPlane: CreatePlane): Promise<object> {
  const result: Record<string, Record<string, object>> = {};
  for (const name of options.profiles) {
    const profile = PROFILES[name];
    if (profile === undefined) throw new Error(`no profile ${name}; there are ${Object.keys(PROFILES).join(", ")}`);
    result[name] = {};
    for (const way of options.ways) {
      const figures = await call(options, createPlane, { profile, way });
      result[name][way] = figures;
      console.log(name, way, JSON.stringify(figures));
    }
  }
  return { seconds: options.seconds, seed: options.seed, size: `${options.width}x${options.height}`, result };
}

interface Stage {
  readonly options: RelayOptions;
  readonly createPlane: CreatePlane;
  readonly closers: (() => unknown)[];
  readonly random: Random;
}

async function call(
  options: RelayOptions,
  createPlane: CreatePlane,
  { profile, way }: { readonly profile: Profile; readonly way: string },
): Promise<object> {
  const stage: Stage = { options, createPlane, closers: [], random: seededRandom(options.seed) };
  try {
    const site = await servePage();
    stage.closers.push(() => site.close());
    const browser = await launchChromium();
    stage.closers.push(() => browser.close());
    const { mile: near, publicPath, trunk } = profile;
    const far = joined(near, publicPath);
    const nodes = way === "trunk" ? await twoNodes(stage, trunk) : await oneNode(stage);
    const shapes = { "one-near": [near, far], "one-far": [far, near], trunk: [near, near] }[way];
    if (shapes === undefined) throw new Error(`no way ${way}; there are one-near, one-far, trunk`);
    const [up, down] = shapes as [PathShape, PathShape];
    const { width, height } = options;
    const camera = { rids: RIDS, width, height };
    const via = [await link(stage, nodes.near.port, up), await link(stage, nodes.far.port, down)];
    const page = { roomId: ROOM };
    const ann = await CallPage.join(browser, site.url, nodes.near.plane, {
      ...{ ...page, peerId: "ann", ...camera },
      ...(via[0] === undefined ? {} : { via: via[0] }),
    });
    nodes.published(ann);
    const bob = await CallPage.join(browser, site.url, nodes.far.plane, {
      ...{ ...page, peerId: "bob", voiceOnly: true },
      ...(via[1] === undefined ? {} : { via: via[1] }),
    });
    // The publisher's camera has found its rate.
    await sleep(SETTLE_MS);
    const beganAtMs = performance.now();
    bob.watch("ann");
    await until(bob, (video) => video.frames > 0);
    const firstFrameMs = Math.round(performance.now() - beganAtMs);
    await sleep(SETTLE_MS);
    const lateness = monitorEventLoopDelay({ resolution: 5 });
    lateness.enable();
    const before = await bob.stats();
    await sleep(options.seconds * 1_000);
    const figures = difference(before, await bob.stats(), options.seconds);
    lateness.disable();
    const lateMs = rounded(lateness.percentile(99) / 1e6);
    return { valid: lateMs <= LATE_LIMIT_MS, lateMs, firstFrameMs, ...figures };
  } finally {
    for (const close of stage.closers.reverse()) await close();
  }
}

interface BenchNode {
  readonly plane: MediaPlane;
  readonly port: number;
}
interface Nodes {
  readonly near: BenchNode;
  readonly far: BenchNode;
  /** Her tracks are known from now on. */
  published(publisher: CallPage): void;
}

async function node(stage: Stage): Promise<BenchNode> {
  const plane = stage.createPlane({ workers: 1, port: 0 });
  const { candidates } = await plane.start();
  stage.closers.push(() => plane.stop());
  return { plane, port: candidates[0]?.port ?? 0 };
}

async function oneNode(stage: Stage): Promise<Nodes> {
  const only = await node(stage);
  return { near: only, far: only, published: () => undefined };
}

async function link(stage: Stage, port: number, shape: PathShape): Promise<ImpairedLink> {
  const seed = Math.floor(stage.random.next() * 2 ** 31);
  const opened = await ImpairedLink.open({ port, seed, toNode: shape, fromNode: shape });
  stage.closers.push(() => opened.close());
  return opened;
}

/** The real relay at both ends, over a mesh whose messages cross the same sea; the trunk's datagrams go over an impaired link. */
async function twoNodes(stage: Stage, trunk: PathShape): Promise<Nodes> {
  const [near, far] = [await node(stage), await node(stage)];
  const delayMs = trunk.delayMs ?? 0;
  const random = stage.random.fork("mesh");
  const network = new MemoryNetwork({ random, delayMs: { min: delayMs, max: delayMs } });
  const sea = await link(stage, far.port, trunk);
  const tracks = new Map<string, TrackDescription>();
  const listeners: ((roomId: string) => void)[] = [];
  for (const [name, end] of [["a", near] as const, ["b", far] as const]) {
    const mesh = network.add({ name });
    const directory: TrackDirectory = {
      localTrack: (_, trackId) => (name === "a" ? tracks.get(trackId) : undefined),
      remoteTrack: (_, trackId) => {
        const track = name === "b" ? tracks.get(trackId) : undefined;
        return track && { node: "a", track };
      },
      trackNodes: () => new Set(name === "b" && tracks.size > 0 ? ["a"] : []),
      onTracksChanged: (listener) => {
        listeners.push(listener);
        return () => undefined;
      },
    };
    const media = name === "b" ? overLink(end.plane, sea.port) : end.plane;
    const relay = createRelay({ mesh, media, tracks: directory, log: silentLog, random: stage.random.fork(name) });
    await relay.start();
    stage.closers.push(() => relay.stop());
  }
  const published = (publisher: CallPage): void => {
    for (const { mid: _, ...track } of publisher.result?.tracks ?? []) tracks.set(track.trackId, track);
    for (const listener of listeners) listener(ROOM);
  };
  return { near, far, published };
}

/** Tells the other end of trunks the link's port in place of its own. */
function overLink(plane: MediaPlane, port: number): MediaPlane {
  return new Proxy(plane, {
    get(target, name) {
      if (name === "createTrunk")
        return async (input: Parameters<MediaPlane["createTrunk"]>[0]) => {
          const parameters = await target.createTrunk(input);
          return { ...parameters, candidates: [{ host: "127.0.0.1", port, priority: 1 }] };
        };
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}

async function until(viewer: CallPage, holds: (video: InboundStats) => boolean): Promise<void> {
  const limitMs = performance.now() + FIRST_FRAME_LIMIT_MS;
  for (;;) {
    const video = inboundOf(await viewer.stats(), "video");
    if (video !== undefined && holds(video)) return;
    if (performance.now() > limitMs) throw new Error(`no picture within ${FIRST_FRAME_LIMIT_MS} ms`);
    await sleep(20);
  }
}

const inboundOf = (stats: CallStats, kind: "audio" | "video"): InboundStats | undefined =>
  stats.inbound.find((inbound) => inbound.kind === kind && inbound.packets > 0);

function difference(before: CallStats, after: CallStats, seconds: number): object {
  const grown = (kind: "audio" | "video", name: keyof InboundStats): number =>
    Number(inboundOf(after, kind)?.[name] ?? 0) - Number(inboundOf(before, kind)?.[name] ?? 0);
  const audio = grown("audio", "lost") + grown("audio", "packets");
  return {
    freezes: grown("video", "freezes"),
    frozenSeconds: rounded(grown("video", "frozenSeconds")),
    framesPerSecond: rounded(grown("video", "frames") / seconds),
    width: inboundOf(after, "video")?.width,
    videoLost: grown("video", "lost"),
    videoPackets: grown("video", "packets"),
    nacks: grown("video", "nacks"),
    plis: grown("video", "plis"),
    audioLossPercent: audio === 0 ? null : rounded((100 * grown("audio", "lost")) / audio),
  };
}
