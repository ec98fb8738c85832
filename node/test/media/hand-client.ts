/**
 * A client made by hand for tests of the media plane: a full ICE agent of the smallest kind, a DTLS client, and SRTP by
 * werift's own sessions, which are an independent judge of ours. It can misbehave where a browser would not.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import {
  ProtectionProfileAes128CmHmacSha1_80,
  RtcpPacketConverter,
  RtpHeader,
  RtpPacket,
  SrtcpSession,
  SrtpSession,
} from "werift";
import { createCertificate, DtlsPeer, fingerprintOf, type SrtpMasterKeys } from "../../src/media/dtls-peer.ts";
import { FrameReader, frame } from "../../src/media/frame-reader.ts";
import { IceControlling } from "../../src/media/ice-controlling.ts";
import { createCredentials } from "../../src/media/ice-lite.ts";
import type { UdpAddress } from "../../src/media/ip-address.ts";
import { dispatchDatagram, type MuxPeer, UdpMux } from "../../src/media/udp-mux.ts";

export interface HandLine {
  readonly mid: string;
  readonly kind: "audio" | "video";
  readonly direction: "sendonly" | "recvonly";
  readonly rids?: readonly string[];
}

export const OPUS_PT = 111;
export const VP8_PT = 96;
export const RTX_PT = 97;
const MID_ID = 4;
const RID_ID = 10;
const RRID_ID = 11;
const TWCC_ID = 3;
const LEVEL_ID = 1;

export class HandClient {
  readonly credentials = createCredentials();
  readonly lines: HandLine[];
  readonly rtp: RtpPacket[] = [];
  readonly rtcp: unknown[] = [];
  /** Datagrams sent to the node, for replaying. */
  readonly sent: Buffer[] = [];
  address: UdpAddress = { host: "127.0.0.1", port: 0, family: 4 };
  node: UdpAddress = { host: "127.0.0.1", port: 0, family: 4 };
  #mux: UdpMux | undefined = undefined;
  #tcp: Socket | undefined = undefined;
  #ice: IceControlling | undefined = undefined;
  #dtls: DtlsPeer | undefined = undefined;
  #srtp: SrtpSession | undefined = undefined;
  #srtcp: SrtcpSession | undefined = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;
  #sdpSession = 1;
  readonly #wakers = new Set<() => void>();
  connected = false;
  closed = false;

  readonly #host: string;

  /** `host`: the loopback address of either family. */
  constructor(lines: readonly HandLine[], host = "127.0.0.1") {
    this.lines = [...lines];
    this.#host = host;
  }

  async offer(): Promise<string> {
    if (this.#mux === undefined) await this.#bind();
    const { value, algorithm } = fingerprintOf(await createCertificate());
    return [
      "v=0",
      `o=- 42 ${this.#sdpSession++} IN IP4 127.0.0.1`,
      "s=-",
      "t=0 0",
      `a=group:BUNDLE ${this.lines.map(({ mid }) => mid).join(" ")}`,
      `a=ice-ufrag:${this.credentials.ufrag}`,
      `a=ice-pwd:${this.credentials.pwd}`,
      `a=fingerprint:${algorithm} ${value}`,
      "a=setup:actpass",
      ...this.lines.flatMap(offerLines),
      "",
    ].join("\r\n");
  }

  /** Takes the first answer and connects; resolves when SRTP keys are there. */
  async connect(answer: string): Promise<void> {
    const find = (pattern: RegExp): string[] => [...(pattern.exec(answer) ?? [])];
    const [, ufrag = ""] = find(/a=ice-ufrag:(\S+)/);
    const [, pwd = ""] = find(/a=ice-pwd:(\S+)/);
    const [, algorithm = "", value = ""] = find(/a=fingerprint:(\S+) (\S+)/);
    const [, port = "0"] = find(/a=candidate:\S+ 1 udp \d+ \S+ (\d+) typ host/);
    this.node = { host: this.#host, port: Number(port), family: this.#host.includes(":") ? 6 : 4 };
    this.#dtls = new DtlsPeer(
      { role: "client", certificate: await createCertificate(), remote: { algorithm, value } },
      {
        send: (bytes) => this.sendRaw(bytes),
        connected: (keys) => this.#handleKeys(keys),
        closed: () => this.#mark("closed"),
        dropped: () => undefined,
      },
    );
    this.#ice = new IceControlling(
      {
        local: this.credentials,
        remote: { ufrag, pwd },
        candidates: [this.node],
        tieBreaker: 1n,
        transactionId: () => randomBytes(12),
      },
      { send: (bytes) => this.#send(bytes), selected: () => this.#startDtls(), state: () => undefined },
      performance.now(),
    );
    this.#tick();
    await this.until(() => this.connected || this.closed);
    if (!this.connected) throw new Error("the handshake failed");
  }

  /** Moves to another port, as a client does whose network changed; the next check nominates from there. */
  async roam(): Promise<void> {
    const old = this.#mux;
    await this.#bind();
    await old?.close();
  }

  sendRaw(bytes: Buffer): void {
    this.sent.push(Buffer.from(bytes));
    this.#send(bytes);
  }

  /** From now on nothing goes by UDP but all over a TCP connection; the next check nominates it. */
  async goToTcp(port = this.node.port): Promise<void> {
    const socket = connect(port, this.#host);
    socket.on("error", () => this.#mark("closed"));
    await once(socket, "connect");
    const frames = new FrameReader(2_048);
    socket.on("data", (chunk) => {
      for (const bytes of frames.read(chunk) ?? []) {
        if ((bytes[0] ?? 255) < 4) this.#handleStun(bytes);
        else dispatchDatagram(bytes, this.#peer);
      }
      for (const wake of this.#wakers) wake();
    });
    this.#tcp = socket;
    await this.#mux?.close();
  }

  #send(bytes: Buffer): void {
    if (this.#tcp !== undefined) this.#tcp.write(frame(bytes));
    else this.#mux?.send(bytes, this.node);
  }

  /** One RTP packet, protected; the header extensions say MID and, with a rid, which layer. */
  sendRtp(input: {
    readonly line: HandLine;
    readonly ssrc: number;
    readonly seq: number;
    readonly timestamp: number;
    readonly payload: Buffer;
    readonly rid?: string;
    readonly marker?: boolean;
    readonly payloadType?: number;
  }): Buffer {
    const { line } = input;
    const extensions = [
      { id: MID_ID, payload: Buffer.from(line.mid) },
      { id: TWCC_ID, payload: Buffer.from([input.seq >> 8, input.seq & 0xff]) },
      ...(input.rid === undefined ? [] : [{ id: RID_ID, payload: Buffer.from(input.rid) }]),
      ...(line.kind === "audio" ? [{ id: LEVEL_ID, payload: Buffer.from([0x80 | 20]) }] : []),
    ];
    const header = new RtpHeader({
      ssrc: input.ssrc,
      sequenceNumber: input.seq & 0xffff,
      timestamp: input.timestamp >>> 0,
      payloadType: input.payloadType ?? (line.kind === "audio" ? OPUS_PT : VP8_PT),
      marker: input.marker ?? true,
      extension: true,
      extensionProfile: 0xbede,
      extensions,
    });
    if (this.#srtp === undefined) throw new Error("not connected");
    const bytes = this.#srtp.encrypt(input.payload, header);
    this.sendRaw(bytes);
    return bytes;
  }

  sendRtcp(plain: Buffer): void {
    if (this.#srtcp === undefined) throw new Error("not connected");
    this.sendRaw(this.#srtcp.encrypt(plain));
  }

  /** Waits until a condition holds; what it reads changes only with datagrams, so it is looked at after each. */
  async until(condition: () => boolean, limitMs = 5_000): Promise<void> {
    const endMs = performance.now() + limitMs;
    while (!condition()) {
      if (performance.now() > endMs) throw new Error("waited too long");
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 20);
        this.#wakers.add(() => {
          clearTimeout(timer);
          resolve();
        });
      });
      this.#wakers.clear();
    }
  }

  /** Ends DTLS with a close_notify and goes on checking. */
  sayGoodbye(): void {
    this.#dtls?.close();
  }

  /** Vanishes without a word. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#ice = undefined;
    this.#tcp?.destroy();
    await this.#mux?.close();
  }

  async #bind(): Promise<void> {
    const mux = new UdpMux(
      { port: 0, host: this.#host },
      {
        stun: (bytes) => this.#handleStun(bytes),
        dropped: () => undefined,
        burstEnd: () => {
          for (const wake of this.#wakers) wake();
        },
        failed: () => undefined,
      },
    );
    const port = await mux.bind();
    this.#mux = mux;
    this.address = { host: this.#host, port, family: this.#host.includes(":") ? 6 : 4 };
    if (this.node.port !== 0) mux.route(this.node, this.#peer);
  }

  readonly #peer: MuxPeer = {
    handleDtls: (bytes) => this.#dtls?.handle(bytes),
    handleRtp: (bytes) => {
      if (this.#srtp !== undefined) this.rtp.push(RtpPacket.deSerialize(this.#srtp.decrypt(bytes)));
    },
    handleRtcp: (bytes) => {
      if (this.#srtcp !== undefined) this.rtcp.push(...RtcpPacketConverter.deSerialize(this.#srtcp.decrypt(bytes)));
    },
  };

  #handleStun(bytes: Buffer): void {
    this.#ice?.handleStun(bytes, performance.now());
    this.#tick();
  }

  #startDtls(): void {
    this.#mux?.route(this.node, this.#peer);
    this.#dtls?.start();
  }

  #tick(): void {
    clearTimeout(this.#timer);
    const ice = this.#ice;
    if (ice === undefined) return;
    ice.handleTimeout(performance.now());
    const waitMs = Math.min(Math.max(1, ice.deadlineMs() - performance.now()), 1_000);
    this.#timer = setTimeout(() => this.#tick(), waitMs);
  }

  #handleKeys(keys: { readonly local: SrtpMasterKeys; readonly remote: SrtpMasterKeys }): void {
    const config = {
      keys: {
        localMasterKey: Buffer.from(keys.local.masterKey),
        localMasterSalt: Buffer.from(keys.local.masterSalt),
        remoteMasterKey: Buffer.from(keys.remote.masterKey),
        remoteMasterSalt: Buffer.from(keys.remote.masterSalt),
      },
      profile: ProtectionProfileAes128CmHmacSha1_80,
    };
    this.#srtp = new SrtpSession(config);
    this.#srtcp = new SrtcpSession(config);
    this.#mark("connected");
  }

  #mark(what: "connected" | "closed"): void {
    this[what] = true;
    for (const wake of this.#wakers) wake();
  }
}

function offerLines(line: HandLine): string[] {
  const audio = line.kind === "audio";
  return [
    `m=${line.kind} 9 UDP/TLS/RTP/SAVPF ${audio ? OPUS_PT : `${VP8_PT} ${RTX_PT}`}`,
    "c=IN IP4 0.0.0.0",
    `a=mid:${line.mid}`,
    `a=${line.direction}`,
    "a=rtcp-mux",
    `a=extmap:${MID_ID} urn:ietf:params:rtp-hdrext:sdes:mid`,
    `a=extmap:${TWCC_ID} http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01`,
    ...(audio
      ? [`a=extmap:${LEVEL_ID} urn:ietf:params:rtp-hdrext:ssrc-audio-level`, `a=rtpmap:${OPUS_PT} opus/48000/2`]
      : [
          `a=extmap:${RID_ID} urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id`,
          `a=extmap:${RRID_ID} urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id`,
          `a=rtpmap:${VP8_PT} VP8/90000`,
          `a=rtcp-fb:${VP8_PT} nack`,
          `a=rtcp-fb:${VP8_PT} nack pli`,
          `a=rtcp-fb:${VP8_PT} transport-cc`,
          `a=rtpmap:${RTX_PT} rtx/90000`,
          `a=fmtp:${RTX_PT} apt=${VP8_PT}`,
        ]),
    ...(line.rids ?? []).map((rid) => `a=rid:${rid} send`),
    ...(line.rids === undefined ? [] : [`a=simulcast:send ${line.rids.join(";")}`]),
  ];
}
