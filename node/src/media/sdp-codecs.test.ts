import { expect, test } from "@jest/globals";
import { commonCodecs, readFmtp } from "./sdp-codecs.ts";
import type { OfferedCodec, OfferedMedia } from "./sdp-parse.ts";

const offered = (payloadType: number, encoding: string, fmtp = "", feedback: readonly string[] = []): OfferedCodec => ({
  payloadType,
  encoding,
  fmtp,
  feedback,
});
const line = (kind: "audio" | "video", codecs: readonly OfferedCodec[]): OfferedMedia => ({
  kind,
  protocol: "UDP/TLS/RTP/SAVPF",
  formats: codecs.map(({ payloadType }) => String(payloadType)),
  active: true,
  mid: "0",
  direction: "recvonly",
  codecs,
  extensions: new Map(),
  rids: [],
  ssrcs: [],
  fid: undefined,
  rtcpMux: true,
});
const video = (...codecs: OfferedCodec[]) => commonCodecs(line("video", codecs), "video");
const fmtpOf = (encoding: string, fmtp: string): string | undefined => {
  const [codec] = commonCodecs(
    line(encoding.startsWith("opus") ? "audio" : "video", [offered(96, encoding, fmtp)]),
    encoding.startsWith("opus") ? "audio" : "video",
  );
  return codec === undefined ? undefined : (codec.info.fmtp ?? "");
};

test("[G23] each codec of ours is taken once, in the client's order, with its own retransmission and feedback", () => {
  const codecs = video(
    offered(98, "VP9/90000", "profile-id=0", ["nack", "goog-remb", "transport-cc"]),
    offered(99, "rtx/90000", "apt=98"),
    offered(100, "VP9/90000", "profile-id=2"),
    offered(101, "rtx/90000", "apt=100"),
    offered(40, "VP8/90000", "max-fs=12288;max-fr=60"),
    offered(41, "VP8/90000"),
    offered(118, "red/90000"),
    offered(120, "ulpfec/90000"),
    offered(119, "flexfec-03/90000", "repair-window=10000000"),
  );
  expect(
    codecs.map(({ info, payloadType, rtxPayloadType, feedback }) => [info.name, payloadType, rtxPayloadType, feedback]),
  ).toEqual([
    ["VP9", 98, 99, ["nack", "transport-cc"]],
    ["VP8", 40, undefined, []],
  ]);
});

test.each([
  [
    "constrained baseline as browsers write it",
    "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
    "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
  ],
  [
    "the same by constraint_set1 alone",
    "packetization-mode=1;level-asymmetry-allowed=1;profile-level-id=42401F",
    "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
  ],
  [
    "the same as a constrained main profile",
    "packetization-mode=1;level-asymmetry-allowed=1;profile-level-id=4d8028",
    "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
  ],
  [
    "the same as a constrained extended profile",
    "packetization-mode=1;level-asymmetry-allowed=1;profile-level-id=58c01f",
    "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
  ],
  [
    "a lower level without asymmetry",
    "packetization-mode=1;profile-level-id=42e015",
    "packetization-mode=1;profile-level-id=42e015",
  ],
  [
    "a higher level without asymmetry",
    "packetization-mode=1; profile-level-id=42e034",
    "packetization-mode=1;profile-level-id=42e01f",
  ],
  [
    "baseline at a higher level",
    "packetization-mode=1;profile-level-id=420034",
    "packetization-mode=1;profile-level-id=42001f",
  ],
  ["main", "packetization-mode=1;profile-level-id=4d0015", "packetization-mode=1;profile-level-id=4d0015"],
  [
    "constrained high",
    "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=640c34",
    "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=640c1f",
  ],
  ["high", "packetization-mode=1;profile-level-id=64001f", "packetization-mode=1;profile-level-id=64001f"],
  ["high with 10 bits, which nobody decodes", "packetization-mode=1;profile-level-id=6e001f", undefined],
  ["single NAL units only", "packetization-mode=0;profile-level-id=42e01f", undefined],
  ["no packetization mode", "profile-level-id=42e01f", undefined],
  [
    "no profile, which means baseline at level 1",
    "packetization-mode=1",
    "packetization-mode=1;profile-level-id=42000a",
  ],
  ["no hexadecimal profile", "packetization-mode=1;profile-level-id=42e0zz", undefined],
  ["a longer profile", "packetization-mode=1;profile-level-id=42e01f00", undefined],
])("[G23] H264: %s", (_what, fmtp, answer) => {
  expect(fmtpOf("H264/90000", fmtp)).toBe(answer);
});

test("[G23] H264: of several profiles each is taken, constrained baseline first, whatever the client's order of them", () => {
  const h264 = (payloadType: number, id: string) =>
    offered(payloadType, "H264/90000", `level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=${id}`);
  const codecs = video(h264(102, "42001f"), h264(108, "42e01f"), offered(96, "VP8/90000"), h264(39, "4d001f"));
  expect(codecs.map(({ info, payloadType }) => [info.name, info.profile, payloadType])).toEqual([
    ["H264", undefined, 108],
    ["H264", "baseline", 102],
    ["H264", "main", 39],
    ["VP8", undefined, 96],
  ]);
});

test.each([
  ["behind Opus", [offered(111, "opus/48000/2"), offered(63, "red/48000/2", "111/111")], 63, false],
  ["before Opus", [offered(63, "red/48000/2", "111/111"), offered(111, "opus/48000/2")], 63, true],
  ["of another payload type", [offered(111, "opus/48000/2"), offered(63, "red/48000/2", "0/111")], undefined, false],
  ["of one block", [offered(111, "opus/48000/2"), offered(63, "red/48000/2", "111")], undefined, false],
  ["without blocks", [offered(111, "opus/48000/2"), offered(63, "red/48000/2")], undefined, false],
] as const)("[G23] redundant audio %s", (_what, codecs, redPayloadType, prefersRed) => {
  expect(commonCodecs(line("audio", codecs), "audio")).toMatchObject([
    { info: { name: "opus" }, payloadType: 111, redPayloadType, prefersRed },
  ]);
});

test.each([
  ["VP9/90000", "", "profile-id=0"],
  ["VP9/90000", "profile-id=0", "profile-id=0"],
  ["VP9/90000", "profile-id=2", undefined],
  ["AV1/90000", "", "level-idx=5;profile=0;tier=0"],
  ["AV1/90000", "level-idx=8;profile=0;tier=0", "level-idx=8;profile=0;tier=0"],
  ["AV1/90000", "profile=1", undefined],
  ["AV1/90000", "tier=1", undefined],
  ["AV1/90000", "level-idx=32", undefined],
  ["VP8/90000", "max-fs=12288", ""],
  ["H265/90000", "profile-id=1", undefined],
])("[G23] %s with %j is answered with %j", (encoding, fmtp, answer) => {
  expect(fmtpOf(encoding, fmtp)).toBe(answer);
});

test.each([
  ["minptime=10;useinbandfec=1", "minptime=10;useinbandfec=1"],
  ["", "minptime=10;useinbandfec=1"],
  ["minptime=10;useinbandfec=1;usedtx=1", "minptime=10;useinbandfec=1;usedtx=1"],
  ["stereo=1; sprop-stereo=1 ;usedtx=0", "minptime=10;useinbandfec=1;stereo=1"],
  ["maxaveragebitrate=510000;cbr=1", "minptime=10;useinbandfec=1"],
])("[G23] Opus offered with %j is answered with %j", (fmtp, answer) => {
  expect(fmtpOf("opus/48000/2", fmtp)).toBe(answer);
});

test("format parameters are read whatever their spaces and case", () => {
  expect([...readFmtp(" A=1;b = x=y ;; 0-15;")]).toEqual([
    ["a", "1"],
    ["b", "x=y"],
    ["0-15", ""],
  ]);
});
