/**
 * What werift's DTLS does at every handshake and need not, done once or left out; and what it keeps of a handshake and
 * need not, given back. Everything by public fields of its objects.
 */
import { createPrivateKey, sign, X509Certificate } from "node:crypto";
import type { RTCCertificate, RTCDtlsTransport } from "werift";

type Association = NonNullable<RTCDtlsTransport["dtls"]>;
type KeyPair = Association["cipher"]["localKeyPair"];

/** What werift would read out of the texts of a certificate for each association. */
interface ParsedCertificate {
  readonly der: Buffer;
  readonly signer: { sign(data: Buffer, hash: string): Buffer };
}

const NOTHING = Buffer.alloc(0);
const parsed = new WeakMap<RTCCertificate, ParsedCertificate>();

/**
 * Before `start`: the RTP plane has its own SRTP, so werift opens no sessions for it, which would cost eight cipher and hash
 * objects for each peer.
 */
export function leaveOutSrtp(transport: RTCDtlsTransport): void {
  transport.srtpStarted = true;
}

/** Starts a server, whose certificate and key werift would parse for itself and once more at each signature. */
export async function startServer(transport: RTCDtlsTransport, certificate: RTCCertificate): Promise<void> {
  const { der, signer } = parse(certificate);
  transport.localCertificate = undefined as unknown as RTCCertificate;
  const started = transport.start();
  transport.localCertificate = certificate;
  const association = transport.dtls;
  if (association === undefined) throw new Error("werift made no association");
  const { cipher, options } = association;
  cipher.localCert = der;
  cipher.localPrivateKey = signer as unknown as Association["cipher"]["localPrivateKey"];
  cipher.signatureHashAlgorithm = certificate.signatureHash;
  // For an association that werift would make anew.
  options.cert = certificate.certPem;
  options.key = certificate.privateKey;
  options.signatureHash = certificate.signatureHash;
  await started;
}

function parse(certificate: RTCCertificate): ParsedCertificate {
  const known = parsed.get(certificate);
  if (known !== undefined) return known;
  const key = createPrivateKey(certificate.privateKey);
  const der = new X509Certificate(certificate.certPem).raw;
  const fresh = { der, signer: { sign: (data: Buffer, hash: string) => sign(hash, data, key) } };
  parsed.set(certificate, fresh);
  return fresh;
}

/**
 * After the handshake, when the other end has proved its certificate: the messages were kept for that proof and for the
 * Finished ones only. Their list stays, as werift looks for their types when a Finished comes again. What stays is copied out
 * of the pools and datagrams that it is a slice of and would keep alive.
 */
export function forgetHandshake({ cipher, dtls }: Association): void {
  for (const record of dtls.sortedHandshakeCache) record.fragment = NOTHING;
  dtls.lastMessage = dtls.lastMessage.map(alone);
  dtls.lastFlight = [];
  cipher.masterSecret = alone(cipher.masterSecret);
  cipher.localKeyPair = undefined as unknown as KeyPair;
  cipher.remoteKeyPair = {};
  if (cipher.remoteCertificate !== undefined) cipher.remoteCertificate = alone(cipher.remoteCertificate);
  const aead = cipher.cipher;
  for (const name of ["clientWriteKey", "serverWriteKey", "clientNonce", "serverNonce"] as const) {
    const value = aead[name];
    if (value !== undefined) aead[name] = alone(value);
  }
}

/** A copy in memory of its own. */
function alone(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}
