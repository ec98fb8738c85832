// First bytes: of a packet or stream (memberlist), and of a user payload (Serf). Two number spaces that must not be mixed.

export const MessageType = {
  ping: 0,
  indirectPing: 1,
  ack: 2,
  suspect: 3,
  alive: 4,
  dead: 5,
  pushPull: 6,
  compound: 7,
  user: 8,
  compress: 9,
  encrypt: 10,
  nack: 11,
  hasCrc: 12,
  err: 13,
  hasLabel: 244,
} as const;

export const SerfType = {
  leave: 0,
  join: 1,
  pushPull: 2,
  userEvent: 3,
  query: 4,
  queryResponse: 5,
  conflictResponse: 6,
  keyRequest: 7,
  keyResponse: 8,
  relay: 9,
  /** Ours, far from Serf's numbers: only members that say they speak it ever get one. */
  direct: 0x68,
} as const;

/** The only compression algorithm: LZW, least significant bit first, 8 literal bits. */
export const COMPRESS_LZW = 0;
/** First byte of Meta when tags follow as a map (Serf protocol 3 and later). */
export const TAGS_MAGIC = 0xff;
/** First byte of an ack payload that carries a coordinate. */
export const PING_PAYLOAD_VERSION = 1;
