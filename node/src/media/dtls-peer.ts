/**
 * One DTLS 1.2 association over the mux, by werift's RTCDtlsTransport. The SRTP profile is forced to
 * AES_CM_128_HMAC_SHA1_80: it is the one that the fast path can make cheap, and browsers accept it.
 * werift gets datagrams only while they may matter: never anything but DTLS, and after the handshake
 * nothing of epoch 0, with which a stranger could reset a running call.
 */
import {
  Event,
  ProtectionProfileAes128CmHmacSha1_80,
  type RTCCertificate,
  RTCDtlsFingerprint,
  RTCDtlsParameters,
  RTCDtlsTransport,
} from "werift";
import { clientOwnsCertificate, type HandshakeRecord, serverOwnsCertificate } from "./dtls-proof.ts";

export type DtlsDropReason = "dtls_malformed" | "dtls_epoch_zero" | "dtls_closed";
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
/** Beyond the last flight of any handshake (RFC 6347 section 4.2.4). */
const LAST_FLIGHT = 7;

/** One certificate for each worker: ECDSA P-256, self-signed. */
export async function createCertificate(): Promise<RTCCertificate> {
  return await RTCDtlsTransport.SetupCertificate();
}

export function fingerprintOf(certificate: RTCCertificate): Fingerprint {
  const [fingerprint] = certificate.getFingerprints();
  if (fingerprint === undefined) throw new Error("the certificate has no fingerprint");
  return { algorithm: fingerprint.algorithm, value: fingerprint.value };
}

export class DtlsPeer {
  readonly #sink: DtlsPeerSink;
  readonly #role: DtlsRole;
  readonly #transport: RTCDtlsTransport;
  readonly #incoming = new Event<[Buffer]>();
  #connected = false;
  #closed = false;

  constructor(
    input: { readonly role: DtlsRole; readonly certificate: RTCCertificate; readonly remote: Fingerprint },
    sink: DtlsPeerSink,
  ) {
    this.#sink = sink;
    this.#role = input.role;
    this.#transport = new RTCDtlsTransport({}, this.#fakeIceTransport() as never, input.certificate, [
      ProtectionProfileAes128CmHmacSha1_80,
    ]);
    this.#transport.role = input.role;
    const remoteRole = input.role === "server" ? "client" : "server";
    const fingerprint = new RTCDtlsFingerprint(input.remote.algorithm, input.remote.value);
    this.#transport.setRemoteParams(new RTCDtlsParameters([fingerprint], remoteRole));
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** A server waits for the ClientHello; a client sends it after werift's fixed delay of 100 ms. */
  start(): void {
    this.#transport.onStateChange.subscribe((state) => {
      if (state === "connected") this.#handleConnected();
      else if (state === "closed") this.#handleClosed(undefined);
    });
    this.#transport.start().catch((error: unknown) => this.#handleClosed(new Error("DTLS failed", { cause: error })));
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

  /** werift sends no close_notify; the other end learns it by signalling or by silence. Idempotent. */
  close(): void {
    if (this.#closed) return;
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
      if (this.#connected && bytes.readUInt16BE(offset + 3) === 0) this.#sink.dropped("dtls_epoch_zero");
      else kept.push(bytes.subarray(offset, end));
      offset = end;
    }
    if (kept.length === 0) return undefined;
    return kept.length === 1 ? kept[0] : Buffer.concat(kept);
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
