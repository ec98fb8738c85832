/** An RTP plane behind a bad link: drops SRTP (never SRTCP) at random, seeded, in each direction. */
import type { RtpPlaneApi } from "../../src/media/rtp-plane-types.ts";

export interface Loss {
  /** Of what clients send. */
  readonly inRatio: number;
  /** Of what the node sends. */
  readonly outRatio: number;
}

const isRtcp = (datagram: Uint8Array): boolean => (datagram[1] ?? 0) >= 192 && (datagram[1] ?? 0) <= 223;

export function lossyPlane(plane: RtpPlaneApi, loss: Loss): RtpPlaneApi {
  let state = 0x2545f491;
  const lost = (ratio: number): boolean => {
    // xorshift32, Marsaglia 2003.
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32 < ratio;
  };
  return new Proxy(plane, {
    get(target, name) {
      if (name === "handleSrtp") {
        return (...input: Parameters<RtpPlaneApi["handleSrtp"]>) => lost(loss.inRatio) || target.handleSrtp(...input);
      }
      if (name === "addPeer") {
        return (...[peer, nowMs]: Parameters<RtpPlaneApi["addPeer"]>) => {
          const send = (datagram: Uint8Array): void => {
            if (isRtcp(datagram) || !lost(loss.outRatio)) peer.transport.send(datagram);
          };
          return target.addPeer({ ...peer, transport: { send } }, nowMs);
        };
      }
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}
