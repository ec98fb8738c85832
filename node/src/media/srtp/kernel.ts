/**
 * What protecting packets needs of cryptography, over one packet memory. Two implementations: FastKernel (WebAssembly and
 * one persistent OpenSSL cipher per key) and PlainKernel (node:crypto, one call after the other), which is the oracle in
 * tests and the fallback where there is no SIMD. Arguments travel in `job`, laid out in wasm-layout.ts.
 */
import type { PacketArena } from "../../sfu/index.ts";
import type { SessionKeys } from "./key-derivation.ts";

export interface KernelKey {
  /** Where the kernel finds the authentication key; goes into job[4..7]. */
  readonly handle: number;
  close(): void;
}

/** The AES-CM keystream of one SSRC under one key (RFC 3711 section 4.1.1). */
export interface Keystream {
  /**
   * Where the keystream of packet `index` lies, at least `byteLength` bytes rounded up to 16, valid until the next call on
   * any keystream. For SRTP the index is 2^16 * ROC + SEQ, for SRTCP the 31-bit index.
   */
  at(index: number, byteLength: number): number;
  close(): void;
}

export interface KeystreamShape {
  readonly ssrc: number;
  /** How many packets ahead to make at once; 1: none, and no memory is held. */
  readonly batchPackets: number;
  /** Expected payload, in 16-byte blocks; grows when a packet is larger. */
  readonly blocks: number;
}

export interface SrtpKernel {
  readonly arena: PacketArena;
  /** Arguments of `hmac` and `build`. */
  readonly job: Int32Array;
  openKey(keys: SessionKeys): KernelKey;
  openKeystream(key: KernelKey, shape: KeystreamShape): Keystream;
  /** Header and encrypted payload into a slot, made ready to be hashed. Returns its 64-byte blocks. */
  build(): number;
  xor(destination: number, a: number, b: number, pieces: number): void;
  /** HMAC-SHA1 of four messages of `blocks` blocks each; 12 bytes of each tag are written. */
  hmac(blocks: number): void;
  /**
   * The same for one message: `byteLength` bytes at `offset`, roll-over counter included. The caller leaves 64 bytes
   * before and 80 bytes behind them to the kernel. 12 bytes of the tag go to `tag`.
   */
  hmacOne(key: KernelKey, message: { readonly offset: number; readonly byteLength: number }, tag: number): void;
}

/** Enough for any packet that fits a 1,500-byte datagram. */
export const MAX_PACKET_BLOCKS = 94;
export const MAX_DATAGRAM_BYTES = MAX_PACKET_BLOCKS * 16;

/** Counter block of packet index 0, block 0: salt xor SSRC (RFC 3711 section 4.1.1). */
export function counterBase(salt: Uint8Array, ssrc: number): Uint8Array {
  const base = new Uint8Array(16);
  base.set(salt);
  const view = new DataView(base.buffer);
  view.setUint32(4, (view.getUint32(4) ^ ssrc) >>> 0);
  return base;
}
