// The payload of a user message to a Serf message. As liberal as the reference in order and widths, bounded where it is not.

import { type LamportTime, lamportTime, type NodeName, nodeName } from "../types.ts";
import { type Decoded, orderOf, readName, readNames, readTime } from "./decode-message.ts";
import { readConflictMember, readKeyRequest, readKeyResponse } from "./decode-serf-internal.ts";
import { readQuery, readQueryResponse, readRelay } from "./decode-serf-query.ts";
import { SerfType } from "./message-type.ts";
import type {
  SerfEventEntry,
  SerfEventSlot,
  SerfJoin,
  SerfLeave,
  SerfMessage,
  SerfPushPull,
  SerfUserEvent,
} from "./messages.ts";
import { Reader } from "./reader.ts";

const EMPTY: Uint8Array = new Uint8Array(0);
const NOBODY = nodeName("");
const START = lamportTime(0);

/** Slots of an event ring that we look at; the reference has 512 and never more. */
const MAX_SLOTS = 4096;

const INTENT_FIELDS = ["LTime", "Node", "Prune"];
const PUSH_PULL_FIELDS = ["LTime", "StatusLTimes", "LeftMembers", "EventLTime", "Events", "QueryLTime"];
const EVENT_FIELDS = ["LTime", "Name", "Payload", "CC"];
const SLOT_FIELDS = ["LTime", "Events"];
const ENTRY_FIELDS = ["Name", "Payload"];

/** Any bytes. Byte fields are views into `payload`. */
export function decodeSerf(payload: Uint8Array): Decoded<SerfMessage> {
  if (payload.length === 0) return { ok: false, reason: "empty" };
  if (payload[0] === SerfType.direct) return { ok: true, value: { kind: "direct", body: payload.subarray(1) } };
  const reader = new Reader(payload, 1);
  const value = readBody(payload[0] as number, reader);
  if (value === undefined) return { ok: false, reason: "unknown_type" };
  return reader.problem === undefined ? { ok: true, value } : { ok: false, reason: reader.problem };
}

function readBody(type: number, reader: Reader): SerfMessage | undefined {
  switch (type) {
    case SerfType.leave:
    case SerfType.join:
      return readIntent(type, reader);
    case SerfType.pushPull:
      return readPushPull(reader);
    case SerfType.userEvent:
      return readUserEvent(reader);
    case SerfType.query:
      return readQuery(reader);
    case SerfType.queryResponse:
      return readQueryResponse(reader);
    case SerfType.conflictResponse:
      return { kind: "conflictResponse", member: reader.isNil() ? null : readConflictMember(reader) };
    case SerfType.keyRequest:
      return readKeyRequest(reader);
    case SerfType.keyResponse:
      return readKeyResponse(reader);
    case SerfType.relay:
      return readRelay(reader);
    default:
      return undefined;
  }
}

function readIntent(type: number, reader: Reader): SerfLeave | SerfJoin {
  let time = START;
  let node = NOBODY;
  let prune = false;
  const count = reader.struct();
  const order = orderOf(reader, INTENT_FIELDS);
  for (let i = 0; i < count && !reader.isFailed; i += 1) {
    switch (order === undefined ? reader.key() : order[i]) {
      case "LTime":
        time = readTime(reader);
        break;
      case "Node":
        node = readName(reader);
        break;
      case "Prune":
        prune = reader.bool();
        break;
      default:
        reader.skip();
    }
  }
  if (node === "") reader.fail("bad_name");
  return type === SerfType.join
    ? { kind: "join", lamportTime: time, node }
    : { kind: "leave", lamportTime: time, node, prune };
}

function readPushPull(reader: Reader): SerfPushPull {
  let time = START;
  let statusTimes = new Map<NodeName, LamportTime>();
  let leftMembers: NodeName[] = [];
  let eventTime = START;
  let events: (SerfEventSlot | null)[] = [];
  let queryTime = START;
  const count = reader.struct();
  const order = orderOf(reader, PUSH_PULL_FIELDS);
  for (let i = 0; i < count && !reader.isFailed; i += 1) {
    switch (order === undefined ? reader.key() : order[i]) {
      case "LTime":
        time = readTime(reader);
        break;
      case "StatusLTimes":
        statusTimes = readStatusTimes(reader);
        break;
      case "LeftMembers":
        leftMembers = readNames(reader);
        break;
      case "EventLTime":
        eventTime = readTime(reader);
        break;
      case "Events":
        events = readSlots(reader);
        break;
      case "QueryLTime":
        queryTime = readTime(reader);
        break;
      default:
        reader.skip();
    }
  }
  return { kind: "serfPushPull", lamportTime: time, statusTimes, leftMembers, eventTime, events, queryTime };
}

function readStatusTimes(reader: Reader): Map<NodeName, LamportTime> {
  const times = new Map<NodeName, LamportTime>();
  const count = reader.map();
  for (let i = 0; i < count && !reader.isFailed; i += 1) {
    const name = readName(reader);
    const time = readTime(reader);
    if (!reader.isFailed) times.set(name, time);
  }
  return times;
}

function readSlots(reader: Reader): (SerfEventSlot | null)[] {
  const slots: (SerfEventSlot | null)[] = [];
  const count = reader.list();
  if (count > MAX_SLOTS) reader.fail("too_many");
  for (let i = 0; i < count && !reader.isFailed; i += 1) {
    const isEmpty = reader.isNil();
    const slot = readSlot(reader);
    slots.push(isEmpty ? null : slot);
  }
  return slots;
}

function readSlot(reader: Reader): SerfEventSlot {
  let time = START;
  let events: SerfEventEntry[] = [];
  const count = reader.struct();
  const order = orderOf(reader, SLOT_FIELDS);
  for (let i = 0; i < count && !reader.isFailed; i += 1) {
    switch (order === undefined ? reader.key() : order[i]) {
      case "LTime":
        time = readTime(reader);
        break;
      case "Events":
        events = readEntries(reader);
        break;
      default:
        reader.skip();
    }
  }
  return { lamportTime: time, events };
}

function readEntries(reader: Reader): SerfEventEntry[] {
  const entries: SerfEventEntry[] = [];
  const count = reader.list();
  for (let i = 0; i < count && !reader.isFailed; i += 1) entries.push(readEntry(reader));
  return entries;
}

function readEntry(reader: Reader): SerfEventEntry {
  let name = "";
  let payload = EMPTY;
  const count = reader.struct();
  const order = orderOf(reader, ENTRY_FIELDS);
  for (let i = 0; i < count && !reader.isFailed; i += 1) {
    switch (order === undefined ? reader.key() : order[i]) {
      case "Name":
        name = reader.text();
        break;
      case "Payload":
        payload = reader.blob();
        break;
      default:
        reader.skip();
    }
  }
  return { name, payload };
}

function readUserEvent(reader: Reader): SerfUserEvent {
  let time = START;
  let name = "";
  let payload = EMPTY;
  let coalesce = false;
  const count = reader.struct();
  const order = orderOf(reader, EVENT_FIELDS);
  for (let i = 0; i < count && !reader.isFailed; i += 1) {
    switch (order === undefined ? reader.key() : order[i]) {
      case "LTime":
        time = readTime(reader);
        break;
      case "Name":
        name = reader.text();
        break;
      case "Payload":
        payload = reader.blob();
        break;
      case "CC":
        coalesce = reader.bool();
        break;
      default:
        reader.skip();
    }
  }
  return { kind: "userEvent", lamportTime: time, name, payload, coalesce };
}
