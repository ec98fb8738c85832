import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { SrtpSession } from "../../../test/sfu/srtp-client.ts";
import { FastKernel } from "./fast-kernel.ts";
import { deriveSessionKeys } from "./key-derivation.ts";
import { PlainKernel } from "./plain-kernel.ts";
import { SrtcpReceiver, SrtcpSender, SrtcpWorkspace } from "./srtcp.ts";

const master = { key: new Uint8Array(16).fill(9), salt: new Uint8Array(14).fill(4) };

function report(ssrc: number, bytes: number): Buffer {
  const packet = Buffer.alloc(bytes, ssrc & 255);
  packet.writeUInt32BE(0x80c90000 + bytes / 4 - 1, 0);
  packet.writeUInt32BE(ssrc, 4);
  return packet;
}

describe.each(["fast", "plain"])("SRTCP with the %s kernel", (name) => {
  function ends() {
    const kernel = (name === "fast" ? FastKernel.create(1 << 20) : undefined) ?? new PlainKernel(1 << 20);
    const workspace = new SrtcpWorkspace(kernel);
    const key = kernel.openKey(deriveSessionKeys(master, "rtcp"));
    return { kernel, sender: new SrtcpSender(workspace, key, 7), receiver: new SrtcpReceiver(workspace, key) };
  }

  test("what is protected, an independent client opens, for any length", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 2, max: 295 }), { minLength: 1, maxLength: 40 }), (words) => {
        const { sender } = ends();
        const client = new SrtpSession(master);
        for (const count of words) {
          const plain = report(7, count * 4);
          expect(client.unprotectRtcp(sender.protect(plain)!)!.equals(plain)).toBe(true);
        }
      }),
      { seed: 47, numRuns: 20 },
    );
  });

  test("what an independent client protects, is opened, from several senders", () => {
    const { receiver } = ends();
    const client = new SrtpSession(master);
    for (let i = 0; i < 60; i++) {
      const plain = report(1 + (i % 3), 8 + (i % 40) * 4);
      const opened = receiver.open(client.protectRtcp(plain));
      if (typeof opened === "string") throw new Error(opened);
      expect(Buffer.from(opened).equals(plain)).toBe(true);
    }
  });

  test("replays, changes, fragments and floods of senders are refused by name", () => {
    const { receiver } = ends();
    const client = new SrtpSession(master);
    const first = client.protectRtcp(report(1, 40));
    expect(typeof receiver.open(first)).toBe("object");
    expect(receiver.open(first)).toBe("replayed");
    const changed = client.protectRtcp(report(1, 40));
    changed[20]! ^= 1;
    expect(receiver.open(changed)).toBe("bad_auth");
    expect(receiver.open(first.subarray(0, 21))).toBe("too_short");
    expect(receiver.open(Buffer.alloc(1600))).toBe("too_long");
    for (let ssrc = 2; ssrc <= 128; ssrc++)
      expect(typeof receiver.open(client.protectRtcp(report(ssrc, 8)))).toBe("object");
    expect(receiver.open(client.protectRtcp(report(129, 8)))).toBe("ssrc_limit");
    for (let i = 0; i < 1200; i++) client.protectRtcp(report(1, 8));
    expect(typeof receiver.open(client.protectRtcp(report(1, 8)))).toBe("object");
    expect(receiver.open(first)).toBe("too_old");
  });

  test("a packet that fits no datagram is not sent, and closing gives all memory back", () => {
    const { kernel, sender, receiver } = ends();
    const before = kernel.arena.usedBytes;
    expect(sender.protect(report(7, 1496))).toBeUndefined();
    expect(sender.protect(Buffer.alloc(4))).toBeUndefined();
    sender.protect(report(7, 400));
    receiver.open(new SrtpSession(master).protectRtcp(report(3, 80)));
    sender.close();
    receiver.close();

    expect(kernel.arena.usedBytes).toBe(before);
  });
});
