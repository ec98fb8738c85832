import { createSign, X509Certificate } from "node:crypto";
import { expect, test } from "@jest/globals";
import { createCertificate } from "./dtls-peer.ts";
import { clientOwnsCertificate, type HandshakeRecord, serverOwnsCertificate } from "./dtls-proof.ts";

const record = (type: number, fragment: Buffer): HandshakeRecord => ({
  msg_type: type,
  fragment,
  serialize: () => Buffer.concat([Buffer.from([type]), fragment]),
});
const RANDOMS = { client: Buffer.alloc(32, 1), server: Buffer.alloc(32, 2) };
const PARAMS = Buffer.concat([Buffer.from([3, 0, 29, 32]), Buffer.alloc(32, 9)]);

async function signer(): Promise<{ der: Buffer; struct: (data: Buffer) => Buffer }> {
  const certificate = await createCertificate();
  const struct = (data: Buffer): Buffer => {
    const signature = createSign("sha256").update(data).sign(certificate.privateKey);
    const head = Buffer.from([4, 3, 0, 0]);
    head.writeUInt16BE(signature.length, 2);
    return Buffer.concat([head, signature]);
  };
  return { der: new X509Certificate(certificate.certPem).raw, struct };
}

test("[G9] a client's signature must cover all that was said before it", async () => {
  const { der, struct } = await signer();
  const said = [record(1, Buffer.from("hello")), record(16, Buffer.from("key"))];
  const transcript = Buffer.concat(said.map((earlier) => earlier.serialize()));
  expect(clientOwnsCertificate([...said, record(15, struct(transcript))], der)).toBe(true);
  expect(clientOwnsCertificate([record(1, Buffer.from("hullo")), record(15, struct(transcript))], der)).toBe(false);
  expect(clientOwnsCertificate(said, der)).toBe(false);
});

test("[G9] a server's signature must cover both randoms and its key share", async () => {
  const { der, struct } = await signer();
  const signed = struct(Buffer.concat([RANDOMS.client, RANDOMS.server, PARAMS]));
  const proof = [record(12, Buffer.concat([PARAMS, signed]))];
  expect(serverOwnsCertificate(proof, der, RANDOMS)).toBe(true);
  expect(serverOwnsCertificate(proof, der, { client: RANDOMS.server, server: RANDOMS.client })).toBe(false);
  expect(serverOwnsCertificate([], der, RANDOMS)).toBe(false);
});

test.each([
  ["a broken certificate", (_der: Buffer, struct: Buffer) => [Buffer.from("x"), struct] as const],
  [
    "an old hash",
    (der: Buffer, struct: Buffer) => [der, Buffer.concat([Buffer.from([2]), struct.subarray(1)])] as const,
  ],
  [
    "another algorithm",
    (der: Buffer, struct: Buffer) => [der, Buffer.concat([Buffer.from([4, 1]), struct.subarray(2)])] as const,
  ],
  ["a cut signature", (der: Buffer, struct: Buffer) => [der, struct.subarray(0, -1)] as const],
  ["nothing", (der: Buffer) => [der, Buffer.alloc(0)] as const],
])("[G9] %s proves nothing", async (_what, spoil) => {
  const { der, struct } = await signer();
  const said = record(1, Buffer.from("hello"));
  const [certificate, signature] = spoil(der, struct(said.serialize()));
  expect(clientOwnsCertificate([said, record(15, signature)], certificate)).toBe(false);
});
