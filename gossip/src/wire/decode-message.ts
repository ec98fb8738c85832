// Bytes to memberlist messages. Key order, integer widths and unknown keys are free, as they are for the stock agent;
// sizes and lengths that would harm a stock agent, or us, are refused with a reason.

import type { WireDropReason } from "../sink.ts";
import {
  type Incarnation,
  incarnation,
  type LamportTime,
  lamportTime,
  type NodeName,
  nodeName,
  seqNo,
} from "../types.ts";
import { MAX_META_BYTES, MAX_NAME_UNITS, VERSION_VECTOR_BYTES } from "./limits.ts";
import { MessageType } from "./message-type.ts";
import type {
  AckMessage,
  AliveMessage,
  DeadMessage,
  IndirectPingMessage,
  NackMessage,
  PingMessage,
  ReplyTo,
  SuspectMessage,
  WireMessage,
} from "./messages.ts";
import { Reader } from "./reader.ts";

export interface Refused {
  readonly ok: false;
  readonly reason: WireDropReason;
}

export type Decoded<T> = { readonly ok: true; readonly value: T } | Refused;

const EMPTY: Uint8Array = new Uint8Array(0);
const NOBODY = nodeName("");
const MAX_PORT = 65_535;

// Declaration order, for structs that come as lists.
const PING_FIELDS = ["SeqNo", "Node", "SourceAddr", "SourcePort", "SourceNode"];
const INDIRECT_FIELDS = ["SeqNo", "Target", "Port", "Node", "Nack", "SourceAddr", "SourcePort", "SourceNode"];
const ACK_FIELDS = ["SeqNo", "Payload"];
const ACCUSATION_FIELDS = ["Incarnation", "Node", "From"];
const ALIVE_FIELDS = ["Incarnation", "Node", "Addr", "Port", "Meta", "Vsn"];

/**
 * One message, type byte first, that is neither a compound nor wrapped. Byte fields are views into `bytes`. What follows
 * the message's map is ignored, as the reference does.
 */
export function decodeMessage(bytes: Uint8Array, start = 0, end = bytes.length): Decoded<WireMessage> {
  if (start >= end) return { ok: false, reason: "empty" };
  if (bytes[start] === MessageType.user) {
    return { ok: true, value: { kind: "user", payload: bytes.subarray(start + 1, end) } };
  }
  const reader = new Reader(bytes, start + 1, end);
  const value = readBody(bytes[start] as number, reader);
  if (value === undefined) return { ok: false, reason: "unknown_type" };
  return reader.problem === undefined ? { ok: true, value } : { ok: false, reason: reader.problem };
}

function readBody(type: number, reader: Reader): WireMessage | undefined {
  switch (type) {
    case MessageType.ping:
      return readPing(reader);
    case MessageType.indirectPing:
      return readIndirectPing(reader);
    case MessageType.ack:
      return readAck(reader);
    case MessageType.nack:
      return readNack(reader);
    case MessageType.suspect:
      return readAccusation("suspect", reader);
    case MessageType.dead:
      return readAccusation("dead", reader);
    case MessageType.alive:
      return readAlive(reader);
    default:
      return undefined;
  }
}

/** A name of at most 128 units, which may be empty. */
export function readName(reader: Reader): NodeName {
  const text = reader.text();
  if (text.length > MAX_NAME_UNITS) reader.fail("bad_name");
  return nodeName(text);
}

/** 0, 4 or 16 bytes; null and missing are 0. */
export function readAddress(reader: Reader): Uint8Array {
  const bytes = reader.blob();
  if (bytes.length !== 4 && bytes.length !== 16 && bytes.length !== 0) reader.fail("bad_address");
  return bytes;
}

export function readNames(reader: Reader): NodeName[] {
  const names: NodeName[] = [];
  const count = reader.list();
  for (let i = 0; i < count && !reader.isFailed; i += 1) names.push(readName(reader));
  return names;
}

export const readTime = (reader: Reader): LamportTime => lamportTime(reader.uint53());

export const readPort = (reader: Reader): number => reader.uint(MAX_PORT);

/** The order of fields when the struct just started is a list. */
export const orderOf = (reader: Reader, fields: readonly string[]): readonly string[] | undefined =>
  reader.isPositional ? fields : undefined;

export function readPing(reader: Reader): PingMessage {
  let seq = 0;
  let node = NOBODY;
  let addr = EMPTY;
  let port = 0;
  let from = NOBODY;
  const count = reader.struct();
  const order = orderOf(reader, PING_FIELDS);
  for (let i = 0; i < count && !reader.isFailed; i += 1) {
    switch (order === undefined ? reader.key() : order[i]) {
      case "SeqNo":
        seq = reader.uint32();
        break;
      case "Node":
        node = readName(reader);
        break;
      case "SourceAddr":
        addr = readAddress(reader);
        break;
      case "SourcePort":
        port = readPort(reader);
        break;
      case "SourceNode":
        from = readName(reader);
        break;
      default:
        reader.skip();
    }
  }
  const source = replyTo(addr, port, from);
  return source === undefined
    ? { kind: "ping", seqNo: seqNo(seq), node }
    : { kind: "ping", seqNo: seqNo(seq), node, source };
}

/** Where to answer, if both parts of the address were told. */
function replyTo(addr: Uint8Array, port: number, node: NodeName): ReplyTo | undefined {
  return addr.length > 0 && port > 0 ? { addr, port, node } : undefined;
}

function readIndirectPing(reader: Reader): IndirectPingMessage {
  let seq = 0;
  let target = EMPTY;
  let port = 0;
  let node = NOBODY;
  let nack = false;
  let addr = EMPTY;
  let sourcePort = 0;
  let from = NOBODY;
  const count = reader.struct();
  const order = orderOf(reader, INDIRECT_FIELDS);
  for (let i = 0; i < count && !reader.isFailed; i += 1) {
    switch (order === undefined ? reader.key() : order[i]) {
      case "SeqNo":
        seq = reader.uint32();
        break;
      case "Target":
        target = readAddress(reader);
        break;
      case "Port":
        port = readPort(reader);
        break;
      case "Node":
        node = readName(reader);
        break;
      case "Nack":
        nack = reader.bool();
        break;
      case "SourceAddr":
        addr = readAddress(reader);
        break;
      case "SourcePort":
        sourcePort = readPort(reader);
        break;
      case "SourceNode":
        from = readName(reader);
        break;
      default:
        reader.skip();
    }
  }
  if (target.length === 0) reader.fail("bad_address");
  const source = replyTo(addr, sourcePort, from);
  const ping = { kind: "indirectPing", seqNo: seqNo(seq), target, port, node, nack } as const;
  return source === undefined ? ping : { ...ping, source };
}

export function readAck(reader: Reader): AckMessage {
  let seq = 0;
  let payload = EMPTY;
  const count = reader.struct();
  const order = orderOf(reader, ACK_FIELDS);
  for (let i = 0; i < count && !reader.isFailed; i += 1) {
    switch (order === undefined ? reader.key() : order[i]) {
      case "SeqNo":
        seq = reader.uint32();
        break;
      case "Payload":
        payload = reader.blob();
        break;
      default:
        reader.skip();
    }
  }
  return { kind: "ack", seqNo: seqNo(seq), payload };
}

function readNack(reader: Reader): NackMessage {
  return { kind: "nack", seqNo: readAck(reader).seqNo };
}

function readAccusation(kind: "suspect" | "dead", reader: Reader): SuspectMessage | DeadMessage {
  let at = incarnation(0);
  let node = NOBODY;
  let from = NOBODY;
  const count = reader.struct();
  const order = orderOf(reader, ACCUSATION_FIELDS);
  for (let i = 0; i < count && !reader.isFailed; i += 1) {
    switch (order === undefined ? reader.key() : order[i]) {
      case "Incarnation":
        at = readIncarnation(reader);
        break;
      case "Node":
        node = readName(reader);
        break;
      case "From":
        from = readName(reader);
        break;
      default:
        reader.skip();
    }
  }
  if (node === "") reader.fail("bad_name");
  return { kind, incarnation: at, node, from };
}

export const readIncarnation = (reader: Reader): Incarnation => incarnation(reader.uint32());

function readAlive(reader: Reader): AliveMessage {
  let at = incarnation(0);
  let node = NOBODY;
  let addr = EMPTY;
  let port = 0;
  let meta = EMPTY;
  let vsn = EMPTY;
  const count = reader.struct();
  const order = orderOf(reader, ALIVE_FIELDS);
  for (let i = 0; i < count && !reader.isFailed; i += 1) {
    switch (order === undefined ? reader.key() : order[i]) {
      case "Incarnation":
        at = readIncarnation(reader);
        break;
      case "Node":
        node = readName(reader);
        break;
      case "Addr":
        addr = readAddress(reader);
        break;
      case "Port":
        port = readPort(reader);
        break;
      case "Meta":
        meta = readMeta(reader);
        break;
      case "Vsn":
        vsn = readVersions(reader);
        break;
      default:
        reader.skip();
    }
  }
  checkMember(reader, node, addr);
  return { kind: "alive", incarnation: at, node, addr, port, meta, vsn };
}

export function readMeta(reader: Reader): Uint8Array {
  const meta = reader.blob();
  if (meta.length > MAX_META_BYTES) reader.fail("meta_too_long");
  return meta;
}

/** Six bytes or none: one to five end a stock agent, so nothing we pass on may have them. */
export function readVersions(reader: Reader): Uint8Array {
  const vsn = reader.blob();
  if (vsn.length !== VERSION_VECTOR_BYTES && vsn.length !== 0) reader.fail("bad_version_vector");
  return vsn;
}

/** What a member record cannot be without. */
export function checkMember(reader: Reader, node: NodeName, addr: Uint8Array): void {
  if (node === "") reader.fail("bad_name");
  if (addr.length === 0) reader.fail("bad_address");
}
