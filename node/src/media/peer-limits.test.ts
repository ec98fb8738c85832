import { expect, test } from "@jest/globals";
import { PeerLimits } from "./peer-limits.ts";

/** What passes of `count` calls spread evenly over a time. */
function passing(count: number, overMs: number, call: (nowMs: number) => string | undefined): number {
  let passed = 0;
  for (let i = 0; i < count; i++) if (call((i * overMs) / count) === undefined) passed++;
  return passed;
}

test("[G29] three simulcast layers, a screen and their probes pass unharmed for a minute", () => {
  const limits = new PeerLimits();
  expect(passing(60 * 1_500, 60_000, (nowMs) => limits.media(1_200, nowMs))).toBe(60 * 1_500);
  expect(passing(60 * 100, 60_000, (nowMs) => limits.rtcp(nowMs))).toBe(60 * 100);
});

test("[G29] packets, bits, RTCP and DTLS are held to their rates, after a burst", () => {
  const limits = () =>
    new PeerLimits({ packetsPerSecond: 100, bitsPerSecond: 80_000, rtcpPerSecond: 10, dtlsPerSecond: 20 });
  const small = limits();
  expect(passing(10_000, 10_000, (nowMs) => small.media(1, nowMs))).toBeLessThanOrEqual(200 + 1_000);
  const large = limits();
  expect(passing(800, 10_000, (nowMs) => large.media(1_000, nowMs))).toBeLessThanOrEqual(10 + 100);
  expect(large.media(20_000, 10_000)).toBe("peer_bit_rate");
  const control = limits();
  expect(passing(1_000, 10_000, (nowMs) => control.rtcp(nowMs))).toBeLessThanOrEqual(20 + 100);
  expect(passing(1_000, 10_000, (nowMs) => control.dtls(nowMs))).toBeLessThanOrEqual(40 + 200);
});

test("[G29] the bounds are those of the options, each under its reason", () => {
  const limits = new PeerLimits({ packetsPerSecond: 1, rtcpPerSecond: 1, dtlsPerSecond: 1 });
  const calls = [() => limits.media(1, 0), () => limits.rtcp(0), () => limits.dtls(0)];
  const reasons = calls.map((call) => [call(), call(), call()].at(-1));
  expect(reasons).toEqual(["peer_packet_rate", "peer_rtcp_rate", "peer_dtls_rate"]);
});
