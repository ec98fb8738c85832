import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { headerLength, rtpPacket, SrtpSession } from "../../../test/sfu/srtp-client.ts";
import { ExtensionTable, RtpRewrite, RtpView } from "../../sfu/index.ts";
import { FastKernel } from "./fast-kernel.ts";
import type { SrtpKernel } from "./kernel.ts";
import { deriveSessionKeys } from "./key-derivation.ts";
import { PlainKernel } from "./plain-kernel.ts";
import { type EgressPeer, EgressStream, Protector } from "./protect.ts";
import { IngressStream, Unprotector } from "./unprotect.ts";

const MEMORY_BYTES = 2 << 20;
const TABLE = new ExtensionTable();

const master = (seed: number) => ({
  key: Uint8Array.from({ length: 16 }, (_, i) => (seed * 13 + i * 5) & 255),
  salt: Uint8Array.from({ length: 14 }, (_, i) => (seed * 7 + i * 3) & 255),
});

function createKernel(name: string): SrtpKernel {
  const kernel = name === "fast" ? FastKernel.create(MEMORY_BYTES) : new PlainKernel(MEMORY_BYTES);
  if (kernel === undefined) throw new Error("this machine has no WebAssembly SIMD");
  return kernel;
}

const SHAPE = {
  mid: "v7",
  midId: 1,
  absSendTimeId: 2,
  transportSequenceId: 3,
  audioLevelId: 0,
  payloadBytes: 1200,
  batchPackets: 16,
};

/** Peers with one stream each, and everything that was sent to them. */
function egresses(kernel: SrtpKernel, count: number, batchPackets = 16) {
  const sent: { to: number; bytes: Buffer }[] = [];
  const streams = Array.from({ length: count }, (_, to) => {
    const key = kernel.openKey(deriveSessionKeys(master(to), "rtp"));
    const transport = { send: (bytes: Uint8Array) => void sent.push({ to, bytes: Buffer.from(bytes) }) };
    const peer: EgressPeer = { key, transport, packetsSent: 0, bytesSent: 0 };
    const stream = EgressStream.open(kernel, peer, { ...SHAPE, batchPackets, ssrc: 500 + to });
    if (stream === undefined) throw new Error("out of packet memory");
    return stream;
  });
  return { sent, streams };
}

/** A view on a packet in packet memory. */
function place(kernel: SrtpKernel, packet: Buffer): RtpView {
  const at = kernel.arena.allocate(2048);
  kernel.arena.bytes.set(packet, at);
  const view = new RtpView();
  view.parse(kernel.arena.bytes, at, packet.length, TABLE);
  return view;
}

function rewrite(fields: Partial<RtpRewrite>): RtpRewrite {
  return Object.assign(new RtpRewrite(), { payloadType: 100, timestamp: 7, marker: true }, fields);
}

const packetOf = (seq: number, payloadBytes: number) =>
  rtpPacket({ payloadType: 96, seq, timestamp: 1, ssrc: 1, payload: Buffer.alloc(payloadBytes, seq & 255) });

describe.each(["fast", "plain"])("protecting with the %s kernel", (name) => {
  test("every receiver opens its copy, in order, for any mix of sizes and streams", () => {
    const copy = fc.record({
      to: fc.integer({ min: 0, max: 4 }),
      bytes: fc.integer({ min: 0, max: 1300 }),
      step: fc.integer({ min: 1, max: 3 }),
    });
    fc.assert(
      fc.property(fc.array(copy, { minLength: 1, maxLength: 50 }), (copies) => {
        const kernel = createKernel(name);
        const protector = new Protector(kernel);
        const { sent, streams } = egresses(kernel, 5);
        const receivers = streams.map((_, to) => new SrtpSession(master(to)));
        const indexes = streams.map(() => 65_500);
        const view = place(kernel, packetOf(1, 1300));
        for (const { to, bytes, step } of copies) {
          view.payloadLength = bytes;
          indexes[to]! += step;
          expect(protector.send(streams[to]!, view, rewrite({ extSeq: indexes[to]! }))).toBe(true);
        }
        protector.flush();

        expect(sent.map(({ to }) => to)).toEqual(copies.map(({ to }) => to));
        for (const [i, { to, bytes }] of sent.entries()) {
          const opened = receivers[to]!.unprotect(bytes);
          expect(opened).toBeDefined();
          expect(opened!.readUInt32BE(8)).toBe(500 + to);
          expect(opened!.subarray(headerLength(opened!)).equals(Buffer.alloc(copies[i]!.bytes, 1))).toBe(true);
        }
      }),
      { seed: 41, numRuns: name === "fast" ? 60 : 15 },
    );
  });

  test("an original sequence number goes encrypted before the payload", () => {
    const kernel = createKernel(name);
    const protector = new Protector(kernel);
    const { sent, streams } = egresses(kernel, 1, 1);
    protector.send(streams[0]!, place(kernel, packetOf(1, 333)), rewrite({ extSeq: 40, originalSeq: 0xabcd }));
    protector.flush();

    const opened = new SrtpSession(master(0)).unprotect(sent[0]!.bytes)!;

    const payload = opened.subarray(headerLength(opened));
    expect(payload.readUInt16BE(0)).toBe(0xabcd);
    expect(payload.subarray(2).equals(Buffer.alloc(333, 1))).toBe(true);
  });

  test("a packet for no datagram is refused", () => {
    const kernel = createKernel(name);
    const { sent, streams } = egresses(kernel, 1);
    const protector = new Protector(kernel);

    expect(protector.send(streams[0]!, place(kernel, packetOf(1, 1490)), rewrite({ extSeq: 1 }))).toBe(false);

    protector.flush();
    expect(sent).toEqual([]);
  });
});

test("both kernels write the same bytes", () => {
  const outputs = ["fast", "plain"].map((name) => {
    const kernel = createKernel(name);
    const protector = new Protector(kernel);
    protector.setNow(123_456.7);
    const { sent, streams } = egresses(kernel, 3);
    for (let i = 0; i < 60; i++) {
      const view = place(kernel, packetOf(i, (i * 97) % 1200));
      protector.send(
        streams[i % 3]!,
        view,
        rewrite({ extSeq: 65_530 + i, originalSeq: i % 5 === 0 ? i : -1, marker: i % 2 === 0 }),
      );
    }
    protector.flush();
    return sent;
  });

  expect(outputs[0]!.length).toBe(60);
  expect(outputs[0]).toEqual(outputs[1]);
});

describe.each(["fast", "plain"])("opening with the %s kernel", (name) => {
  function receiver() {
    const kernel = createKernel(name);
    const key = kernel.openKey(deriveSessionKeys(master(3), "rtp"));
    const stream = new IngressStream(kernel, key, { ssrc: 1, payloadBytes: 1200, batchPackets: 8 });
    const unprotector = new Unprotector(kernel);
    const view = new RtpView();
    const open = (datagram: Uint8Array) => {
      const refused = view.parse(datagram, 0, datagram.length - 10, TABLE);
      return refused ?? unprotector.open(stream, datagram, view);
    };
    const payload = () => Buffer.from(view.bytes.subarray(view.payloadOffset, view.payloadOffset + view.payloadLength));
    return { kernel, open, payload, view, unprotector, key };
  }

  test("any order, loss and roll-over: what is fresh opens, what is not is refused by name", () => {
    const arrival = fc.record({ step: fc.integer({ min: -40, max: 60 }), bytes: fc.integer({ min: 0, max: 1300 }) });
    fc.assert(
      fc.property(fc.array(arrival, { minLength: 1, maxLength: name === "fast" ? 120 : 40 }), (arrivals) => {
        const sender = new SrtpSession(master(3));
        const { open, payload } = receiver();
        const accepted = new Set<number>();
        let index = 65_480;
        // Both ends count roll-overs from the first packet on.
        for (const { step, bytes } of [{ step: 0, bytes: 10 }, ...arrivals]) {
          index = Math.max(65_480, index + step);
          const packet = packetOf(index & 0xffff, bytes);
          const result = open(sender.protect(packet));
          if (accepted.has(index)) {
            expect(result).toBe("replayed");
            continue;
          }
          expect(result).toBeUndefined();
          expect(payload().equals(packet.subarray(12))).toBe(true);
          accepted.add(index);
        }
      }),
      { seed: 43, numRuns: name === "fast" ? 50 : 15 },
    );
  });

  test("any changed bit is refused and the packet itself still opens", () => {
    const { open } = receiver();
    const datagram = new SrtpSession(master(3)).protect(packetOf(10, 50));
    for (let bit = 8; bit < datagram.length * 8; bit += 5) {
      const changed = Buffer.from(datagram);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(open(changed)).toMatch(/bad_auth/);
    }

    expect(open(datagram)).toBeUndefined();
  });

  test("a packet from further back than the window, and one too long, are refused", () => {
    const { open } = receiver();
    const sender = new SrtpSession(master(3));
    const old = sender.protect(packetOf(1, 20));
    expect(open(sender.protect(packetOf(1100, 20)))).toBeUndefined();
    expect(open(old)).toBe("too_old");
    expect(open(sender.protect(packetOf(1101, 1500)))).toBe("too_long");
  });

  test("an SSRC without a stream is authenticated by the peer's key alone", () => {
    const { unprotector, key } = receiver();
    const datagram = new SrtpSession(master(3)).protect(packetOf(7, 20));
    expect(unprotector.authenticates(key, datagram, 7)).toBe(true);
    datagram[15]! ^= 1;
    expect(unprotector.authenticates(key, datagram, 7)).toBe(false);
  });
});

test("[R13] closing streams gives their memory back; a full arena opens none", () => {
  const kernel = createKernel("fast");
  const protector = new Protector(kernel);
  const { streams } = egresses(kernel, 2);
  const view = place(kernel, packetOf(1, 100));
  const before = kernel.arena.usedBytes;
  for (const stream of streams) protector.send(stream, view, rewrite({ extSeq: 1 }));
  protector.flush();
  expect(kernel.arena.usedBytes).toBeGreaterThan(before);
  for (const stream of streams) stream.close();
  expect(kernel.arena.usedBytes).toBe(before - 2 * 64);

  while (kernel.arena.allocate(64) !== 0);
  expect(EgressStream.open(kernel, streams[0]!.peer, { ...SHAPE, ssrc: 9 })).toBeUndefined();
});
