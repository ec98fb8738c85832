/**
 * STUN binding messages as ICE uses them (RFC 8489, RFC 8445 section 7.1): parse, build, and the two
 * checks MESSAGE-INTEGRITY (HMAC-SHA1 with the ICE password) and FINGERPRINT (CRC-32).
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   |0 0|     message type          |        length of attributes   |
 *   |                     magic cookie 0x2112A442                   |
 *   |                     transaction id (96 bits)                  |
 *   |       type            |        length  |  value, padded to 4  | ...
 *
 * Nothing here keeps state or does IO. Bytes of strangers never throw: they parse or name a reason.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { crc32 } from "./crc32.ts";
import { bytesToIp, ipToBytes, type UdpAddress } from "./ip-address.ts";

const HEADER_BYTES = 20;
const MAGIC_COOKIE = 0x2112a442;
const FINGERPRINT_XOR = 0x5354554e;
/** A binding message of any known browser is below 200 bytes. */
const MAX_STUN_BYTES = 1_500;
/** RFC 8445 section 16: a username is at most 512 bytes. */
const MAX_USERNAME_BYTES = 513;

const CLASSES = {
  1: "request",
  17: "indication",
  257: "success",
  273: "error",
} as const;
const ATTRIBUTE = {
  username: 0x0006,
  messageIntegrity: 0x0008,
  errorCode: 0x0009,
  xorMappedAddress: 0x0020,
  priority: 0x0024,
  useCandidate: 0x0025,
  fingerprint: 0x8028,
  iceControlled: 0x8029,
  iceControlling: 0x802a,
} as const;

export type StunClass = (typeof CLASSES)[keyof typeof CLASSES];
export type StunRejection = "stun_malformed" | "stun_not_binding" | "stun_bad_fingerprint";

/** A parsed binding message. Attributes that follow MESSAGE-INTEGRITY are not trusted and not read (RFC 8489 14.5). */
export interface StunMessage {
  readonly class: StunClass;
  /** 12 bytes, a view into the datagram. */
  readonly transactionId: Uint8Array;
  readonly username: string | undefined;
  readonly useCandidate: boolean;
  readonly priority: number | undefined;
  readonly role: "controlling" | "controlled" | undefined;
  readonly errorCode: number | undefined;
  readonly mappedAddress: { readonly host: string; readonly port: number } | undefined;
  /** Where MESSAGE-INTEGRITY starts, or -1. */
  readonly integrityOffset: number;
}
export type StunResult =
  | { readonly ok: true; readonly message: StunMessage }
  | { readonly ok: false; readonly reason: StunRejection };

type Fields = { -readonly [K in Exclude<keyof StunMessage, "class" | "transactionId">]: StunMessage[K] };

export function parseStun(bytes: Uint8Array): StunResult {
  if (bytes.length < HEADER_BYTES || bytes.length > MAX_STUN_BYTES) return refuse("stun_malformed");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (
    view.getUint32(4) !== MAGIC_COOKIE ||
    view.getUint16(2) !== bytes.length - HEADER_BYTES ||
    bytes.length % 4 !== 0
  ) {
    return refuse("stun_malformed");
  }
  const stunClass = CLASSES[view.getUint16(0) as keyof typeof CLASSES];
  if (stunClass === undefined) return refuse("stun_not_binding");
  const fields: Fields = {
    username: undefined,
    useCandidate: false,
    priority: undefined,
    role: undefined,
    errorCode: undefined,
    mappedAddress: undefined,
    integrityOffset: -1,
  };
  const reason = readAttributes(view, bytes, fields);
  if (reason !== undefined) return refuse(reason);
  return { ok: true, message: { class: stunClass, transactionId: bytes.subarray(8, 20), ...fields } };
}

function refuse(reason: StunRejection): StunResult {
  return { ok: false, reason };
}

function readAttributes(view: DataView, bytes: Uint8Array, fields: Fields): StunRejection | undefined {
  let offset = HEADER_BYTES;
  while (offset < bytes.length) {
    if (offset + 4 > bytes.length) return "stun_malformed";
    const type = view.getUint16(offset);
    const length = view.getUint16(offset + 2);
    const end = offset + 4 + length;
    if (end > bytes.length) return "stun_malformed";
    if (type === ATTRIBUTE.fingerprint) return checkFingerprint(view, bytes, { offset, length });
    const value = bytes.subarray(offset + 4, end);
    if (fields.integrityOffset < 0 && !readAttribute(type, { value, offset }, fields)) return "stun_malformed";
    offset = end + ((4 - (length & 3)) & 3);
  }
  return undefined;
}

/** FINGERPRINT must be the last attribute (RFC 8489 section 14.7). */
function checkFingerprint(
  view: DataView,
  bytes: Uint8Array,
  at: { readonly offset: number; readonly length: number },
): StunRejection | undefined {
  if (at.length !== 4 || at.offset + 8 !== bytes.length) return "stun_malformed";
  const expected = (crc32(bytes, at.offset) ^ FINGERPRINT_XOR) >>> 0;
  return view.getUint32(at.offset + 4) === expected ? undefined : "stun_bad_fingerprint";
}

/** False when a known attribute has an impossible size. Unknown attributes are passed over. */
function readAttribute(
  type: number,
  at: { readonly value: Uint8Array; readonly offset: number },
  fields: Fields,
): boolean {
  const { value } = at;
  switch (type) {
    case ATTRIBUTE.messageIntegrity:
      fields.integrityOffset = at.offset;
      return value.length === 20;
    case ATTRIBUTE.username:
      if (value.length > MAX_USERNAME_BYTES) return false;
      fields.username ??= Buffer.from(value).toString("latin1");
      return true;
    case ATTRIBUTE.useCandidate:
      fields.useCandidate = true;
      return value.length === 0;
    case ATTRIBUTE.priority:
      if (value.length !== 4) return false;
      fields.priority = new DataView(value.buffer, value.byteOffset, 4).getUint32(0);
      return true;
    case ATTRIBUTE.iceControlling:
      fields.role = "controlling";
      return value.length === 8;
    case ATTRIBUTE.iceControlled:
      fields.role = "controlled";
      return value.length === 8;
    case ATTRIBUTE.errorCode:
      if (value.length < 4) return false;
      fields.errorCode = ((value[2] ?? 0) & 7) * 100 + (value[3] ?? 0);
      return true;
    case ATTRIBUTE.xorMappedAddress:
      return readMappedAddress(value, fields);
    default:
      return true;
  }
}

function readMappedAddress(value: Uint8Array, fields: Fields): boolean {
  // The transaction id that unmasks IPv6 lies before the attributes of the same datagram.
  const ipBytes = value[1] === 1 ? 4 : 16;
  if ((value[1] !== 1 && value[1] !== 2) || value.length !== 4 + ipBytes) return false;
  if (ipBytes === 16) return true;
  const host = bytesToIp(value.subarray(4).map((byte, i) => byte ^ ((MAGIC_COOKIE >>> (24 - 8 * i)) & 0xff)));
  fields.mappedAddress = { host, port: (((value[2] ?? 0) << 8) | (value[3] ?? 0)) ^ (MAGIC_COOKIE >>> 16) };
  return true;
}

/** Compares MESSAGE-INTEGRITY in constant time; false when the message has none. */
export function verifyIntegrity(bytes: Uint8Array, message: StunMessage, password: string): boolean {
  const offset = message.integrityOffset;
  if (offset < 0) return false;
  return timingSafeEqual(integrityOf(bytes, offset, password), bytes.subarray(offset + 4, offset + 24));
}

/** The HMAC covers everything before the attribute, with a length field as if the attribute were the last. */
function integrityOf(bytes: Uint8Array, offset: number, password: string): Buffer {
  const covered = Buffer.from(bytes.subarray(0, offset));
  covered.writeUInt16BE(offset - HEADER_BYTES + 24, 2);
  return createHmac("sha1", password).update(covered).digest();
}

/** A binding request of the controlling agent (RFC 8445 section 7.1). `transactionId` is 12 fresh random bytes. */
export function buildBindingRequest(input: {
  readonly transactionId: Uint8Array;
  readonly username: string;
  readonly password: string;
  readonly priority: number;
  readonly tieBreaker: bigint;
  readonly useCandidate: boolean;
}): Buffer {
  const username = Buffer.from(input.username, "latin1");
  const priority = Buffer.alloc(4);
  priority.writeUInt32BE(input.priority >>> 0, 0);
  const tieBreaker = Buffer.alloc(8);
  tieBreaker.writeBigUInt64BE(BigInt.asUintN(64, input.tieBreaker), 0);
  return seal(0x0001, input, [
    attribute(ATTRIBUTE.username, username),
    attribute(ATTRIBUTE.priority, priority),
    attribute(ATTRIBUTE.iceControlling, tieBreaker),
    ...(input.useCandidate ? [attribute(ATTRIBUTE.useCandidate, Buffer.alloc(0))] : []),
  ]);
}

/** The answer to an authenticated request: where it came from. */
export function buildBindingSuccess(input: {
  readonly transactionId: Uint8Array;
  readonly password: string;
  readonly mapped: UdpAddress;
}): Buffer {
  const ip = ipToBytes(input.mapped.host) ?? new Uint8Array(4);
  const mask = Buffer.alloc(16);
  mask.writeUInt32BE(MAGIC_COOKIE, 0);
  mask.set(input.transactionId, 4);
  const value = Buffer.alloc(4 + ip.length);
  value[1] = ip.length === 4 ? 1 : 2;
  value.writeUInt16BE((input.mapped.port ^ (MAGIC_COOKIE >>> 16)) & 0xffff, 2);
  for (const [i, byte] of ip.entries()) value[4 + i] = byte ^ (mask[i] ?? 0);
  return seal(0x0101, input, [attribute(ATTRIBUTE.xorMappedAddress, value)]);
}

/** 487 Role Conflict (RFC 8445 section 7.3.1.1): a lite agent is always controlled. */
export function buildRoleConflict(input: { readonly transactionId: Uint8Array; readonly password: string }): Buffer {
  const value = Buffer.concat([Buffer.from([0, 0, 4, 87]), Buffer.from("Role Conflict", "latin1")]);
  return seal(0x0111, input, [attribute(ATTRIBUTE.errorCode, value)]);
}

function attribute(type: number, value: Uint8Array): Buffer {
  const bytes = Buffer.alloc(4 + ((value.length + 3) & ~3));
  bytes.writeUInt16BE(type, 0);
  bytes.writeUInt16BE(value.length, 2);
  bytes.set(value, 4);
  return bytes;
}

/** Header, attributes, then MESSAGE-INTEGRITY and FINGERPRINT. */
function seal(
  type: number,
  key: { readonly transactionId: Uint8Array; readonly password: string },
  attributes: readonly Buffer[],
): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16BE(type, 0);
  header.writeUInt32BE(MAGIC_COOKIE, 4);
  header.set(key.transactionId.subarray(0, 12), 8);
  const body = Buffer.concat([header, ...attributes, Buffer.alloc(24 + 8)]);
  const integrityAt = body.length - 32;
  attribute(ATTRIBUTE.messageIntegrity, integrityOf(body, integrityAt, key.password)).copy(body, integrityAt);
  body.writeUInt16BE(body.length - HEADER_BYTES, 2);
  const fingerprintAt = body.length - 8;
  body.writeUInt16BE(ATTRIBUTE.fingerprint, fingerprintAt);
  body.writeUInt16BE(4, fingerprintAt + 2);
  body.writeUInt32BE((crc32(body, fingerprintAt) ^ FINGERPRINT_XOR) >>> 0, fingerprintAt + 4);
  return body;
}
