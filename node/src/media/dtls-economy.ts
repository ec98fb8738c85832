/**
 * What werift's DTLS does at every handshake and need not, done once or left out; and what it keeps of a handshake and
 * need not, given back. Everything by public fields of its objects.
 */
import { createPrivateKey, type KeyObject, sign } from "node:crypto";
import type { RTCCertificate, RTCDtlsTransport } from "werift";

type Association = NonNullable<RTCDtlsTransport["dtls"]>;

const NOTHING = Buffer.alloc(0);
const keys = new WeakMap<RTCCertificate, KeyObject>();

/**
 * Before `start`: the RTP plane has its own SRTP, so werift opens no sessions for it, which would cost eight cipher and hash
 * objects for each peer.
 */
export function leaveOutSrtp(transport: RTCDtlsTransport): void {
  transport.srtpStarted = true;
}

/** For a server, after `start`: signs its key share with a key that is parsed once, where werift parses it each time. */
export function signWithParsedKey(association: Association, certificate: RTCCertificate): void {
  let key = keys.get(certificate);
  if (key === undefined) {
    key = createPrivateKey(certificate.privateKey);
    keys.set(certificate, key);
  }
  const parsed = key;
  const signer = { sign: (data: Buffer, hash: string): Buffer => sign(hash, data, parsed) };
  association.cipher.localPrivateKey = signer as unknown as Association["cipher"]["localPrivateKey"];
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
