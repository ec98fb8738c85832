/** The fixed tables of trunks: both ends are nodes of one version range, so nothing is negotiated (trunk version 1). */
import type { CodecName, ConsumerCodec } from "../sfu/index.ts";
import type { ExtensionIds } from "./rtp-plane-types.ts";

export const TRUNK_CODECS: readonly ConsumerCodec[] = [
  { name: "opus", payloadType: 111, rtxPayloadType: 112 },
  { name: "VP8", payloadType: 96, rtxPayloadType: 97 },
  { name: "H264", payloadType: 98, rtxPayloadType: 99 },
  { name: "VP9", payloadType: 100, rtxPayloadType: 101 },
  { name: "AV1", payloadType: 102, rtxPayloadType: 103 },
];

export const TRUNK_EXTENSIONS: ExtensionIds = {
  audioLevel: 1,
  absSendTime: 2,
  transportSequence: 3,
  dependencyDescriptor: 4,
};

/** Redundant audio (RFC 2198). Every node takes it; it is sent only to those that say so, as the first ones did not. */
export const TRUNK_RED = { payloadType: 113, rtxPayloadType: 114 } as const;

export const TRUNK_CODECS_WITH_RED: readonly ConsumerCodec[] = TRUNK_CODECS.map((codec) =>
  codec.name === "opus"
    ? { ...codec, redPayloadType: TRUNK_RED.payloadType, redRtxPayloadType: TRUNK_RED.rtxPayloadType }
    : codec,
);

export function trunkCodec(name: CodecName): ConsumerCodec | undefined {
  return TRUNK_CODECS.find((codec) => codec.name === name);
}
