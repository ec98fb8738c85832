/** What a planned line is to the RTP plane, and to whoever asked for it. Pure. */
import type { NegotiateResult } from "./control.ts";
import type { PlaneReceiver, PlaneSlot } from "./rtp-plane-types.ts";
import type { PlannedLine, ReceiveLine, SendLine } from "./sdp-plan.ts";

interface Owner {
  readonly peerId: string;
  readonly roomId: string;
}

export function planeReceiver({ peerId, roomId }: Owner, line: ReceiveLine): PlaneReceiver {
  const { payloadType, rtxPayloadType, redPayloadType, feedback } = line.codec;
  return {
    peerId,
    roomId,
    mid: line.mid,
    track: line.track,
    payloadType,
    ...(rtxPayloadType === undefined ? {} : { rtxPayloadType }),
    ...(redPayloadType === undefined ? {} : { redPayloadType }),
    nack: feedback.includes("nack"),
    extensions: line.extensions,
    ...(line.ssrc === undefined ? {} : { ssrc: line.ssrc }),
    ...(line.rtxSsrc === undefined ? {} : { rtxSsrc: line.rtxSsrc }),
  };
}

export function planeSlot({ peerId, roomId }: Owner, line: SendLine): PlaneSlot {
  return {
    peerId,
    roomId,
    mid: line.mid,
    kind: line.kind,
    ssrc: line.ssrc,
    ...(line.rtxSsrc === undefined ? {} : { rtxSsrc: line.rtxSsrc }),
    codecs: line.codecs.map(({ info, payloadType, rtxPayloadType, redPayloadType }) => ({
      name: info.name,
      ...(info.name === "H264" ? { profile: info.profile ?? "" } : {}),
      payloadType,
      ...(rtxPayloadType === undefined ? {} : { rtxPayloadType }),
      ...(redPayloadType === undefined ? {} : { redPayloadType }),
    })),
    extensions: line.extensions,
  };
}

/** Equal texts: the plane need not be told of a line again. */
export function planeText(owner: Owner, line: PlannedLine): string {
  if (line.role === "receive") return JSON.stringify(planeReceiver(owner, line));
  return line.role === "send" ? JSON.stringify(planeSlot(owner, line)) : line.role;
}

export function slotOf({ mid, kind, codecs }: SendLine): NegotiateResult["slots"][number] {
  const h264 = codecs.filter(({ info }) => info.name === "H264").map(({ info }) => info.profile ?? "");
  const names = new Set(codecs.map(({ info }) => info.name));
  return { mid, kind, codecs: [...names], ...(h264.length > 0 ? { h264Profiles: h264 } : {}) };
}
