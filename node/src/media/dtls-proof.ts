/**
 * Proof that the other end of a DTLS 1.2 handshake owns its certificate. werift compares the fingerprint of
 * the certificate but verifies no signature, and a certificate alone proves nothing: it travels in clear. So the
 * signatures are verified here, over the handshake messages that werift keeps: the client's CertificateVerify
 * (RFC 5246 section 7.4.8) by a server, the server's ServerKeyExchange (RFC 8422 section 5.4) by a client.
 */
import { type KeyObject, verify, X509Certificate } from "node:crypto";

/** One assembled handshake message, DTLS header included in `serialize()` (RFC 6347 section 4.2.2). */
export interface HandshakeRecord {
  readonly msg_type: number;
  readonly fragment: Buffer;
  serialize(): Buffer;
}

const SERVER_KEY_EXCHANGE = 12;
const CERTIFICATE_VERIFY = 15;
/** TLS HashAlgorithm numbers (RFC 5246 section 7.4.1.4.1); SHA-1 and MD5 are not accepted. */
const HASHES: Readonly<Record<number, string>> = { 4: "sha256", 5: "sha384", 6: "sha512" };
const NAMED_CURVE = 3;

/** True when the client signed all messages before its CertificateVerify with the key of its certificate. */
export function clientOwnsCertificate(transcript: readonly HandshakeRecord[], certificateDer: Uint8Array): boolean {
  const at = transcript.findIndex((record) => record.msg_type === CERTIFICATE_VERIFY);
  const record = transcript[at];
  const key = publicKeyOf(certificateDer);
  if (record === undefined || key === undefined) return false;
  const signed = Buffer.concat(transcript.slice(0, at).map((earlier) => earlier.serialize()));
  return verifySignature(record.fragment, signed, key);
}

/** True when the server signed its key share and both randoms (32 bytes each) with the key of its certificate. */
export function serverOwnsCertificate(
  transcript: readonly HandshakeRecord[],
  certificateDer: Uint8Array,
  randoms: { readonly client: Uint8Array; readonly server: Uint8Array },
): boolean {
  const body = transcript.find((record) => record.msg_type === SERVER_KEY_EXCHANGE)?.fragment;
  const key = publicKeyOf(certificateDer);
  if (body === undefined || key === undefined || body[0] !== NAMED_CURVE) return false;
  const paramsBytes = 4 + (body[3] ?? 0);
  const signed = Buffer.concat([randoms.client, randoms.server, body.subarray(0, paramsBytes)]);
  return verifySignature(body.subarray(paramsBytes), signed, key);
}

/** `digitally-signed` struct: hash, signature algorithm, 16-bit length, signature (RFC 5246 section 4.7). */
function verifySignature(struct: Buffer, signed: Buffer, key: KeyObject): boolean {
  const hash = HASHES[struct[0] ?? 0];
  if (hash === undefined || struct.length < 4 || struct.length !== 4 + struct.readUInt16BE(2)) return false;
  const wanted = struct[1] === 3 ? "ec" : struct[1] === 1 ? "rsa" : undefined;
  if (key.asymmetricKeyType !== wanted) return false;
  return verify(hash, signed, key, struct.subarray(4));
}

function publicKeyOf(certificateDer: Uint8Array): KeyObject | undefined {
  try {
    return new X509Certificate(certificateDer).publicKey;
  } catch {
    // A stranger's certificate may be anything; no key means no proof.
    return undefined;
  }
}
