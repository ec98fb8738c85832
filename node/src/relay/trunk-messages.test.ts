import { expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  commonVersion,
  readAnswer,
  readAsk,
  readEnd,
  readLeg,
  readLegReply,
  readOffer,
  readOpen,
  readStream,
} from "./trunk-messages.ts";

const parameters = {
  ...{ ufrag: "abcd", pwd: "p".repeat(24), fingerprint: { algorithm: "sha-256", value: "AA:BB" } },
  candidates: [{ host: "::1", port: 5_000, priority: 7 }],
};
const offer = { trunkId: "t", versions: { min: 1, max: 2 }, parameters };
const open = { trunkId: "t", roomId: "r", trackId: "k", layer: "", ssrc: 1, rtxSsrc: 0xffff_ffff };

test("right bodies are read as they are, without what is unknown", () => {
  expect(readOffer({ ...offer, extra: 1, parameters: { ...parameters, extra: 1 } })).toEqual(offer);
  expect(readAnswer({ version: 1, parameters })).toEqual({ version: 1, parameters });
  expect(readAsk({ versions: { min: 1, max: 1 }, lost: null })).toEqual({ versions: { min: 1, max: 1 }, lost: null });
  expect(readOpen(open)).toEqual(open);
  expect(readStream({ trunkId: "t", ssrc: 5 })).toEqual({ trunkId: "t", ssrc: 5 });
  expect(readEnd({ trunkId: "t" })).toEqual({ trunkId: "t" });
});

const candidate = (change: object): object => ({
  ...offer,
  parameters: { ...parameters, candidates: [{ ...parameters.candidates[0], ...change }] },
});

test.each([
  ["versions the wrong way round", { ...offer, versions: { min: 2, max: 1 } }],
  ["no fingerprint", { ...offer, parameters: { ...parameters, fingerprint: undefined } }],
  ["an endless password", { ...offer, parameters: { ...parameters, pwd: "p".repeat(257) } }],
  ["port 0", candidate({ port: 0 })],
  ["port 65536", candidate({ port: 65_536 })],
  ["an endless host", candidate({ host: "h".repeat(65) })],
  ["a negative priority", candidate({ priority: -1 })],
  [
    "too many candidates",
    { ...offer, parameters: { ...parameters, candidates: Array(17).fill(parameters.candidates[0]) } },
  ],
])("[Y10] an offer with %s is refused", (_, body) => {
  expect(readOffer(body)).toBeUndefined();
});

test.each([
  ["SSRC 0", { ...open, ssrc: 0 }],
  ["an SSRC of 33 bits", { ...open, ssrc: 0x1_0000_0000 }],
  ["one SSRC for both", { ...open, rtxSsrc: 1 }],
  ["an endless layer", { ...open, layer: "l".repeat(33) }],
  ["no track", { ...open, trackId: "" }],
])("[Y10] an open with %s is refused", (_, body) => {
  expect(readOpen(body)).toBeUndefined();
});

// Property: whatever arrives, it is read or refused; nothing throws.
test("[Y10] any value is read or refused", () => {
  fc.assert(
    fc.property(fc.anything({ withNullPrototype: true, withBigInt: true, withMap: true }), (value) => {
      for (const body of [value, { ...offer, parameters: value }, candidate({ host: value }), { ...open, ssrc: value }])
        for (const read of [readAsk, readOffer, readAnswer, readOpen, readStream, readEnd]) read(body);
    }),
    { seed: 7, numRuns: 300 },
  );
});

test("[Y11] two nodes use the greatest version that both speak", () => {
  expect(commonVersion({ min: 1, max: 2 }, { min: 2, max: 3 })).toBe(2);
  expect(commonVersion({ min: 2, max: 3 }, { min: 1, max: 2 })).toBe(2);
  expect(commonVersion({ min: 1, max: 1 }, { min: 1, max: 1 })).toBe(1);
  expect(commonVersion({ min: 1, max: 1 }, { min: 2, max: 3 })).toBeUndefined();
});

const track = {
  ...{ trackId: "k", kind: "video", source: "camera", layers: ["q", "h"] },
  codec: { name: "VP8", clockRateHz: 90_000 },
};
const forwarded = { ...open, layer: "h", transit: { origin: "a", track } };

test("[Y14] a stream to forward says whose it is and describes the track; legs are told as they are", () => {
  expect(
    readOpen({ ...forwarded, transit: { ...forwarded.transit, extra: 1, track: { ...track, extra: 1 } } }),
  ).toEqual(forwarded);
  expect(readLeg({ to: "a", extra: 1 })).toEqual({ to: "a" });
  for (const lossRatio of [null, 0, 0.5, 1])
    expect(readLegReply({ forwards: true, lossRatio, extra: 1 })).toEqual({ forwards: true, lossRatio });
});

test.each([
  ["no origin", { track }],
  ["no track", { origin: "a" }],
  ["another track", { origin: "a", track: { ...track, trackId: "other" } }],
  ["a track without that layer", { origin: "a", track: { ...track, layers: ["q"] } }],
  ["a strange codec", { origin: "a", track: { ...track, codec: { name: "MP3", clockRateHz: 1 } } }],
  ["null", null],
])("[Y14] a stream to forward with %s is refused", (_, transit) => {
  expect(readOpen({ ...forwarded, transit })).toBeUndefined();
});

test.each([
  ["nothing", undefined],
  ["no word on forwarding", { lossRatio: null }],
  ["a loss above 1", { forwards: true, lossRatio: 1.1 }],
  ["a loss that is no number", { forwards: true, lossRatio: Number.NaN }],
])("[Y14] a leg that is told with %s is not believed", (_, reply) => {
  expect(readLegReply(reply)).toBeUndefined();
});
