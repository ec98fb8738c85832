import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { bytesToIp, familyOf, ipToBytes } from "./ip-address.ts";
import {
  buildBindingRequest,
  buildBindingSuccess,
  buildRoleConflict,
  parseStun,
  type StunMessage,
  verifyIntegrity,
} from "./stun.ts";

// RFC 5769 section 2.1: a request with USERNAME, MESSAGE-INTEGRITY and FINGERPRINT.
const RFC_5769_REQUEST = Buffer.from(
  "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff80290008932ff9b151263b36" +
    "000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf",
  "hex",
);
// RFC 5769 section 2.2: a response with an IPv4 mapped address.
const RFC_5769_RESPONSE = Buffer.from(
  "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643" +
    "000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96",
  "hex",
);
const RFC_5769_PASSWORD = "VOkJxbRl1RmTxUk/WvJxBt";
const TRANSACTION = Buffer.from("0102030405060708090a0b0c", "hex");

function parsed(bytes: Uint8Array): StunMessage {
  const result = parseStun(bytes);
  if (!result.ok) throw new Error(result.reason);
  return result.message;
}

const request = (changes: Partial<Parameters<typeof buildBindingRequest>[0]> = {}): Buffer =>
  buildBindingRequest({
    transactionId: TRANSACTION,
    username: "here:there",
    password: "secret",
    priority: 0x7effffff,
    tieBreaker: 5n,
    useCandidate: false,
    ...changes,
  });

describe("reading STUN", () => {
  test("the RFC's sample request reads and verifies with the RFC's password only", () => {
    const message = parsed(RFC_5769_REQUEST);
    expect(message).toMatchObject({
      class: "request",
      username: "evtj:h6vY",
      role: "controlled",
      priority: 0x6e0001ff,
    });
    expect(verifyIntegrity(RFC_5769_REQUEST, message, RFC_5769_PASSWORD)).toBe(true);
    expect(verifyIntegrity(RFC_5769_REQUEST, message, `${RFC_5769_PASSWORD}x`)).toBe(false);
  });

  test("the RFC's sample response names the mapped address", () => {
    const message = parsed(RFC_5769_RESPONSE);
    expect(message).toMatchObject({ class: "success", mappedAddress: { host: "192.0.2.1", port: 32_853 } });
    expect(verifyIntegrity(RFC_5769_RESPONSE, message, RFC_5769_PASSWORD)).toBe(true);
  });

  test.each([
    ["nothing", Buffer.alloc(0), "stun_malformed"],
    ["a header cut short", RFC_5769_REQUEST.subarray(0, 19), "stun_malformed"],
    ["a body cut short", RFC_5769_REQUEST.subarray(0, -4), "stun_malformed"],
    ["another magic cookie", changed(RFC_5769_REQUEST, 4, 0x22), "stun_malformed"],
    ["an attribute that runs over the end", changed(RFC_5769_REQUEST, 23, 0xff), "stun_malformed"],
    ["another method", changed(RFC_5769_REQUEST, 1, 0x03), "stun_not_binding"],
    ["a changed byte under the fingerprint", changed(RFC_5769_REQUEST, 30, 0x00), "stun_bad_fingerprint"],
    ["more than a datagram of ours", Buffer.alloc(2_000), "stun_malformed"],
  ])("[G2] %s is refused by name", (_what, bytes, reason) => {
    expect(parseStun(bytes)).toEqual({ ok: false, reason });
  });

  test("an attribute behind MESSAGE-INTEGRITY is not believed", () => {
    const bytes = request();
    // USE-CANDIDATE between integrity and fingerprint, with the fingerprint taken away.
    const forged = Buffer.concat([bytes.subarray(0, -8), Buffer.from("00250000", "hex")]);
    forged.writeUInt16BE(forged.length - 20, 2);
    const message = parsed(forged);
    expect(message.useCandidate).toBe(false);
    expect(verifyIntegrity(forged, message, "secret")).toBe(true);
  });

  // Property: any bytes parse or name a reason, and never throw.
  test("[G2] any bytes are read or refused by name", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (noise, dressed) => {
        const bytes = Buffer.from(noise);
        if (dressed && bytes.length >= 20) {
          bytes.writeUInt16BE(1, 0);
          bytes.writeUInt16BE(bytes.length - 20, 2);
          bytes.writeUInt32BE(0x2112a442, 4);
        }
        const result = parseStun(bytes);
        if (result.ok) verifyIntegrity(bytes, result.message, "any");
        return result.ok || result.reason.startsWith("stun_");
      }),
      { seed: 11, numRuns: 400 },
    );
  });

  // Property: no single changed byte of an authenticated request passes (FINGERPRINT itself, the last 8, is not covered).
  test("[G2] a request with any byte changed is not authenticated", () => {
    const bytes = request({ useCandidate: true });
    fc.assert(
      fc.property(fc.nat({ max: bytes.length - 9 }), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        const forged = Buffer.from(bytes);
        forged[at] = (forged[at] ?? 0) ^ mask;
        const result = parseStun(forged);
        return !result.ok || !verifyIntegrity(forged, result.message, "secret");
      }),
      { seed: 12, numRuns: 300 },
    );
  });
});

describe("building STUN", () => {
  test("what is built reads back the same", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 12, maxLength: 12 }),
        fc.stringMatching(/^[a-z]{1,30}:[a-z]{1,30}$/),
        fc.boolean(),
        (transactionId, username, useCandidate) => {
          const bytes = request({ transactionId, username, useCandidate });
          const message = parsed(bytes);
          expect(message).toMatchObject({ class: "request", username, useCandidate, role: "controlling" });
          expect(Buffer.from(message.transactionId)).toEqual(Buffer.from(transactionId));
          expect(verifyIntegrity(bytes, message, "secret")).toBe(true);
        },
      ),
      { seed: 13, numRuns: 60 },
    );
  });

  test("a success names where the request came from, in both families", () => {
    const v4 = buildBindingSuccess({
      transactionId: TRANSACTION,
      password: "p",
      mapped: { host: "10.1.2.3", port: 4_567, family: 4 },
    });
    expect(parsed(v4).mappedAddress).toEqual({ host: "10.1.2.3", port: 4_567 });
    const v6 = buildBindingSuccess({
      transactionId: TRANSACTION,
      password: "p",
      mapped: { host: "fd00::1", port: 9, family: 6 },
    });
    expect(parsed(v6).class).toBe("success");
    expect(v6.length).toBe(20 + 24 + 24 + 8);
  });

  test("a role conflict is error 487", () => {
    expect(parsed(buildRoleConflict({ transactionId: TRANSACTION, password: "p" }))).toMatchObject({
      class: "error",
      errorCode: 487,
    });
  });
});

describe("address literals", () => {
  test.each([
    ["127.0.0.1", "7f000001"],
    ["::", "0".repeat(32)],
    ["::1", `${"0".repeat(31)}1`],
    ["fd00::a:1", "fd0000000000000000000000000a0001"],
    ["fe80::1%eth0", "fe800000000000000000000000000001"],
    ["::ffff:1.2.3.4", "00000000000000000000ffff01020304"],
    ["1:2:3:4:5:6:7:8", "00010002000300040005000600070008"],
  ])("%s is %s", (text, hex) => {
    const bytes = ipToBytes(text);
    expect(Buffer.from(bytes ?? []).toString("hex")).toBe(hex);
    expect(ipToBytes(bytesToIp(bytes ?? new Uint8Array()))).toEqual(bytes);
  });

  test.each([
    "",
    "1.2.3",
    "1.2.3.256",
    "1:2",
    ":::",
    "1::2::3",
    "12345::",
    "node.example",
    "1:2:3:4:5:6:7:8:9",
    "::1.2.3",
  ])("%s is no address", (text) => {
    expect(familyOf(text)).toBeUndefined();
  });
});

function changed(bytes: Buffer, at: number, to: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = to;
  return copy;
}
