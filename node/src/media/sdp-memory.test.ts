import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "@jest/globals";
import { type ParsedOffer, parseOffer } from "./sdp-parse.ts";
import { planSession, type SendLine, type SessionPlan } from "./sdp-plan.ts";

const PADDING = Array.from({ length: 60 }, (_, i) => `a=x-${i}:${"p".repeat(1_900)}`);

function offer(mids: readonly string[], padding: readonly string[] = []): string {
  const slot = (mid: string): string[] => [
    "m=video 9 UDP/TLS/RTP/SAVPF 96 97",
    `a=mid:${mid}`,
    "a=recvonly",
    "a=rtcp-mux",
    "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
    "a=rtpmap:96 VP8/90000",
    "a=rtcp-fb:96 transport-cc",
    "a=rtpmap:97 rtx/90000",
    "a=fmtp:97 apt=96",
  ];
  const session = [
    "v=0",
    `a=group:BUNDLE ${mids.join(" ")}`,
    "a=ice-ufrag:someUserFragment",
    "a=ice-pwd:0123456789012345678901",
    `a=fingerprint:sha-256 ${Array.from({ length: 32 }, () => "0A").join(":")}`,
    "a=setup:actpass",
  ];
  return [...session, ...padding, ...mids.flatMap(slot), ""].join("\r\n");
}

function agree(sdp: string): { readonly offer: ParsedOffer; readonly plan: SessionPlan } {
  const parsed = parseOffer(sdp);
  if (!parsed.ok) throw new Error(parsed.detail);
  const planned = planSession({ offer: parsed.offer, tracks: [], previous: undefined, newSsrc: () => 1 });
  if (!planned.ok) throw new Error(planned.detail);
  return { offer: parsed.offer, plan: planned.plan };
}

test("the slots of a client share one list of codecs and one of extensions", () => {
  const { plan } = agree(offer(["video-slot-number-0", "1", "2"].map((mid) => mid.slice(0, 16))));
  const [first, ...others] = plan.lines as readonly SendLine[];
  expect(others).toHaveLength(2);
  for (const line of others) {
    expect(line.codecs).toBe(first?.codecs);
    expect(line.extmap).toBe(first?.extmap);
  }
  expect(first?.codecs.map(({ info }) => info.name)).toEqual(["VP8"]);
});

test("what is kept of an agreement does not keep the client's text", () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const kept: unknown[] = [];
  const keep = (count: number): number => {
    for (let i = 0; i < count; i++) {
      const { offer: parsed, plan } = agree(offer(["a-rather-long-id", "1"], PADDING));
      kept.push([plan, parsed.ufrag, parsed.fingerprint]);
    }
    collect();
    return process.memoryUsage().heapUsed;
  };
  const before = keep(20);
  // 100 texts have 11.5 MB.
  expect((keep(100) - before) / 1e6).toBeLessThan(4);
  expect(kept).toHaveLength(120);
});
