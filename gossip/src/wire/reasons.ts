// Why bytes of a stranger were not used. A closed list: it names counters, so words are never reused for another meaning.

export const WIRE_DROP_REASONS = [
  "empty",
  "truncated",
  "too_long",
  "too_deep",
  "too_many_parts",
  "unknown_type",
  "bad_msgpack",
  "bad_field_type",
  "integer_out_of_range",
  "bad_utf8",
  "bad_address",
  "bad_version_vector",
  "bad_state",
  "bad_crc",
  "bad_compression",
  "unknown_compression",
  "not_encrypted",
  "unexpected_encryption",
  "bad_encryption_version",
  "undecryptable",
  "bad_label",
  "unexpected_trailing_bytes",
] as const;

export type WireDropReason = (typeof WIRE_DROP_REASONS)[number];

export interface Refused {
  readonly ok: false;
  readonly reason: WireDropReason;
}
