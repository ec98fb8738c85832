// Serf messages to the payload of a user message, byte for byte as the stock agent writes them: keys sorted, as everywhere.

import { assertNever } from "../types.ts";
import { SerfType } from "./message-type.ts";
import type {
  SerfConflictMember,
  SerfEventEntry,
  SerfEventSlot,
  SerfKeyResponse,
  SerfMessage,
  SerfPushPull,
  SerfQuery,
  SerfQueryFilter,
  SerfQueryResponse,
  SerfRelay,
  SerfStatus,
  SerfUserEvent,
} from "./messages.ts";
import { Writer } from "./writer.ts";

/** Serf's numbers of member statuses. */
export const SERF_STATUSES: readonly SerfStatus[] = ["none", "alive", "leaving", "left", "failed"];
/** Types of filters inside a query. */
export const FILTER_NODES = 0;
export const FILTER_TAG = 1;

/** Kept apart from the messages' own writer: a filter is encoded while its query is. */
const scratch = new Writer("gossip", 2048);
const filterScratch = new Writer("gossip", 256);

/** The payload of a user message, Serf type byte first. */
export function encodeSerf(message: SerfMessage): Uint8Array {
  const out = scratch;
  switch (message.kind) {
    case "leave":
      out.byte(SerfType.leave);
      writeIntent(out, message.lamportTime, message.node, message.prune);
      break;
    case "join":
      out.byte(SerfType.join);
      writeIntent(out, message.lamportTime, message.node);
      break;
    case "serfPushPull":
      writePushPull(out, message);
      break;
    case "userEvent":
      writeUserEvent(out, message);
      break;
    case "query":
      writeQuery(out, message);
      break;
    case "queryResponse":
      writeQueryResponse(out, message);
      break;
    case "relay":
      writeRelay(out, message);
      break;
    case "direct":
      out.byte(SerfType.direct);
      out.bytes(message.body);
      break;
    default:
      writeInternal(out, message);
  }
  return out.take();
}

type InternalMessage = Extract<SerfMessage, { readonly kind: "conflictResponse" | "keyRequest" | "keyResponse" }>;

/** Bodies of Serf's own queries and their answers. */
function writeInternal(out: Writer, message: InternalMessage): void {
  switch (message.kind) {
    case "conflictResponse":
      out.byte(SerfType.conflictResponse);
      if (message.member === null) out.nil();
      else writeMember(out, message.member);
      break;
    case "keyRequest":
      out.byte(SerfType.keyRequest);
      out.map(1);
      out.text("Key");
      out.blob(message.key);
      break;
    case "keyResponse":
      writeKeyResponse(out, message);
      break;
    default:
      assertNever(message);
  }
}

/** An empty payload is null on the wire. */
function writeOptional(out: Writer, bytes: Uint8Array): void {
  if (bytes.length === 0) out.nil();
  else out.blob(bytes);
}

function writeIntent(out: Writer, lamportTime: number, node: string, prune?: boolean): void {
  out.map(prune === undefined ? 2 : 3);
  out.text("LTime");
  out.int(lamportTime);
  out.text("Node");
  out.text(node);
  if (prune === undefined) return;
  out.text("Prune");
  out.bool(prune);
}

function writePushPull(out: Writer, message: SerfPushPull): void {
  out.byte(SerfType.pushPull);
  out.map(6);
  out.text("EventLTime");
  out.int(message.eventTime);
  out.text("Events");
  out.list(message.events.length);
  for (const slot of message.events) {
    if (slot === null) out.nil();
    else writeSlot(out, slot);
  }
  out.text("LTime");
  out.int(message.lamportTime);
  out.text("LeftMembers");
  out.list(message.leftMembers.length);
  for (const name of message.leftMembers) out.text(name);
  out.text("QueryLTime");
  out.int(message.queryTime);
  out.text("StatusLTimes");
  out.map(message.statusTimes.size);
  for (const [name, time] of message.statusTimes) {
    out.text(name);
    out.int(time);
  }
}

function writeSlot(out: Writer, slot: SerfEventSlot): void {
  out.map(2);
  out.text("Events");
  out.list(slot.events.length);
  for (const event of slot.events) writeEntry(out, event);
  out.text("LTime");
  out.int(slot.lamportTime);
}

function writeEntry(out: Writer, event: SerfEventEntry): void {
  out.map(2);
  out.text("Name");
  out.text(event.name);
  out.text("Payload");
  writeOptional(out, event.payload);
}

function writeUserEvent(out: Writer, message: SerfUserEvent): void {
  out.byte(SerfType.userEvent);
  out.map(4);
  out.text("CC");
  out.bool(message.coalesce);
  out.text("LTime");
  out.int(message.lamportTime);
  out.text("Name");
  out.text(message.name);
  out.text("Payload");
  writeOptional(out, message.payload);
}

function writeQuery(out: Writer, message: SerfQuery): void {
  out.byte(SerfType.query);
  out.map(11);
  out.text("Addr");
  out.blob(message.addr);
  out.text("Filters");
  if (message.filters.length === 0) out.nil();
  else {
    out.list(message.filters.length);
    for (const filter of message.filters) out.blob(encodeFilter(filter));
  }
  out.text("Flags");
  out.int(message.flags);
  out.text("ID");
  out.int(message.id);
  out.text("LTime");
  out.int(message.lamportTime);
  out.text("Name");
  out.text(message.name);
  out.text("Payload");
  writeOptional(out, message.payload);
  out.text("Port");
  out.int(message.port);
  out.text("RelayFactor");
  out.int(message.relayFactor);
  out.text("SourceNode");
  out.text(message.sourceNode);
  out.text("Timeout");
  out.int(message.timeoutNs);
}

/** Never empty: a filter of no bytes ends a stock agent. An unknown one stays one, of a type that nobody has. */
function encodeFilter(filter: SerfQueryFilter): Uint8Array {
  const out = filterScratch;
  switch (filter.kind) {
    case "nodes":
      out.byte(FILTER_NODES);
      out.list(filter.nodes.length);
      for (const node of filter.nodes) out.text(node);
      break;
    case "tag":
      out.byte(FILTER_TAG);
      out.map(2);
      out.text("Expr");
      out.text(filter.expression);
      out.text("Tag");
      out.text(filter.tag);
      break;
    case "unknown":
      out.byte(0xff);
      break;
    default:
      return assertNever(filter);
  }
  return out.take();
}

function writeQueryResponse(out: Writer, message: SerfQueryResponse): void {
  out.byte(SerfType.queryResponse);
  out.map(5);
  out.text("Flags");
  out.int(message.flags);
  out.text("From");
  out.text(message.from);
  out.text("ID");
  out.int(message.id);
  out.text("LTime");
  out.int(message.lamportTime);
  out.text("Payload");
  writeOptional(out, message.payload);
}

function writeMember(out: Writer, member: SerfConflictMember): void {
  const version = (index: number): number => member.vsn[index] ?? 0;
  out.map(11);
  out.text("Addr");
  out.blob(member.addr);
  out.text("DelegateCur");
  out.int(version(5));
  out.text("DelegateMax");
  out.int(version(4));
  out.text("DelegateMin");
  out.int(version(3));
  out.text("Name");
  out.text(member.name);
  out.text("Port");
  out.int(member.port);
  out.text("ProtocolCur");
  out.int(version(2));
  out.text("ProtocolMax");
  out.int(version(1));
  out.text("ProtocolMin");
  out.int(version(0));
  out.text("Status");
  out.int(SERF_STATUSES.indexOf(member.status));
  out.text("Tags");
  out.map(member.tags.size);
  for (const [name, value] of member.tags) {
    out.text(name);
    out.text(value);
  }
}

function writeKeyResponse(out: Writer, message: SerfKeyResponse): void {
  out.byte(SerfType.keyResponse);
  out.map(4);
  out.text("Keys");
  if (message.keys.length === 0) out.nil();
  else {
    out.list(message.keys.length);
    for (const key of message.keys) out.text(key);
  }
  out.text("Message");
  out.text(message.message);
  out.text("PrimaryKey");
  out.text(message.primaryKey);
  out.text("Result");
  out.bool(message.result);
}

function writeRelay(out: Writer, message: SerfRelay): void {
  out.byte(SerfType.relay);
  out.map(2);
  out.text("DestAddr");
  out.map(3);
  out.text("IP");
  out.blob(message.addr);
  out.text("Port");
  out.int(message.port);
  out.text("Zone");
  out.text("");
  out.text("DestName");
  out.text(message.node);
  out.bytes(message.payload);
}
