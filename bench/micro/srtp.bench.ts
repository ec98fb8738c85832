/**
 * Our SRTP and SRTCP by themselves, 1,100-byte packets and 48-byte feedback, in µs of CPU each: protect for 1 receiver
 * (every group of four lanes is three quarters empty) and for 100, unprotect, SRTCP both ways. `plain=1`: the node:crypto twin.
 */

import type { SrtpKernel } from "../../node/src/media/srtp/kernel.ts";
import { deriveSessionKeys } from "../../node/src/media/srtp/key-derivation.ts";
import { EgressStream, Protector } from "../../node/src/media/srtp/protect.ts";
import { SrtcpReceiver, SrtcpSender, SrtcpWorkspace } from "../../node/src/media/srtp/srtcp.ts";
import { IngressStream, Unprotector } from "../../node/src/media/srtp/unprotect.ts";
import { ExtensionTable, RtpView } from "../../node/src/sfu/index.ts";
import { createKernel, master, packetOf, RtpRewrite, SrtpSession, viewOf } from "./srtp-parts.ts";

const SHAPE = { mid: "v0", midId: 1, absSendTimeId: 2, transportSequenceId: 3, audioLevelId: 0 };

/** Median of seven rounds after two to warm up. */
function micros(count: number, work: () => void): number {
  const costs: number[] = [];
  for (let round = 0; round < 9; round++) {
    const before = process.cpuUsage();
    work();
    const used = process.cpuUsage(before);
    if (round > 1) costs.push((used.user + used.system) / count);
  }
  costs.sort((a, b) => a - b);
  return Number((costs[3] ?? 0).toFixed(3));
}

function protectCost(kernel: SrtpKernel, receivers: number): number {
  const transport = { send: () => undefined };
  const streams = Array.from({ length: receivers }, (_, i) => {
    const key = kernel.openKey(deriveSessionKeys(master(i), "rtp"));
    const peer = { key, transport, packetsSent: 0, bytesSent: 0 };
    const stream = EgressStream.open(kernel, peer, { ...SHAPE, ssrc: i, payloadBytes: 1200, batchPackets: 16 });
    if (stream === undefined) throw new Error("packet memory is full");
    return stream;
  });
  const view = viewOf(kernel, packetOf(1, 1042));
  const protector = new Protector(kernel);
  const rewrite = new RtpRewrite();
  const packets = Math.ceil(20_000 / receivers);
  return micros(packets * receivers, () => {
    for (let i = 0; i < packets; i++) {
      rewrite.extSeq++;
      for (const stream of streams) protector.send(stream, view, rewrite);
      protector.flush();
    }
  });
}

function unprotectCost(kernel: SrtpKernel): number {
  const key = kernel.openKey(deriveSessionKeys(master(1), "rtp"));
  const stream = new IngressStream(kernel, key, { ssrc: 1, payloadBytes: 1200, batchPackets: 8 });
  const session = new SrtpSession(master(1));
  const unprotector = new Unprotector(kernel);
  const datagrams = Array.from({ length: 9 * 4000 }, (_, seq) => session.protect(packetOf(seq & 0xffff, 1042)));
  const [view, table] = [new RtpView(), new ExtensionTable()];
  let at = 0;
  return micros(4000, () => {
    for (let i = 0; i < 4000; i++) {
      const datagram = datagrams[at++];
      if (datagram === undefined) throw new Error("out of packets");
      view.parse(datagram, 0, datagram.length - 10, table);
      if (unprotector.open(stream, datagram, view) !== undefined) throw new Error("refused");
    }
  });
}

function rtcpCosts(kernel: SrtpKernel): { srtcpProtect: number; srtcpUnprotect: number } {
  const workspace = new SrtcpWorkspace(kernel);
  const key = kernel.openKey(deriveSessionKeys(master(1), "rtcp"));
  const sender = new SrtcpSender(workspace, key, 7);
  const plain = Buffer.alloc(48);
  plain.writeUInt32BE(0x8fcd000b, 0);
  plain.writeUInt32BE(7, 4);
  const srtcpProtect = micros(4000, () => {
    for (let i = 0; i < 4000; i++) sender.protect(plain);
  });
  const session = new SrtpSession(master(1));
  const datagrams = Array.from({ length: 9 * 4000 }, () => session.protectRtcp(plain));
  const receiver = new SrtcpReceiver(workspace, key);
  let at = 0;
  const srtcpUnprotect = micros(4000, () => {
    for (let i = 0; i < 4000; i++) {
      if (typeof receiver.open(datagrams[at++] ?? plain) === "string") throw new Error("refused");
    }
  });
  return { srtcpProtect, srtcpUnprotect };
}

export function run(options: Record<string, string>) {
  const plain = options["plain"] === "1";
  return {
    bench: "srtp",
    kernel: plain ? "plain" : "fast",
    node: process.version,
    protectFor100: protectCost(createKernel(plain), 100),
    protectFor1: protectCost(createKernel(plain), 1),
    unprotect: unprotectCost(createKernel(plain)),
    ...rtcpCosts(createKernel(plain)),
  };
}
