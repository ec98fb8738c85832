import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { rtpPacket } from "../../test/sfu/srtp-client.ts";
import { PacketArena } from "./arena.ts";
import { RetransmissionCache } from "./retransmission-cache.ts";
import { ExtensionTable, RtpView } from "./rtp-view.ts";

const LIMITS = { maxBytes: 256 * 1024, maxAgeMs: 1000 };
const arena = () => new PacketArena(new ArrayBuffer(2 << 20));

function view(seq: number, payload: Uint8Array): RtpView {
  const packet = new Uint8Array(
    rtpPacket({ payloadType: 96, seq, timestamp: seq * 10, ssrc: 1, marker: seq % 2 === 0, payload }),
  );
  const into = new RtpView();
  into.parse(packet, 0, packet.length, new ExtensionTable());
  return into;
}

const payloadOf = (from: RtpView) =>
  Buffer.from(from.bytes.subarray(from.payloadOffset, from.payloadOffset + from.payloadLength));

test("[N9] what is loaded is what was stored, or nothing: a packet that was overwritten is never handed out", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ bytes: fc.integer({ min: 1, max: 1400 }), step: fc.integer({ min: 1, max: 3 }) }), {
        minLength: 1,
        maxLength: 400,
      }),
      (packets) => {
        const cache = new RetransmissionCache(arena(), LIMITS);
        const stored = new Map<number, Buffer>();
        let [extSeq, nowMs] = [65_000, 0];
        for (const { bytes, step } of packets) {
          extSeq += step;
          nowMs += 2;
          const payload = Buffer.alloc(bytes, extSeq & 255);
          cache.store(extSeq, view(extSeq & 0xffff, payload), nowMs);
          stored.set(extSeq, payload);
        }
        const into = new RtpView();
        expect(cache.load(extSeq, into, nowMs)).toBe(true);
        for (const [number, payload] of stored) {
          if (!cache.load(number, into, nowMs)) continue;
          expect(payloadOf(into).equals(payload)).toBe(true);
          expect(into.timestamp).toBe(((number & 0xffff) * 10) >>> 0);
        }
        expect(cache.memoryBytes).toBeLessThanOrEqual(LIMITS.maxBytes);
      },
    ),
    { seed: 5, numRuns: 60 },
  );
});

test("[N9] it grows while packets would be forgotten too young, and keeps what it had", () => {
  const memory = arena();
  const cache = new RetransmissionCache(memory, LIMITS);
  const into = new RtpView();
  // 1,000 bytes every 5 ms are 200 kB a second: more than the first ring, less than the largest.
  for (let i = 1; i <= 600; i++) {
    cache.store(i, view(i, Buffer.alloc(1000, i)), i * 5);
    for (const age of [1, 10, 20]) {
      if (i > age) expect(cache.load(i - age, into, i * 5)).toBe(true);
    }
  }

  expect(cache.memoryBytes).toBe(256 * 1024);
  expect(cache.load(600 - 180, into, 3000)).toBe(true);
  expect(memory.usedBytes).toBe(256 * 1024);
});

test("[N9] a slow stream stays in the smallest ring", () => {
  const cache = new RetransmissionCache(arena(), LIMITS);
  for (let i = 1; i <= 300; i++) cache.store(i, view(i, Buffer.alloc(500)), i * 100);

  expect(cache.memoryBytes).toBe(32 * 1024);
});

test("[N9] a packet that is too old is not handed out", () => {
  const cache = new RetransmissionCache(arena(), LIMITS);
  const into = new RtpView();
  cache.store(5, view(5, Buffer.alloc(10)), 0);

  expect(cache.load(5, into, 1000)).toBe(true);
  expect(cache.load(5, into, 1001)).toBe(false);
  expect(cache.load(-1, into, 0)).toBe(false);
});

test("[R13] without memory nothing is stored, and closing gives all of it back", () => {
  const tiny = new PacketArena(new ArrayBuffer(8192));
  const poor = new RetransmissionCache(tiny, LIMITS);
  poor.store(1, view(1, Buffer.alloc(10)), 0);
  expect(poor.load(1, new RtpView(), 0)).toBe(false);
  expect(tiny.refusals).toBe(1);

  const memory = arena();
  const cache = new RetransmissionCache(memory, LIMITS);
  cache.store(1, view(1, Buffer.alloc(10)), 0);
  cache.close();
  expect(memory.usedBytes).toBe(0);
  expect(cache.load(1, new RtpView(), 0)).toBe(false);
});

test("a packet larger than the ring is passed over", () => {
  const cache = new RetransmissionCache(arena(), { maxBytes: 1024, maxAgeMs: 1000 });
  cache.store(1, view(1, Buffer.alloc(1100)), 0);

  expect(cache.load(1, new RtpView(), 0)).toBe(false);
});
