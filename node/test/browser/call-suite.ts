/** What the browser tests of the media plane share: a site, a Chromium, planes in this process, and people who are let go again. */
import { afterAll, afterEach, beforeAll } from "@jest/globals";
import type { Browser } from "puppeteer-core";
import type { MediaEvent, MediaPlane } from "../../src/media/control.ts";
import { MediaHost } from "../../src/media/media-host.ts";
import { silentMediaLog } from "../../src/media/media-log.ts";
import { WorkerPool } from "../../src/media/media-plane.ts";
import { createRtpPlane } from "../../src/media/plane-factory.ts";
import type { RtpPlaneApi } from "../../src/media/rtp-plane-types.ts";
import { ImpairedLink, type LinkShapes } from "../media/impaired-link.ts";
import { CallPage, type CallStats, type InboundStats, servePage } from "./call-page.ts";
import {
  type ChromiumOptions,
  createNetwork,
  eventually,
  type IsolatedNetwork,
  launchChromium,
  launchFirefox,
} from "./harness.ts";

export interface StartedPlane {
  readonly plane: MediaPlane;
  readonly events: MediaEvent[];
  /** UDP port. */
  readonly port: number;
}
export type JoinOptions = Omit<CallPage["options"], "roomId"> & { readonly roomId?: string };

export interface CallSuite {
  chromium(): Browser;
  readonly siteUrl: string;
  /** Called after the test, the latest first. */
  cleanUp(run: () => unknown): void;
  /** `around`: something between the plane and its host, such as a lossy one. */
  startPlane(around?: (plane: RtpPlaneApi) => RtpPlaneApi): Promise<StartedPlane>;
  join(browser: Browser, plane: MediaPlane, options: JoinOptions): Promise<CallPage>;
  link(to: StartedPlane, shapes: LinkShapes & { readonly seed: number }): Promise<ImpairedLink>;
}

/** Call once in a file, outside of tests. */
export function callSuite(options: ChromiumOptions = {}): CallSuite {
  let chromium: Browser | undefined;
  let site: Awaited<ReturnType<typeof servePage>> | undefined;
  let cleanups: (() => unknown)[] = [];
  beforeAll(async () => {
    site = await servePage();
    chromium = await launchChromium(options);
  }, 180_000);
  afterAll(async () => {
    await chromium?.close();
    site?.close();
  });
  afterEach(async () => {
    for (const run of cleanups.reverse()) await run();
    cleanups = [];
  }, 180_000);
  const cleanUp = (run: () => unknown): void => {
    cleanups.push(run);
  };
  const suite: CallSuite = {
    chromium: () => present(chromium),
    get siteUrl() {
      return present(site).url;
    },
    cleanUp,
    async startPlane(around = (plane) => plane) {
      const make = (_index: number, event: (event: MediaEvent) => void): MediaPlane =>
        new MediaHost({ port: 0 }, { log: silentMediaLog, event, createPlane: (sink) => around(createRtpPlane(sink)) });
      const plane = new WorkerPool(1, make, silentMediaLog);
      const events: MediaEvent[] = [];
      plane.onEvent((event) => events.push(event));
      const { candidates } = await plane.start();
      cleanUp(() => plane.stop());
      return { plane, events, port: present(candidates[0]).port };
    },
    async join(browser, plane, joining) {
      const call = await CallPage.join(browser, suite.siteUrl, plane, { roomId: "red", ...joining });
      cleanUp(() => call.page.close().catch(() => undefined));
      return call;
    },
    async link({ port }, shapes) {
      const link = await ImpairedLink.open({ port, ...shapes });
      cleanUp(() => link.close());
      return link;
    },
  };
  return suite;
}

/** A Firefox in a network of its own, for the tests of one describe block. */
export function firefoxFor(suite: CallSuite): { browser(): Browser } {
  let network: IsolatedNetwork | undefined;
  let firefox: Browser | undefined;
  beforeAll(async () => {
    network = await createNetwork();
    await network.forward(suite.siteUrl);
    firefox = await launchFirefox(network);
  }, 180_000);
  afterAll(async () => {
    await firefox?.close();
    await network?.close();
  });
  return { browser: () => present(firefox) };
}

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("not before the tests begin");
  return value;
}

export const videoOf = (stats: CallStats): InboundStats | undefined =>
  stats.inbound.find(({ kind }) => kind === "video");
export const audioOf = (stats: CallStats): InboundStats | undefined =>
  stats.inbound.find(({ kind }) => kind === "audio");
export const framesOf = (stats: CallStats): number => videoOf(stats)?.frames ?? 0;

/** Waits until what a person's browser tells of its call satisfies `holds`. */
export function until(
  what: string,
  call: CallPage,
  holds: (stats: CallStats) => boolean,
  limitMs = 40_000,
): Promise<CallStats> {
  return eventually(`${call.options.peerId}: ${what}`, () => call.stats(), holds, limitMs);
}
