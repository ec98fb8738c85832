/** Calls of real browsers through a plane, heard in the clear: the headers, and no more of the payloads than a forwarder reads. */
import type { Browser } from "puppeteer-core";
import { MediaHost } from "../../src/media/media-host.ts";
import { silentMediaLog } from "../../src/media/media-log.ts";
import { createRtpPlane } from "../../src/media/plane-factory.ts";
import type { ExtensionIds, PlaneReceiver } from "../../src/media/rtp-plane-types.ts";
import { CallPage, servePage } from "../browser/call-page.ts";
import { createNetwork, eventually, launchChromium, launchFirefox } from "../browser/harness.ts";
import { lossyPlane } from "../browser/lossy-plane.ts";
import { type TapSink, tappedPlane } from "../media/packet-tap.ts";

/** One person's packets in one call, base64. */
export interface CorpusSession {
  readonly name: string;
  readonly browser: string;
  /** Lines that the person sends on. */
  readonly lines: readonly CorpusLine[];
  /** Header, then the first bytes of the payload. */
  readonly rtp: readonly string[];
  /** Whole compounds. */
  readonly rtcp: readonly string[];
}
export interface CorpusLine {
  readonly codec: string;
  readonly payloadType: number;
  readonly rtxPayloadType?: number;
  readonly redPayloadType?: number;
  readonly extensions: ExtensionIds;
  readonly layers: readonly string[];
}

const KEPT_PAYLOAD_BYTES = 40;
/** Of one SSRC; repairs and starts come first, then every so many. */
const RTP_PACKETS = 26;
const RTCP_PACKETS = 24;
const CALL_MS = 9_000;
const LOSS = { inRatio: 0.04, outRatio: 0.04 };

type Joining = Omit<CallPage["options"], "roomId" | "peerId">;

const CHROMIUM: Readonly<Record<string, Joining>> = {
  "VP8 simulcast": { rids: ["q", "h", "f"], width: 960, height: 540 },
  "H264 and redundant audio": { codec: "video/H264", redundantAudio: true },
  "H264 simulcast": { codec: "video/H264", rids: ["q", "h"] },
  "VP9 L3T3_KEY": { codec: "video/VP9", scalabilityMode: "L3T3_KEY", width: 960, height: 540 },
  "AV1 L3T3_KEY": { codec: "video/AV1", scalabilityMode: "L3T3_KEY", width: 960, height: 540 },
};
const FIREFOX: Readonly<Record<string, Joining>> = {
  "VP8 simulcast": { rids: ["q", "h"] },
  VP9: { codec: "video/VP9" },
};

export async function capture(): Promise<readonly CorpusSession[]> {
  const site = await servePage();
  const network = await createNetwork();
  await network.forward(site.url);
  const chromium = await launchChromium();
  const firefox = await launchFirefox(network);
  const sessions: CorpusSession[] = [];
  try {
    for (const [browser, calls] of [
      [chromium, CHROMIUM],
      [firefox, FIREFOX],
    ] as const) {
      for (const [name, joining] of Object.entries(calls)) sessions.push(await call(browser, site.url, name, joining));
    }
  } finally {
    await chromium.close();
    await firefox.close();
    await network.close();
    site.close();
  }
  return sessions;
}

async function call(browser: Browser, url: string, name: string, joining: Joining): Promise<CorpusSession> {
  const recorder = new Recorder();
  const host = new MediaHost(
    { port: 0 },
    {
      log: silentMediaLog,
      event: () => undefined,
      // Loss outside of the tap: what is lost is not heard either.
      createPlane: (sink) => lossyPlane(recorder.around(tappedPlane(createRtpPlane(sink), recorder.sink)), LOSS),
    },
  );
  await host.start();
  const ann = await CallPage.join(browser, url, host, { peerId: "ann", roomId: "red", ...joining });
  const bob = await CallPage.join(browser, url, host, { peerId: "bob", roomId: "red" });
  ann.watch("bob");
  bob.watch("ann");
  await eventually(
    "both see",
    () => Promise.all([ann.stats(), bob.stats()]),
    (both) => both.every(({ inbound }) => inbound.some(({ frames }) => frames > 0)),
    60_000,
  );
  await new Promise((resolve) => setTimeout(resolve, CALL_MS));
  for (const person of [ann, bob]) await person.page.close();
  await host.stop();
  process.stderr.write(`${name}: ${recorder.rtp.length} RTP, ${recorder.rtcp.length} RTCP\n`);
  const { lines, rtcp } = recorder;
  return { name, browser: await browser.version(), lines, rtp: recorder.rtp, rtcp };
}

/** Keeps some of what ann sends. */
class Recorder {
  readonly lines: CorpusLine[] = [];
  readonly rtp: string[] = [];
  readonly rtcp: string[] = [];
  readonly #seen = new Map<number, number>();
  readonly #shapes = new Map<string, number>();
  readonly sink: TapSink = {
    rtp: (peerId, packet) => this.#takeRtp(peerId, packet),
    rtcp: (peerId, packet) => this.#takeRtcp(peerId, packet),
  };

  readonly around = <Plane extends { addReceiver(receiver: PlaneReceiver, nowMs: number): void }>(
    plane: Plane,
  ): Plane => {
    const addReceiver = (receiver: PlaneReceiver, nowMs: number): void => {
      if (receiver.peerId === "ann") this.lines.push(lineOf(receiver));
      plane.addReceiver(receiver, nowMs);
    };
    return new Proxy(plane, {
      get: (target, key) => {
        if (key === "addReceiver") return addReceiver;
        const member: unknown = Reflect.get(target, key, target);
        return typeof member === "function" ? member.bind(target) : member;
      },
    });
  };

  /** A few of each SSRC: its start, then some later ones. */
  #takeRtp(peerId: string, packet: Buffer): void {
    if (peerId !== "ann") return;
    const ssrc = packet.readUInt32BE(8);
    const count = this.#seen.get(ssrc) ?? 0;
    this.#seen.set(ssrc, count + 1);
    const isKept = count < RTP_PACKETS / 2 || (count % 17 === 0 && count < RTP_PACKETS * 9);
    if (!isKept) return;
    const extended = (packet.readUInt8(0) & 16) === 0 ? 12 : 16 + packet.readUInt16BE(14) * 4;
    this.rtp.push(packet.subarray(0, extended + KEPT_PAYLOAD_BYTES).toString("base64"));
  }

  /** A few of each sequence of packet types. */
  #takeRtcp(peerId: string, packet: Buffer): void {
    if (peerId !== "ann" || this.rtcp.length >= RTCP_PACKETS * 3) return;
    const kinds: string[] = [];
    for (let at = 0; at + 4 <= packet.length; at += 4 + packet.readUInt16BE(at + 2) * 4) {
      kinds.push(`${packet.readUInt8(at) & 31}/${packet.readUInt8(at + 1)}`);
    }
    const shape = kinds.join(" ");
    const count = this.#shapes.get(shape) ?? 0;
    this.#shapes.set(shape, count + 1);
    if (count < RTCP_PACKETS / 4) this.rtcp.push(packet.toString("base64"));
  }
}

function lineOf({ track, payloadType, rtxPayloadType, redPayloadType, extensions }: PlaneReceiver): CorpusLine {
  return {
    codec: track.codec.name,
    payloadType,
    ...(rtxPayloadType === undefined ? {} : { rtxPayloadType }),
    ...(redPayloadType === undefined ? {} : { redPayloadType }),
    extensions,
    layers: track.layers,
  };
}
