import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { TrackSource } from "#protocol";
import { writeAnswer } from "./sdp-answer.ts";
import { MAX_MEDIA_LINES, MAX_SDP_CHARS, type ParsedOffer, parseFingerprint, parseOffer } from "./sdp-parse.ts";
import { type OwnTrack, type PlannedLine, type PlanResult, planSession, type SessionPlan } from "./sdp-plan.ts";

const fixture = (name: string): string =>
  readFileSync(join(import.meta.dirname, `../../test/fixtures/sdp/${name}.sdp`), "utf8");
const BROWSERS = ["chromium", "firefox"] as const;

function offered(sdp: string): ParsedOffer {
  const result = parseOffer(sdp);
  if (!result.ok) throw new Error(`${result.code}: ${result.detail}`);
  return result.offer;
}

let lastSsrc = 0;
const plan = (sdp: string, tracks: readonly OwnTrack[] = [], previous?: SessionPlan): PlanResult =>
  planSession({ offer: offered(sdp), tracks, previous, newSsrc: () => ++lastSsrc });
function planned(sdp: string, tracks?: readonly OwnTrack[], previous?: SessionPlan): SessionPlan {
  const result = plan(sdp, tracks, previous);
  if (!result.ok) throw new Error(`${result.code}: ${result.detail}`);
  return result.plan;
}

const TRANSPORT = {
  ice: { ufrag: "abcdefgh", pwd: "p".repeat(32) },
  fingerprint: { algorithm: "sha-256", value: Array.from({ length: 32 }, () => "0A").join(":") },
  candidates: [
    { host: "127.0.0.1", port: 41_000, priority: 5 },
    { host: "127.0.0.1", port: 41_000, priority: 4, tcp: true },
  ],
  sessionId: "77",
  version: 1,
};
const track = (mid: string, source: TrackSource): OwnTrack => ({ mid, source, trackId: `${mid}-${source}` });
const line = <Role extends PlannedLine["role"]>(session: SessionPlan, mid: string, role: Role) => {
  const found = session.lines.find((candidate) => candidate.mid === mid);
  if (found?.role !== role) throw new Error(`line ${mid} is ${found?.role}`);
  return found as Extract<PlannedLine, { role: Role }>;
};

/** A small offer of our own, to change at will. */
function smallOffer(sections: readonly string[], session: readonly string[] = []): string {
  const mids = sections.map((section) => /a=mid:(\S+)/.exec(section)?.[1] ?? "?");
  return [
    "v=0",
    "o=- 1 2 IN IP4 127.0.0.1",
    "s=-",
    "t=0 0",
    `a=group:BUNDLE ${mids.join(" ")}`,
    "a=ice-ufrag:user",
    "a=ice-pwd:0123456789012345678901",
    `a=fingerprint:sha-256 ${TRANSPORT.fingerprint.value}`,
    "a=setup:actpass",
    ...session,
    ...sections,
    "",
  ].join("\r\n");
}
const opus = (mid: string, direction: string, ...more: string[]): string =>
  [
    "m=audio 9 UDP/TLS/RTP/SAVPF 111",
    `a=mid:${mid}`,
    `a=${direction}`,
    "a=rtcp-mux",
    "a=rtpmap:111 opus/48000/2",
    ...more,
  ].join("\r\n");
const vp8 = (mid: string, direction: string, ...more: string[]): string =>
  [
    "m=video 9 UDP/TLS/RTP/SAVPF 96 97",
    `a=mid:${mid}`,
    `a=${direction}`,
    "a=rtcp-mux",
    "a=rtpmap:96 VP8/90000",
    "a=rtcp-fb:96 nack",
    "a=rtpmap:97 rtx/90000",
    "a=fmtp:97 apt=96",
    ...more,
  ].join("\r\n");

describe.each(BROWSERS)("an offer of %s", (browser) => {
  test("[G11] with simulcast is planned as a microphone, a camera of three layers and two slots", () => {
    const session = planned(fixture(`${browser}-simulcast`), [track("0", "microphone"), track("1", "camera")]);
    expect(session.lines.map(({ role }) => role)).toEqual(["receive", "receive", "send", "send"]);
    expect(line(session, "0", "receive")).toMatchObject({
      track: { kind: "audio", codec: { name: "opus" }, layers: [""] },
    });
    const camera = line(session, "1", "receive");
    expect(camera.track.layers).toEqual(["q", "h", "f"]);
    expect(camera.codec).toMatchObject({ info: { name: "VP8" }, rtxPayloadType: expect.any(Number) });
    expect(camera.codec.feedback).toEqual(["nack", "nack pli", "ccm fir", "transport-cc"]);
    for (const id of Object.values(camera.extensions)) expect(id).toBeGreaterThan(0);
    expect(Object.keys(camera.extensions)).toEqual(
      expect.arrayContaining(["mid", "rid", "repairedRid", "transportSequence"]),
    );
    expect(line(session, "3", "send").rtxSsrc).toBeDefined();
    expect(line(session, "2", "send").rtxSsrc).toBeUndefined();
  });

  test("[G22] numbers a slot's packets for the estimator where the browser reports on them", () => {
    const session = planned(fixture(`${browser}-simulcast`), [track("0", "microphone"), track("1", "camera")]);
    const answer = writeAnswer(session, TRANSPORT).split("\r\nm=");
    for (const [index, mid] of ["2", "3"].entries()) {
      const slot = line(session, mid, "send");
      expect(slot.codecs[0]?.feedback).toContain("transport-cc");
      expect(slot.extensions.transportSequence).toBeGreaterThan(0);
      expect(answer[3 + index]).toContain(" transport-cc\r\n");
    }
    const silent = planned(fixture(`${browser}-simulcast`).replaceAll(" transport-cc\r\n", " x\r\n"));
    for (const mid of ["2", "3"]) expect(line(silent, mid, "send").extensions.transportSequence).toBeUndefined();
  });

  test("[G11][G27] without simulcast names the SSRCs, and a data channel is agreed beside it", () => {
    const session = planned(fixture(`${browser}-single`), [track("0", "microphone"), track("1", "camera")]);
    expect(session.lines.map(({ role }) => role)).toEqual(["receive", "receive", "send", "send", "data"]);
    const camera = line(session, "1", "receive");
    expect([camera.ssrc, camera.rtxSsrc]).toEqual([expect.any(Number), expect.any(Number)]);
    const answer = writeAnswer(session, TRANSPORT);
    expect(answer).toMatch(/m=application 9 UDP\/DTLS\/SCTP webrtc-datachannel\r\nc=IN.*\r\na=mid:4\r\n/);
    expect(answer).toContain("a=sctp-port:5000\r\na=max-message-size:16384\r\n");
    expect(answer).toContain("a=group:BUNDLE 0 1 2 3 4\r\n");
    const old = planned(fixture(`${browser}-single`).replace("a=sctp-port:5000\r\n", ""));
    expect(old.lines[4]?.role).toBe("rejected");
  });

  // Property: an offer with pieces cut, doubled, swapped or garbled is planned or refused by code, and never throws.
  test("[G12] damaged at will is answered or refused by code", () => {
    const lines = fixture(`${browser}-simulcast`).split("\r\n");
    const damage = fc.array(
      fc.tuple(
        fc.nat({ max: lines.length - 1 }),
        fc.constantFrom("cut", "double", "garble", "shorten", "swap"),
        fc.string({ maxLength: 20 }),
      ),
      { minLength: 1, maxLength: 6 },
    );
    fc.assert(
      fc.property(damage, (hits) => {
        const parsed = parseOffer(damagedText(lines, hits));
        if (!parsed.ok) return /^sdp_(malformed|unsupported|too_large)$/.test(parsed.code);
        const result = planSession({
          offer: parsed.offer,
          tracks: [track("1", "camera")],
          previous: undefined,
          newSsrc: () => 1,
        });
        if (!result.ok) return /^sdp_(malformed|unsupported)$/.test(result.code);
        return writeAnswer(result.plan, TRANSPORT)
          .split("\r\n")
          .every((text) => text === "" || /^[a-z]=\S/.test(text));
      }),
      { seed: 21, numRuns: 400 },
    );
  });
});

describe("the answer", () => {
  test("[G11] is ICE-lite at session level, passive, one bundle, candidates once, and mirrors each line", () => {
    const answer = writeAnswer(
      planned(fixture("chromium-simulcast"), [track("0", "microphone"), track("1", "camera")]),
      TRANSPORT,
    );
    const [head = "", ...sections] = answer.split("\r\nm=");
    expect(head).toContain("\r\na=ice-lite");
    expect(sections.join()).not.toContain("ice-lite");
    expect(answer.match(/a=candidate:/g)).toHaveLength(2);
    expect(answer).toContain("a=candidate:2 1 tcp 4 127.0.0.1 41000 typ host tcptype passive\r\n");
    expect(answer).toContain("a=candidate:1 1 udp 5 127.0.0.1 41000 typ host\r\n");
    expect(answer.match(/a=setup:passive/g)).toHaveLength(4);
    expect(sections[1]).toContain(
      "a=recvonly\r\na=rid:q recv\r\na=rid:h recv\r\na=rid:f recv\r\na=simulcast:recv q;h;f",
    );
    expect(sections[3]).toMatch(
      /a=sendonly\r\na=msid:slot-3 slot-3\r\na=ssrc-group:FID (\d+) (\d+)\r\na=ssrc:\1 cname:slot-3\r\na=ssrc:\2 /,
    );
    expect(sections[2]).toContain("a=fmtp:111 minptime=10;useinbandfec=1");
    expect(answer).not.toMatch(/video-orientation|playout-delay|red\/90000/);
  });

  test("[G23][G33] a slot takes every codec that the client decodes and asks for its times, a track the one that it prefers", () => {
    const session = planned(fixture("chromium-simulcast"), [track("0", "microphone"), track("1", "camera")]);
    const slot = line(session, "3", "send");
    expect([...new Set(slot.codecs.map(({ info }) => info.name))]).toEqual(["VP8", "VP9", "H264", "AV1"]);
    const [, ...sections] = writeAnswer(session, TRANSPORT).split("\r\nm=");
    expect(sections[3]).toMatch(/^video 9 UDP\/TLS\/RTP\/SAVPF( \d+){8,14}\r\n/);
    expect(sections[3]).toContain(`a=rtcp-fb:${slot.codecs[0]?.payloadType} rrtr\r\n`);
    expect(sections[1]).not.toContain("rrtr");
    expect([sections[0], sections[2]].map((section) => section?.slice(0, 30))).toEqual([
      "audio 9 UDP/TLS/RTP/SAVPF 111 ",
      "audio 9 UDP/TLS/RTP/SAVPF 111 ",
    ]);
    expect(sections[2]).toContain("a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n");
    expect(sections[3]).toContain("packetization-mode=1;profile-level-id=42e01f");
    expect(sections[1]).not.toMatch(/H264|VP9|AV1|dependency-descriptor/);
    const firefox = planned(fixture("firefox-simulcast"));
    expect(line(firefox, "3", "send").codecs.map(({ info }) => info.name)).toEqual(["VP8", "VP9", "AV1"]);
  });

  test("[G23] the dependency descriptor is agreed for VP9 and AV1, on slots only with mixed header forms", () => {
    const sdp = fixture("chromium-simulcast").replace(/(m=video 9 \S+)(.*?) 45 46/, "$1 45 46$2");
    const session = planned(sdp, [track("0", "microphone"), track("1", "camera")]);
    expect(line(session, "1", "receive").track.codec.name).toBe("AV1");
    expect(line(session, "1", "receive").extensions.dependencyDescriptor).toBe(12);
    expect(line(session, "3", "send").extensions.dependencyDescriptor).toBe(12);
    const strict = planned(sdp.replace("a=extmap-allow-mixed\r\n", ""));
    expect(line(strict, "3", "send").extensions.dependencyDescriptor).toBeUndefined();
    const vp8Camera = planned(fixture("chromium-simulcast"), [track("1", "camera")]);
    expect(line(vp8Camera, "1", "receive").extensions.dependencyDescriptor).toBeUndefined();
  });

  test("[G11] a sent line that is nobody's track, and an inactive one, are inactive; a stopped one is refused", () => {
    const stopped = opus("3", "inactive").replace("m=audio 9", "m=audio 0");
    const session = planned(smallOffer([opus("0", "sendonly"), vp8("1", "sendonly"), opus("2", "inactive"), stopped]), [
      track("0", "microphone"),
    ]);
    expect(session.lines.map(({ role }) => role)).toEqual(["receive", "inactive", "inactive", "rejected"]);
    expect(writeAnswer(session, TRANSPORT)).toContain("a=group:BUNDLE 0 1 2\r\n");
  });

  test("[G11] a bundle-only line has port 0 and is no stopped line", () => {
    const bundleOnly = vp8("1", "recvonly", "a=bundle-only").replace("m=video 9", "m=video 0");
    expect(planned(smallOffer([opus("0", "recvonly"), bundleOnly])).lines.map(({ role }) => role)).toEqual([
      "send",
      "send",
    ]);
  });

  test("[G11] a client that sends and receives on one line gets a track on its own lines and slots elsewhere", () => {
    const session = planned(smallOffer([opus("0", "sendrecv"), opus("1", "sendrecv")]), [track("0", "microphone")]);
    expect(session.lines.map(({ role }) => role)).toEqual(["receive", "send"]);
  });
});

describe("a later offer on the same transport", () => {
  const first = [opus("0", "sendonly"), opus("1", "recvonly"), vp8("2", "recvonly")];

  test("[G13] with more lines keeps every SSRC and payload type of the lines before", () => {
    const before = planned(smallOffer(first), [track("0", "microphone")]);
    const after = planned(
      smallOffer([...first, vp8("3", "sendonly"), vp8("4", "recvonly")]),
      [track("0", "microphone"), track("3", "camera")],
      before,
    );
    expect(after.lines.slice(0, 3)).toEqual(before.lines);
    expect(after.lines.slice(3).map(({ role }) => role)).toEqual(["receive", "send"]);
    const ssrcs = [...after.slotSsrcs.values()].flatMap(({ ssrc, rtxSsrc }) => [ssrc, rtxSsrc]);
    expect(new Set(ssrcs).size).toBe(6);
  });

  test("[G13] a slot that paused gets its SSRCs back; a reused line gets new ones", () => {
    const before = planned(smallOffer(first));
    const { ssrc } = line(before, "2", "send");
    const paused = planned(smallOffer([...first.slice(0, 2), vp8("2", "inactive")]), [], before);
    expect(line(paused, "2", "inactive")).toBeDefined();
    expect(line(planned(smallOffer(first), [], paused), "2", "send").ssrc).toBe(ssrc);
    const stopped = planned(
      smallOffer([...first.slice(0, 2), vp8("2", "inactive").replace("m=video 9", "m=video 0")]),
      [],
      before,
    );
    const reused = planned(smallOffer([...first.slice(0, 2), vp8("9", "recvonly")]), [], stopped);
    expect(line(reused, "9", "send").ssrc).not.toBe(ssrc);
    expect([...reused.slotSsrcs.keys()].sort()).toEqual(["1", "9"]);
  });

  test.each([
    ["fewer lines", first.slice(0, 2)],
    ["another mid on a live line", [...first.slice(0, 2), vp8("7", "recvonly")]],
    ["another kind on a live line", [...first.slice(0, 2), opus("2", "recvonly")]],
  ])("[G13] %s is refused", (_what, sections) => {
    const before = planned(smallOffer(first));
    expect(plan(smallOffer(sections), [], before)).toMatchObject({ ok: false, code: "sdp_malformed" });
  });
});

describe("what is refused", () => {
  const fine = smallOffer([opus("0", "sendonly")]);
  test.each([
    ["nothing", "", "sdp_malformed"],
    ["no media line", smallOffer([]), "sdp_malformed"],
    ["words", "hello\r\nworld", "sdp_malformed"],
    ["a binary line", fine.replace("s=-", "s=\0"), "sdp_malformed"],
    ["a mid twice", smallOffer([opus("0", "sendonly"), opus("0", "sendonly")]), "sdp_malformed"],
    ["no mid", fine.replace("a=mid:0\r\n", ""), "sdp_malformed"],
    ["a mid that is no token", fine.replace("a=mid:0", "a=mid:a b"), "sdp_malformed"],
    ["a payload type of 300", fine.replaceAll("111", "300"), "sdp_malformed"],
    ["a short ICE password", fine.replace("0123456789012345678901", "short"), "sdp_malformed"],
    [
      "two extensions with one id",
      smallOffer([opus("0", "sendonly", "a=extmap:1 urn:a", "a=extmap:1 urn:b")]),
      "sdp_malformed",
    ],
    ["an SSRC of 33 bits", smallOffer([opus("0", "sendonly", "a=ssrc:8589934592 cname:x")]), "sdp_malformed"],
    ["simulcast without rid lines", smallOffer([vp8("0", "sendonly", "a=simulcast:send q;h")]), "sdp_malformed"],
    ["a MD5 fingerprint", fine.replace(/sha-256 \S+/, "md5 0A:0B"), "sdp_unsupported"],
    ["a fingerprint cut short", fine.replace(/sha-256 \S+/, "sha-256 0A:0B"), "sdp_unsupported"],
    ["a passive client", fine.replace("actpass", "passive"), "sdp_unsupported"],
    ["five layers", smallOffer([vp8("0", "sendonly", "a=simulcast:send a;b;c;d;e")]), "sdp_unsupported"],
    [
      "too many lines",
      smallOffer(Array.from({ length: MAX_MEDIA_LINES + 1 }, (_, i) => opus(`${i}`, "recvonly"))),
      "sdp_too_large",
    ],
    ["too many letters", fine + "a=x\r\n".repeat(MAX_SDP_CHARS / 5), "sdp_too_large"],
    ["a line too long", `${fine}a=${"x".repeat(3_000)}`, "sdp_too_large"],
  ])("[G12] %s", (_what, sdp, code) => {
    expect(parseOffer(sdp)).toMatchObject({ ok: false, code, detail: expect.any(String) });
  });

  test.each([
    ["a track on a line that is not there", fine, [track("5", "camera")], "sdp_malformed"],
    ["a camera on an audio line", fine, [track("0", "camera")], "sdp_malformed"],
    ["two tracks on a line", fine, [track("0", "microphone"), track("0", "screenAudio")], "sdp_malformed"],
    ["a line outside the bundle", fine.replace("BUNDLE 0", "BUNDLE 1"), [track("0", "microphone")], "sdp_unsupported"],
    [
      "a codec that is not ours",
      fine.replace("opus/48000/2", "PCMU/8000"),
      [track("0", "microphone")],
      "sdp_unsupported",
    ],
    ["no rtcp-mux", fine.replace("a=rtcp-mux\r\n", ""), [track("0", "microphone")], "sdp_unsupported"],
    ["nothing usable at all", fine.replace("opus/48000/2", "PCMU/8000"), [], "sdp_unsupported"],
    [
      "simulcast without its extensions",
      smallOffer([vp8("0", "sendonly", "a=rid:q send", "a=rid:h send", "a=simulcast:send q;h")]),
      [track("0", "camera")],
      "sdp_unsupported",
    ],
  ])("[G12] %s", (_what, sdp, tracks, code) => {
    expect(plan(sdp, tracks)).toMatchObject({ ok: false, code, detail: expect.any(String) });
  });

  // Property: any text is parsed or refused by code.
  test("[G12] any text is parsed or refused by code", () => {
    const attribute = fc.constantFrom(
      "mid",
      "extmap",
      "rtpmap",
      "fmtp",
      "ssrc",
      "ssrc-group",
      "rid",
      "simulcast",
      "group",
      "fingerprint",
    );
    const text = fc.tuple(attribute, fc.string({ maxLength: 30 })).map(([name, value]) => `a=${name}:${value}`);
    const media = fc.string({ maxLength: 40 }).map((value) => `m=audio 9 ${value}`);
    fc.assert(
      fc.property(fc.array(fc.oneof(text, media, fc.string()), { maxLength: 40 }), (lines) => {
        const result = parseOffer(["v=0", ...lines].join("\r\n"));
        return result.ok || result.code.startsWith("sdp_");
      }),
      { seed: 22, numRuns: 300 },
    );
  });

  test("a fingerprint is read whatever its case", () => {
    const value = TRANSPORT.fingerprint.value;
    expect(parseFingerprint(`SHA-256 ${value.toLowerCase()}`)).toEqual({ algorithm: "sha-256", value });
  });
});

function damagedText(
  lines: readonly string[],
  hits: readonly (readonly [at: number, how: string, text: string])[],
): string {
  const damaged = [...lines];
  for (const [at, how, text] of hits) {
    const old = damaged[at] ?? "";
    if (how === "cut") damaged.splice(at, 1);
    else if (how === "double") damaged.splice(at, 0, old);
    else if (how === "garble") damaged[at] = old.slice(0, old.length / 2) + text;
    else if (how === "shorten") damaged[at] = old.slice(0, at % (old.length + 1));
    else [damaged[at], damaged[0]] = [damaged[0] ?? "", old];
  }
  return damaged.join("\r\n");
}
