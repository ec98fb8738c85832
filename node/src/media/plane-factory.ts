/** Makes the RTP plane of a worker. */
import { RtpPlane } from "./rtp-plane.ts";
import type { RtpPlaneApi, RtpPlaneSink } from "./rtp-plane-types.ts";

export function createRtpPlane(sink: RtpPlaneSink): RtpPlaneApi {
  return new RtpPlane(sink);
}
