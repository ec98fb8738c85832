/**
 * One DTLS 1.2 association over the mux, by werift's RTCDtlsTransport. The SRTP profile is forced to
 * AES_CM_128_HMAC_SHA1_80: it is the one that the fast path can make cheap, and browsers accept it.
 * After the handshake werift gets only what cannot harm: nothing of epoch 0, with which a stranger could reset a
 * running call, and no alert, which it would believe without decrypting. Alerts are verified and sent here.
 */
import {
  Event,
  ProtectionProfileAes128CmHmacSha1_80,
  type RTCCertificate,
  RTCDtlsFingerprint,
  RTCDtlsParameters,
  RTCDtlsTransport,
} from "werift";
import { useNativeCurve } from "./dtls-curve.ts";
import { forgetHandshake, leaveOutSrtp, startServer } from "./dtls-economy.ts";
import { clientOwnsCertificate, type HandshakeRecord, serverOwnsCertificate } from "./dtls-proof.ts";

export type DtlsDropReason =
  | "dtls_malformed"
  | "dtls_epoch_zero"
  | "dtls_repeated"
  | "dtls_bad_alert"
  | "dtls_unexpected_type"
  | "dtls_closed";
export type DtlsRole = "server" | "client";

export interface Fingerprint {
  /** "sha-256" and the like (RFC 8122). */
  readonly algorithm: string;
  /** Upper-case hexadecimal bytes with colons. */
  readonly value: string;
}
/** 16 bytes of key and 14 of salt for each direction (RFC 5764 section 4.2). */
export interface SrtpMasterKeys {
  readonly masterKey: Uint8Array;
  readonly masterSalt: Uint8Array;
}
export interface DtlsPeerSink {
  send(bytes: Buffer): void;
  /** Fingerprint and ownership of the certificate are proved; both keys are ready. */
  connected(keys: { readonly local: SrtpMasterKeys; readonly remote: SrtpMasterKeys }): void;
  /** The other end closed, or the handshake failed; `error` says why it failed. */
  closed(error: Error | undefined): void;
  dropped(reason: DtlsDropReason): void;
}

const KEY_BYTES = 16;
const SALT_BYTES = 14;
const RECORD_HEADER_BYTES = 13;
const ALERT = 21;
const HANDSHAKE = 22;
const HANDSHAKE_HEADER_BYTES = 12;
/** A handshake has five messages from its server; more fragments than these are nobody's certificate. */
const MAX_SEEN = 64;
const APPLICATION_DATA = 23;
const DTLS_1_2 = 0xfefd;
const FATAL = 2;
const CLOSE_NOTIFY = 0;
/**
 * Sequence number of our only alert: far beyond any record that werift sends, as GCM must never see a number twice
 * and werift counts from 0 again after its Finished.
 */
const CLOSE_SEQUENCE = 2 ** 40;
/** Beyond the last flight of any handshake (RFC 6347 section 4.2.4). */
const LAST_FLIGHT = 7;
const fingerprints = new WeakMap<RTCCertificate, Fingerprint>();

/** One certificate for each worker: ECDSA P-256, self-signed. From then on werift computes with OpenSSL, see there. */
export async function createCertificate(): Promise<RTCCertificate> {
  useNativeCurve();
  return await RTCDtlsTransport.SetupCertificate();
}

/** Remembered, as werift parses the certificate for it. */
export function fingerprintOf(certificate: RTCCertificate): Fingerprint {
  const known = fingerprints.get(certificate);
  if (known !== undefined) return known;
  const [fingerprint] = certificate.getFingerprints();
  if (fingerprint === undefined) throw new Error("the certificate has no fingerprint");
  const fresh = { algorithm: fingerprint.algorithm, value: fingerprint.value };
  fingerprints.set(certificate, fresh);
  return fresh;
}

export class DtlsPeer {
  readonly #sink: DtlsPeerSink;
  readonly #role: DtlsRole;
  readonly #transport: RTCDtlsTransport;
  readonly #certificate: RTCCertificate;
  readonly #incoming = new Event<[Buffer]>();
  #connected = false;
  #closed = false;
  /** Type, sequence number and offset of each handshake fragment that was let through. */
  readonly #seen = new Set<string>();

  constructor(
    input: { readonly role: DtlsRole; readonly certificate: RTCCertificate; readonly remote: Fingerprint },
    sink: DtlsPeerSink,
  ) {
    this.#sink = sink;
    this.#role = input.role;
    this.#transport = new RTCDtlsTransport({}, this.#fakeIceTransport() as never, input.certificate, [
      ProtectionProfileAes128CmHmacSha1_80,
    ]);
    this.#certificate = input.certificate;
    this.#transport.role = input.role;
    leaveOutSrtp(this.#transport);
    const remoteRole = input.role === "server" ? "client" : "server";
    const fingerprint = new RTCDtlsFingerprint(input.remote.algorithm, input.remote.value);
    this.#transport.setRemoteParams(new RTCDtlsParameters([fingerprint], remoteRole));
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** For SCTP over it, once it is connected. */
  get transport(): RTCDtlsTransport {
    return this.#transport;
  }

  /** A server waits for the ClientHello; a client sends it after werift's fixed delay of 100 ms. */
  start(): void {
    this.#transport.onStateChange.subscribe((state) => {
      if (state === "connected") this.#handleConnected();
      else if (state === "closed") this.#handleClosed(undefined);
    });
    const transport = this.#transport;
    const started = this.#role === "server" ? startServer(transport, this.#certificate) : transport.start();
    started.catch((error: unknown) => this.#handleClosed(new Error("DTLS failed", { cause: error })));
  }

  /** A datagram whose first byte is 20..63, from the selected address. */
  handle(bytes: Buffer): void {
    if (this.#closed) {
      this.#sink.dropped("dtls_closed");
      return;
    }
    const records = this.#acceptable(bytes);
    if (records === undefined) return;
    try {
      this.#incoming.execute(records);
    } catch {
      // werift's reader throws on some malformed records; its state is unchanged then.
      this.#sink.dropped("dtls_malformed");
    }
  }

  /** Tells the other end (close_notify), once. Idempotent. */
  close(): void {
    if (this.#closed) return;
    if (this.#connected) this.#sendCloseNotify();
    this.#closed = true;
    // Lets werift's retransmission of an unfinished flight end at its next turn instead of after half a minute.
    if (this.#transport.dtls !== undefined) this.#transport.dtls.dtls.flight = LAST_FLIGHT;
    this.#transport.stop().catch(() => undefined);
    this.#incoming.allUnsubscribe();
  }

  /** The records of a datagram that werift may see: whole ones, and after the handshake only protected ones. */
  #acceptable(bytes: Buffer): Buffer | undefined {
    const kept: Buffer[] = [];
    for (let offset = 0; offset < bytes.length; ) {
      if (offset + RECORD_HEADER_BYTES > bytes.length) return this.#drop("dtls_malformed");
      const end = offset + RECORD_HEADER_BYTES + bytes.readUInt16BE(offset + 11);
      if (end > bytes.length) return this.#drop("dtls_malformed");
      const record = bytes.subarray(offset, end);
      const isWanted = this.#connected ? this.#isHarmless(record) : !this.#isRepeated(record);
      if (isWanted) kept.push(record);
      if (this.#closed) return undefined;
      offset = end;
    }
    if (kept.length === 0) return undefined;
    return kept.length === 1 ? kept[0] : Buffer.concat(kept);
  }

  /**
   * Handshake messages that came before (RFC 6347 section 4.2.4: the other end repeats a flight that is not answered in time).
   * werift's client starts over in the middle of the handshake on a second HelloVerifyRequest or ServerHello, and fails; it
   * repeats its own flights by its own timer, so it needs no repeats from the other end. Its server copes.
   */
  #isRepeated(record: Buffer): boolean {
    if (this.#role === "server" || record[0] !== HANDSHAKE || record.readUInt16BE(3) !== 0) return false;
    if (record.length < RECORD_HEADER_BYTES + HANDSHAKE_HEADER_BYTES) return false;
    const head = record.subarray(RECORD_HEADER_BYTES);
    const key = `${head[0]}:${head.readUInt16BE(4)}:${head.readUIntBE(6, 3)}`;
    if (!this.#seen.has(key) && this.#seen.size < MAX_SEEN) {
      this.#seen.add(key);
      return false;
    }
    this.#sink.dropped("dtls_repeated");
    return true;
  }

  /** Whether werift may see a record after the handshake. */
  #isHarmless(record: Buffer): boolean {
    const type = record[0];
    if (record.readUInt16BE(3) === 0) this.#sink.dropped("dtls_epoch_zero");
    else if (type === ALERT) this.#handleAlert(record);
    else if (type !== HANDSHAKE && type !== APPLICATION_DATA) this.#sink.dropped("dtls_unexpected_type");
    else return true;
    return false;
  }

  /** RFC 5246 section 7.2: level and description, here always protected. */
  #handleAlert(record: Buffer): void {
    const alert = this.#open(record);
    if (alert?.length !== 2) this.#sink.dropped("dtls_bad_alert");
    else if (alert[0] === FATAL || alert[1] === CLOSE_NOTIFY) this.#handleClosed(undefined);
  }

  /** The plaintext of a protected alert; undefined when it does not verify. */
  #open(record: Buffer): Buffer | undefined {
    const socket = this.#transport.dtls;
    const header = {
      type: ALERT,
      version: record.readUInt16BE(1),
      epoch: record.readUInt16BE(3),
      sequenceNumber: record.readUIntBE(5, 6),
    };
    try {
      return socket?.cipher.cipher.decrypt(socket.sessionType, record.subarray(RECORD_HEADER_BYTES), header);
    } catch {
      // A forged record: the caller counts it.
      return undefined;
    }
  }

  #sendCloseNotify(): void {
    const socket = this.#transport.dtls;
    if (socket === undefined) return;
    const header = { type: ALERT, version: DTLS_1_2, epoch: 1, sequenceNumber: CLOSE_SEQUENCE };
    const body = socket.cipher.cipher.encrypt(socket.sessionType, Buffer.from([1, CLOSE_NOTIFY]), header);
    const record = Buffer.alloc(RECORD_HEADER_BYTES);
    record[0] = header.type;
    record.writeUInt16BE(header.version, 1);
    record.writeUInt16BE(header.epoch, 3);
    record.writeUIntBE(header.sequenceNumber, 5, 6);
    record.writeUInt16BE(body.length, 11);
    this.#sink.send(Buffer.concat([record, body]));
  }

  #drop(reason: DtlsDropReason): undefined {
    this.#sink.dropped(reason);
    return undefined;
  }

  #handleConnected(): void {
    if (this.#closed || this.#connected) return;
    const socket = this.#transport.dtls;
    if (socket === undefined || !this.#remoteOwnsCertificate()) {
      this.#handleClosed(new Error("the other end did not prove that it owns its certificate"));
      return;
    }
    this.#connected = true;
    forgetHandshake(socket);
    const keys = socket.extractSessionKeys(KEY_BYTES, SALT_BYTES);
    this.#sink.connected({
      local: { masterKey: Buffer.from(keys.localKey), masterSalt: Buffer.from(keys.localSalt) },
      remote: { masterKey: Buffer.from(keys.remoteKey), masterSalt: Buffer.from(keys.remoteSalt) },
    });
  }

  #remoteOwnsCertificate(): boolean {
    const socket = this.#transport.dtls;
    const certificate = socket?.remoteCertificate;
    if (socket === undefined || certificate === undefined) return false;
    const transcript: readonly HandshakeRecord[] = socket.dtls.sortedHandshakeCache;
    if (this.#role === "server") return clientOwnsCertificate(transcript, certificate);
    return serverOwnsCertificate(transcript, certificate, {
      client: socket.cipher.localRandom.serialize(),
      server: socket.cipher.remoteRandom.serialize(),
    });
  }

  #handleClosed(error: Error | undefined): void {
    if (this.#closed) return;
    this.close();
    this.#sink.closed(error);
  }

  /** What RTCDtlsTransport uses of an ICE transport: a way out, a way in, and some names. */
  #fakeIceTransport(): object {
    const connection = {
      onData: this.#incoming,
      send: async (bytes: Buffer): Promise<void> => {
        if (!this.#closed) this.#sink.send(bytes);
      },
      close: async (): Promise<void> => undefined,
      iceLite: true,
      iceControlling: false,
      localCandidates: [],
      remoteCandidates: [],
      candidatePairs: [],
    };
    return {
      id: "mux",
      connection,
      role: "controlled",
      state: "connected",
      localParameters: { usernameFragment: "" },
      stop: async (): Promise<void> => undefined,
      getStats: async () => [],
    };
  }
}
