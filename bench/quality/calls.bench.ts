/** The calls of bench:quality: real Chromium, our media plane, and links that lose, delay and narrow. */
import type { Browser } from "puppeteer-core";
import type { MediaEvent, MediaPlane } from "../../node/src/media/control.ts";
import type { MediaPlaneOptions } from "../../node/src/media/media-plane.ts";
import { CallPage, type CallStats, type InboundStats, servePage } from "../../node/test/browser/call-page.ts";
import { launchChromium } from "../../node/test/browser/harness.ts";
import { ImpairedLink, type LinkShapes } from "../../node/test/media/impaired-link.ts";
import { writeBusyVideo } from "./busy-video.ts";

export interface QualityOptions {
  readonly only: readonly string[];
  readonly seconds: number;
  readonly seed: number;
  readonly width: number;
  readonly height: number;
  /** Of the case "loss", towards the viewer and from there. */
  readonly downLoss: number;
  readonly upLoss: number;
}
type CreatePlane = (options: MediaPlaneOptions) => MediaPlane;
type JoinOptions = Omit<CallPage["options"], "roomId">;

/** Freezes before this are the call's beginning. */
const SETTLE_MS = 5_000;
const RIDS = ["q", "h", "f"];
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const inboundOf = (stats: CallStats, kind: "audio" | "video"): InboundStats | undefined =>
  stats.inbound.find((inbound) => inbound.kind === kind);

export async function run(options: QualityOptions, createPlane: CreatePlane): Promise<object> {
  const result: Record<string, unknown> = {};
  const cases: Readonly<Record<string, (bench: Bench) => Promise<object>>> = {
    loss: randomLoss,
    step: bandwidthStep,
    trunk: farEnd,
  };
  for (const name of options.only) {
    const measure = cases[name];
    if (measure === undefined) throw new Error(`no case ${name}; there are ${Object.keys(cases).join(", ")}`);
    const bench = await Bench.open(options, createPlane);
    try {
      result[name] = await measure(bench);
    } finally {
      await bench.close();
    }
    console.log(name, JSON.stringify(result[name], null, 1));
  }
  return result;
}

/** One browser, and what must be closed behind a case. */
class Bench {
  readonly options: QualityOptions;
  readonly #browser: Browser;
  readonly #site: Awaited<ReturnType<typeof servePage>>;
  readonly #createPlane: CreatePlane;
  readonly #closers: (() => unknown)[] = [];
  #links = 0;

  private constructor(
    options: QualityOptions,
    parts: {
      readonly browser: Browser;
      readonly site: Awaited<ReturnType<typeof servePage>>;
      readonly createPlane: CreatePlane;
    },
  ) {
    this.options = options;
    this.#browser = parts.browser;
    this.#site = parts.site;
    this.#createPlane = parts.createPlane;
  }

  static async open(options: QualityOptions, createPlane: CreatePlane): Promise<Bench> {
    const video = writeBusyVideo(options);
    const browser = await launchChromium({ videoFile: video.path });
    const bench = new Bench(options, { site: await servePage(), browser, createPlane });
    bench.#closers.push(() => video.remove());
    return bench;
  }

  async close(): Promise<void> {
    for (const close of this.#closers.reverse()) await close();
    await this.#browser.close();
    this.#site.close();
  }

  async plane(): Promise<{ readonly plane: MediaPlane; readonly port: number }> {
    const plane = this.#createPlane({ workers: 1, port: 0 });
    const { candidates } = await plane.start();
    this.#closers.push(() => plane.stop());
    const [first] = candidates;
    if (first === undefined) throw new Error("the plane has no address");
    return { plane, port: first.port };
  }

  async link(port: number, shapes: LinkShapes): Promise<ImpairedLink> {
    this.#links++;
    const link = await ImpairedLink.open({ port, seed: this.options.seed * 1_000 + this.#links, ...shapes });
    this.#closers.push(() => link.close());
    return link;
  }

  /** Publishes with simulcast unless it has only a voice: who sends nothing at all does not know its round trip. */
  async join(plane: MediaPlane, joining: JoinOptions): Promise<CallPage> {
    const { width, height } = this.options;
    const layers = joining.voiceOnly === true ? {} : { rids: RIDS, width, height };
    return await CallPage.join(this.#browser, this.#site.url, plane, { roomId: "bench", ...layers, ...joining });
  }
}

const both = (shape: NonNullable<LinkShapes["toNode"]>): LinkShapes => ({ toNode: shape, fromNode: shape });

/** What a viewer's link with 5 % loss and 60 ms of round trip shows, beside a viewer of the same call whose link is good. */
async function randomLoss(bench: Bench): Promise<object> {
  const { plane, port } = await bench.plane();
  const ann = await bench.join(plane, { peerId: "ann" });
  const link = await bench.link(port, {
    toNode: { lossRatio: bench.options.upLoss, delayMs: 30 },
    fromNode: { lossRatio: bench.options.downLoss, delayMs: 30 },
  });
  const bob = await bench.join(plane, { peerId: "bob", voiceOnly: true, via: link });
  const cid = await bench.join(plane, { peerId: "cid", voiceOnly: true });
  for (const viewer of [bob, cid]) viewer.watch(ann.options.peerId);
  const [lossy, clean] = await watchFor([bob, cid], bench.options.seconds);
  return { lossy, clean, link: link.counts() };
}

/** Waits for the picture, settles, and says what happened in the time after. */
async function watchFor(viewers: readonly CallPage[], seconds: number): Promise<readonly object[]> {
  for (const viewer of viewers) await until(viewer, (stats) => (inboundOf(stats, "video")?.frames ?? 0) > 0, 30_000);
  await sleep(SETTLE_MS);
  const before = await Promise.all(viewers.map((viewer) => viewer.stats()));
  await sleep(seconds * 1_000);
  const after = await Promise.all(viewers.map((viewer) => viewer.stats()));
  return viewers.map((_, i) => difference(before[i], after[i], seconds));
}

function difference(before: CallStats | undefined, after: CallStats | undefined, seconds: number): object {
  if (before === undefined || after === undefined) throw new Error("no figures");
  const grown = (kind: "audio" | "video", name: keyof InboundStats): number =>
    Number(inboundOf(after, kind)?.[name] ?? 0) - Number(inboundOf(before, kind)?.[name] ?? 0);
  return {
    freezes: grown("video", "freezes"),
    frozenSeconds: rounded(grown("video", "frozenSeconds")),
    framesPerSecond: rounded(grown("video", "frames") / seconds),
    width: inboundOf(after, "video")?.width,
    videoPackets: grown("video", "packets"),
    videoLost: grown("video", "lost"),
    repaired: grown("video", "retransmitted"),
    nacks: grown("video", "nacks"),
    plis: grown("video", "plis"),
    keyframes: grown("video", "keyframes"),
    audioLossPercent: rounded(audioLoss(before, after) * 100),
  };
}

function audioLoss(before: CallStats, after: CallStats): number {
  const [a, b] = [inboundOf(before, "audio"), inboundOf(after, "audio")];
  const lost = (b?.lost ?? 0) - (a?.lost ?? 0);
  const came = (b?.packets ?? 0) - (a?.packets ?? 0);
  return lost + came === 0 ? 1 : lost / (lost + came);
}

const rounded = (value: number): number => Math.round(value * 100) / 100;

const WIDE_BPS = 2_000_000;
const NARROW_BPS = 600_000;
const NARROW_MS = 20_000;
const TOP_LIMIT_MS = 40_000;

/** A viewer's link from 2 Mbit/s to 600 kbit/s and back. */
async function bandwidthStep(bench: Bench): Promise<object> {
  const { plane, port } = await bench.plane();
  const ann = await bench.join(plane, { peerId: "ann" });
  const shape = (rateBps: number): LinkShapes => ({
    toNode: { delayMs: 20 },
    fromNode: { delayMs: 20, rateBps, queueMs: 300 },
  });
  const link = await bench.link(port, shape(WIDE_BPS));
  const bob = await bench.join(plane, { peerId: "bob", voiceOnly: true, via: link });
  bob.watch(ann.options.peerId);
  const isTop = (stats: CallStats): boolean => (inboundOf(stats, "video")?.width ?? 0) > bench.options.width / 2;
  await until(bob, isTop, TOP_LIMIT_MS);
  await sleep(SETTLE_MS);
  const before = await bob.stats();
  link.reshape(shape(NARROW_BPS));
  const narrow = await sample(bob, NARROW_MS);
  const after = await bob.stats();
  link.reshape(shape(WIDE_BPS));
  const topAgainMs = await until(bob, isTop, TOP_LIMIT_MS).catch(() => undefined);
  const fits = (point: Point): boolean => point.width > 0 && point.width <= bench.options.width / 2;
  return {
    audioLossPercent: rounded(audioLoss(before, after) * 100),
    resumedMs: resumedAt(narrow, fits),
    longestStillMs: longestStill(narrow),
    narrow: difference(before, after, NARROW_MS / 1_000),
    topAgainMs,
    link: link.counts(),
    estimateBps: (await plane.peerStats("bob"))?.estimateBps,
  };
}

interface Point {
  readonly atMs: number;
  readonly frames: number;
  readonly width: number;
}

async function sample(viewer: CallPage, forMs: number): Promise<readonly Point[]> {
  const startMs = performance.now();
  const points: Point[] = [];
  while (performance.now() - startMs < forMs) {
    const video = inboundOf(await viewer.stats(), "video");
    points.push({ atMs: performance.now() - startMs, frames: video?.frames ?? 0, width: video?.width ?? 0 });
    await sleep(50);
  }
  return points;
}

/** When the picture of a fitting size moved and had not stood for half a second in the two seconds that follow. */
function resumedAt(points: readonly Point[], fits: (point: Point) => boolean): number | undefined {
  const found = points.find((point, i) => {
    const moved = point.frames > (points[i - 1]?.frames ?? point.frames);
    const next = points.slice(i).filter(({ atMs }) => atMs <= point.atMs + 2_000);
    return moved && fits(point) && next.every(fits) && longestStill(next) < 500;
  });
  return found && Math.round(found.atMs);
}

function longestStill(points: readonly Point[]): number {
  let [longest, since] = [0, points[0]?.atMs ?? 0];
  let frames = points[0]?.frames ?? 0;
  for (const point of points) {
    longest = Math.max(longest, point.atMs - since);
    if (point.frames === frames) continue;
    frames = point.frames;
    since = point.atMs;
  }
  return Math.round(longest);
}

/** Resolves with the milliseconds that it took. */
async function until(viewer: CallPage, holds: (stats: CallStats) => boolean, limitMs: number): Promise<number> {
  const startMs = performance.now();
  for (;;) {
    const stats = await viewer.stats();
    const tookMs = performance.now() - startMs;
    if (holds(stats)) return Math.round(tookMs);
    if (tookMs > limitMs) throw new Error(`not within ${limitMs} ms; last: ${JSON.stringify(stats)}`);
    await sleep(100);
  }
}

const NEAR = both({ lossRatio: 0.02, delayMs: 10 });
const TRUNK_ONE_WAY_MS = 80;

/** Both people lose 2 %: over a node near each and 160 ms between these, and over the viewer's node alone. */
async function farEnd(bench: Bench): Promise<object> {
  const { seconds } = bench.options;
  const trunk = await overTrunk(bench, seconds);
  const { plane, port } = await bench.plane();
  const far = both({ lossRatio: 0.02, delayMs: 10 + TRUNK_ONE_WAY_MS });
  const ann = await bench.join(plane, { peerId: "ann", via: await bench.link(port, far) });
  const bob = await bench.join(plane, { peerId: "bob", voiceOnly: true, via: await bench.link(port, NEAR) });
  bob.watch(ann.options.peerId);
  const [oneNode] = await watchFor([bob], seconds);
  return { trunk, oneNode };
}

async function overTrunk(bench: Bench, seconds: number): Promise<object | undefined> {
  const [a, b] = [await bench.plane(), await bench.plane()];
  const ann = await bench.join(a.plane, { peerId: "ann", via: await bench.link(a.port, NEAR) });
  const bob = await bench.join(b.plane, { peerId: "bob", voiceOnly: true, via: await bench.link(b.port, NEAR) });
  const trunkLink = await bench.link(b.port, both({ delayMs: TRUNK_ONE_WAY_MS }));
  const offer = await a.plane.createTrunk({ trunkId: "t", role: "offerer" });
  const answer = await b.plane.createTrunk({ trunkId: "t", role: "answerer" });
  const candidates = [{ host: "127.0.0.1", port: trunkLink.port, priority: 1 }];
  b.plane.connectTrunk({ trunkId: "t", remote: offer });
  a.plane.connectTrunk({ trunkId: "t", remote: { ...answer, candidates } });
  relay(ann, { near: a.plane, far: b.plane });
  bob.watch(ann.options.peerId);
  const [figures] = await watchFor([bob], seconds);
  await ann.page.close();
  await bob.page.close();
  return figures;
}

/** What a node's relay does, in small: layers that are wanted at the far end are opened, others closed. */
function relay(publisher: CallPage, { near, far }: { readonly near: MediaPlane; readonly far: MediaPlane }): void {
  const opened = new Map<string, Promise<number>>();
  const open = async (trackId: string, layer: string): Promise<number> => {
    const own = publisher.result?.tracks.find((track) => track.trackId === trackId);
    if (own === undefined) throw new Error(`no track ${trackId}`);
    const { mid: _mid, ...track } = own;
    const stream = { roomId: "bench", track, layer };
    const ssrcs = await far.openTrunkIngress({ trunkId: "t", stream });
    // The request crosses the same sea.
    await sleep(TRUNK_ONE_WAY_MS);
    while (!(await near.openTrunkEgress({ trunkId: "t", stream: { ...stream, ...ssrcs } }))) await sleep(100);
    return ssrcs.ssrc;
  };
  far.onEvent((event: MediaEvent) => {
    if (event.kind !== "demand") return;
    const layers = publisher.result?.tracks.find(({ trackId }) => trackId === event.trackId)?.layers ?? [];
    const wanted = event.layers.map((layer) => (layers.includes(layer) ? layer : (layers[0] ?? "")));
    for (const layer of layers) {
      const key = `${event.trackId} ${layer}`;
      const known = opened.get(key);
      if (wanted.includes(layer) && known === undefined) opened.set(key, open(event.trackId, layer));
      if (wanted.includes(layer) || known === undefined) continue;
      opened.delete(key);
      void known.then((ssrc) => {
        near.closeTrunkEgress({ trunkId: "t", ssrc });
        far.closeTrunkIngress({ trunkId: "t", ssrc });
      });
    }
  });
}
