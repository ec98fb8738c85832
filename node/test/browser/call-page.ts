/** A person's page in tests of the media plane alone: no SDK, only RTCPeerConnection as the SDK will use it. */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import type { Browser, Page } from "puppeteer-core";
import type { MediaKind } from "#protocol";
import type { MediaPlane, NegotiateResult } from "../../src/media/control.ts";
import type { ImpairedLink } from "../media/impaired-link.ts";
import { openPage } from "./harness.ts";

export interface CallOptions {
  readonly peerId: string;
  readonly roomId: string;
  /** RIDs of the camera, lowest first; none: one encoding. */
  readonly rids?: readonly string[];
  readonly width?: number;
  readonly height?: number;
  readonly videoSlots?: number;
  /** Joins without microphone and camera; `publish` adds them. */
  readonly silent?: boolean;
  /** Publishes the microphone alone. */
  readonly voiceOnly?: boolean;
  /** Prefers audio/red (RFC 2198) for the microphone. */
  readonly redundantAudio?: boolean;
  /** MIME type of the camera's codec, such as "video/AV1"; default the browser's first. */
  readonly codec?: string;
  /** Of H264 only this profile_idc and profile_iop, such as "4d00", is sent and decoded. */
  readonly h264Profile?: string;
  /** Of a camera without RIDs, such as "L3T3_KEY". */
  readonly scalabilityMode?: string;
  /** MIME types that the video slots may carry; default all that the browser decodes. */
  readonly decodes?: readonly string[];
  /** Goes only over this TURN server. */
  readonly turn?: { readonly urls: string; readonly username: string; readonly credential: string };
  /** With data channels. */
  readonly channels?: boolean;
  /** Leaves only the TCP candidates of answers. */
  readonly tcpOnly?: boolean;
  /** Reaches the node only through this link. */
  readonly via?: ImpairedLink;
}
export interface InboundStats {
  readonly kind: MediaKind;
  /** MIME type of what came last. */
  readonly codec: string;
  readonly mid: string;
  readonly packets: number;
  readonly lost: number;
  readonly frames: number;
  readonly width: number;
  readonly nacks: number;
  readonly plis: number;
  readonly retransmitted: number;
  readonly keyframes: number;
  readonly freezes: number;
  readonly frozenSeconds: number;
  readonly audioEnergy: number;
}
export interface OutboundStats {
  readonly kind: MediaKind;
  readonly codec: string;
  readonly rid: string;
  readonly packets: number;
  readonly width: number;
  readonly nacks: number;
  readonly plis: number;
  readonly target: number;
}
export interface CallStats {
  readonly state: string;
  readonly availableBps: number;
  /** Of the nominated pair, at this end: "udp" or "tcp". */
  readonly protocol: string;
  /** At this end: "host", "relay", … */
  readonly candidateType: string;
  readonly inbound: readonly InboundStats[];
  readonly outbound: readonly OutboundStats[];
}

/** A server of call-page.html on loopback, where a camera is allowed. */
export async function servePage(): Promise<{ readonly url: string; close(): void }> {
  const html = readFileSync(join(import.meta.dirname, "call-page.html"));
  const server = createServer((_request, response) => {
    response.setHeader("content-type", "text/html");
    response.end(html);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the system gave no port");
  return { url: `http://127.0.0.1:${address.port}/`, close: () => server.close() };
}

export class CallPage {
  readonly page: Page;
  readonly options: CallOptions;
  readonly #plane: MediaPlane;
  result: NegotiateResult | undefined = undefined;

  private constructor(page: Page, plane: MediaPlane, options: CallOptions) {
    this.page = page;
    this.#plane = plane;
    this.options = options;
  }

  /** Opens a page, offers microphone, camera and slots, and takes the answer of the plane. */
  static async join(browser: Browser, url: string, plane: MediaPlane, options: CallOptions): Promise<CallPage> {
    const call = new CallPage(await openPage(browser, url), plane, options);
    const { videoSlots = 1, silent = false, decodes, channels, turn, h264Profile } = options;
    await call.page.evaluate(
      `setUp(${JSON.stringify({ ...call.#camera(), videoSlots, silent, decodes, channels, turn, h264Profile })})`,
    );
    await call.negotiate(true);
    return call;
  }

  /** Adds microphone and camera to a silent page; takes effect with the next negotiate. */
  async publish(): Promise<void> {
    await this.page.evaluate(`publish(${JSON.stringify(this.#camera())})`);
  }

  /** A new connection for the same person: negotiate it as a fresh one. */
  async rebuild(): Promise<void> {
    await this.page.evaluate("rebuild()");
  }

  /** The next offer has new ICE credentials. */
  async restartIce(): Promise<void> {
    await this.page.evaluate("restartIce()");
  }

  #camera(): object {
    const { rids = [], width = 640, height = 360, codec, scalabilityMode } = this.options;
    const { voiceOnly = false, redundantAudio = false } = this.options;
    const descriptor = scalabilityMode !== undefined;
    return { rids, width, height, codec, scalabilityMode, descriptor, voiceOnly, redundantAudio };
  }

  async negotiate(fresh: boolean): Promise<NegotiateResult> {
    const { peerId, roomId } = this.options;
    const offer = String(await this.page.evaluate("makeOffer()"));
    // The page's own lines are its sendonly ones: first the microphone, then the camera.
    const own = offer.split("\r\nm=").filter((section) => section.includes("\r\na=sendonly"));
    const tracks = own.map((section) => {
      const mid = /\r\na=mid:(\S+)/.exec(section)?.[1] ?? "";
      if (section.startsWith("audio")) return { mid, source: "microphone" as const, trackId: `${peerId}-mic` };
      return { mid, source: "camera" as const, trackId: `${peerId}-cam` };
    });
    this.result = await this.#plane.negotiate({ peerId, roomId, sdp: offer, tracks, fresh });
    await this.page.evaluate(`takeAnswer(${JSON.stringify(this.#reachable(this.result.sdp))})`);
    return this.result;
  }

  /** The answer with those candidates that this person shall use. */
  #reachable(sdp: string): string {
    const { tcpOnly, via } = this.options;
    if (tcpOnly === true) return sdp.replace(/a=candidate:\S+ 1 udp .*\r\n/g, "");
    if (via === undefined) return sdp;
    const byIpv4 = /^(a=candidate:\S+ 1 udp \d+ [\d.]+ )\d+ /;
    const lines = sdp.split("\r\n").filter((line) => !line.startsWith("a=candidate:") || byIpv4.test(line));
    return lines.map((line) => line.replace(byIpv4, `$1${via.port} `)).join("\r\n");
  }

  /** Puts another person's microphone and camera on the first slots. */
  watch(peerId: string, target = { width: 1_280, height: 720 }): void {
    for (const { mid, kind } of this.result?.slots ?? []) {
      const trackId = `${peerId}-${kind === "audio" ? "mic" : "cam"}`;
      this.#plane.assignSlot({ peerId: this.options.peerId, mid, trackId, ...(kind === "video" ? { target } : {}) });
    }
  }

  /** One more receive-only video line; takes effect with the next negotiate. */
  async addVideoSlot(): Promise<void> {
    await this.page.evaluate("addVideoSlot()");
  }

  async stats(): Promise<CallStats> {
    return (await this.page.evaluate("readStats()")) as CallStats;
  }
}
