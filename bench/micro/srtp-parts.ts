/** Packets, keys and kernels for the SRTP benchmark. */
import { FastKernel } from "../../node/src/media/srtp/fast-kernel.ts";
import type { SrtpKernel } from "../../node/src/media/srtp/kernel.ts";
import { PlainKernel } from "../../node/src/media/srtp/plain-kernel.ts";
import { ExtensionTable, RtpView } from "../../node/src/sfu/index.ts";
import { rtpPacket } from "../../node/test/sfu/srtp-client.ts";

export { RtpRewrite } from "../../node/src/sfu/index.ts";
export { SrtpSession } from "../../node/test/sfu/srtp-client.ts";

const MEMORY_BYTES = 32 << 20;

export function master(seed: number): { key: Uint8Array; salt: Uint8Array } {
  const bytes = (length: number) => Uint8Array.from({ length }, (_, i) => (seed * 31 + i * 7) & 255);
  return { key: bytes(16), salt: bytes(14) };
}

export function createKernel(plain: boolean): SrtpKernel {
  const kernel = plain ? undefined : FastKernel.create(MEMORY_BYTES);
  return kernel ?? new PlainKernel(MEMORY_BYTES);
}

export function packetOf(seq: number, payloadBytes: number): Buffer {
  return rtpPacket({ payloadType: 96, seq, timestamp: 1, ssrc: 1, payload: Buffer.alloc(payloadBytes, seq & 255) });
}

export function viewOf(kernel: SrtpKernel, packet: Buffer): RtpView {
  const at = kernel.arena.allocate(2048);
  kernel.arena.bytes.set(packet, at);
  const view = new RtpView();
  view.parse(kernel.arena.bytes, at, packet.length, new ExtensionTable());
  return view;
}
