// Bounds on what bytes of strangers may make us do, and the sizes that senders budget with.

export interface WireLimits {
  /** Messages that one packet may unfold into, through compounds in compressions. Default 1024. */
  readonly packetMessages: number;
  /** Compounds and compressions inside each other. Default 4; a stock agent nests two. */
  readonly packetDepth: number;
  /** Bytes that the compressed parts of one packet may inflate to, together. Default 1 MiB. */
  readonly packetInflatedBytes: number;
  /** Encrypted, compressed or inflated bytes of one stream message. Default 20 MiB. */
  readonly streamBytes: number;
  /** Records in one push/pull. Default 65,536. */
  readonly pushPullNodes: number;
  /** Bytes of one record of a push/pull, unknown keys included. Default 16 KiB. */
  readonly pushPullNodeBytes: number;
}

export const DEFAULT_LIMITS: WireLimits = Object.freeze({
  packetMessages: 1024,
  packetDepth: 4,
  packetInflatedBytes: 1024 * 1024,
  streamBytes: 20 * 1024 * 1024,
  pushPullNodes: 65_536,
  pushPullNodeBytes: 16 * 1024,
});

/** What a sender fills a packet up to (memberlist UDPBufferSize). The five bytes of a checksum come on top. */
export const PACKET_BUDGET_BYTES = 1400;
/** What a receiver must take: the largest UDP payload over IPv4. */
export const MAX_DATAGRAM_BYTES = 65_507;

export const COMPOUND_HEADER_BYTES = 2;
/** Each part of a compound costs its length field. */
export const COMPOUND_PART_BYTES = 2;
/** A user part also costs its type byte. */
export const COMPOUND_USER_PART_BYTES = 3;
/** Receivers of the older generation compute the size of the length table in eight bits, so stay below 128 parts. */
export const MAX_COMPOUND_PARTS = 127;
export const CRC_HEADER_BYTES = 5;
/** Version, nonce and tag of encryption version 1. */
export const ENCRYPTION_OVERHEAD_BYTES = 1 + 12 + 16;
/** Version 0 pads by 1 to 16 bytes more. */
export const ENCRYPTION_V0_OVERHEAD_BYTES = ENCRYPTION_OVERHEAD_BYTES + 16;

/** memberlist MetaMaxSize. */
export const MAX_META_BYTES = 512;
/** UTF-16 units of a node name that we accept (the newer reference's bound). */
export const MAX_NAME_UNITS = 128;
export const VERSION_VECTOR_BYTES = 6;
