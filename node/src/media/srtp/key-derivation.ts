/** Session keys from a master key: RFC 3711 section 4.3, key derivation rate 0, AES-128 in counter mode, HMAC-SHA1. */
import { createCipheriv } from "node:crypto";

export interface SessionKeys {
  /** 16 bytes. */
  readonly encryption: Uint8Array;
  /** 20 bytes. */
  readonly authentication: Uint8Array;
  /** 14 bytes. */
  readonly salt: Uint8Array;
}

const MASTER_KEY_BYTES = 16;
const MASTER_SALT_BYTES = 14;
// RFC 3711 section 4.3.2: the label is the key's purpose.
const LABELS = { rtp: [0, 1, 2], rtcp: [3, 4, 5] } as const;

/** Throws a RangeError for a master key or salt of the wrong length; that is a caller's fault, never a peer's. */
export function deriveSessionKeys(
  master: { readonly key: Uint8Array; readonly salt: Uint8Array },
  protocol: "rtp" | "rtcp",
): SessionKeys {
  if (master.key.length !== MASTER_KEY_BYTES) throw new RangeError("an SRTP master key has 16 bytes");
  if (master.salt.length !== MASTER_SALT_BYTES) throw new RangeError("an SRTP master salt has 14 bytes");
  const [encryption, authentication, salt] = LABELS[protocol];
  return {
    encryption: derive(master, encryption, 16),
    authentication: derive(master, authentication, 20),
    salt: derive(master, salt, 14),
  };
}

function derive(
  master: { readonly key: Uint8Array; readonly salt: Uint8Array },
  label: number,
  byteLength: number,
): Uint8Array {
  const iv = new Uint8Array(16);
  iv.set(master.salt);
  // key_id = label || (index DIV rate), right-aligned with the salt: the label falls on byte 7.
  iv[7] = (iv[7] ?? 0) ^ label;
  return new Uint8Array(createCipheriv("aes-128-ctr", master.key, iv).update(new Uint8Array(byteLength)));
}
