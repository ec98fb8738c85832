// The client end of the benchmark: werift as an ordinary WebRTC client, the same for every server.
import * as werift from "werift";

export { werift };

// Without ICE servers werift asks one of its own choice, far away, and gathers for five seconds until that has not
// answered: five seconds of a server's idling in the CPU of each join.
const { gatherCandidates } = werift.Connection.prototype;
werift.Connection.prototype.gatherCandidates = function gatherHostCandidates() {
  this.stunServer = undefined;
  return gatherCandidates.call(this);
};

const feedback = [
  { type: "nack" },
  { type: "nack", parameter: "pli" },
  { type: "ccm", parameter: "fir" },
  { type: "transport-cc" },
];

export function peerConnection() {
  const host = process.env.BENCH_HOST ?? "127.0.0.1";
  return new werift.RTCPeerConnection({
    iceServers: [],
    iceUseIpv6: false,
    iceInterfaceAddresses: { udp4: host },
    iceAdditionalHostAddresses: [host],
    bundlePolicy: "max-bundle",
    codecs: {
      audio: [
        new werift.RTCRtpCodecParameters({
          mimeType: "audio/opus",
          clockRate: 48_000,
          channels: 2,
          payloadType: 111,
          parameters: "minptime=10;useinbandfec=1",
          rtcpFeedback: [{ type: "transport-cc" }],
        }),
      ],
      video: [
        new werift.RTCRtpCodecParameters({
          mimeType: "video/VP8",
          clockRate: 90_000,
          payloadType: 96,
          rtcpFeedback: feedback,
        }),
        new werift.RTCRtpCodecParameters({
          mimeType: "video/rtx",
          clockRate: 90_000,
          payloadType: 97,
          parameters: "apt=96",
        }),
      ],
    },
    headerExtensions: {
      audio: [
        werift.useSdesMid(),
        werift.useAbsSendTime(),
        werift.useTransportWideCC(),
        werift.useAudioLevelIndication(),
      ],
      video: [
        werift.useSdesMid(),
        werift.useAbsSendTime(),
        werift.useTransportWideCC(),
        werift.useSdesRTPStreamId(),
        werift.useRepairedRtpStreamId(),
      ],
    },
  });
}

export function connected(pc, limitMs = 20_000) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`not connected in ${limitMs} ms: ${pc.connectionState}`)), limitMs);
    const check = () => {
      if (pc.connectionState !== "connected") return;
      clearTimeout(timer);
      resolve();
    };
    pc.connectionStateChange.subscribe(check);
    check();
  });
}
