// memberlist messages to bytes, byte for byte as the stock agent writes them (gossip/WIRE.md). Keys are laid out ready
// with their headers, because a simulated cluster encodes a million of these.

import { assertNever } from "../types.ts";
import { MessageType } from "./message-type.ts";
import type {
  AckMessage,
  AliveMessage,
  DeadMessage,
  ErrMessage,
  IndirectPingMessage,
  NackMessage,
  PingMessage,
  PushPullMessage,
  PushPullNode,
  RecordState,
  ReplyTo,
  StreamMessage,
  SuspectMessage,
  WireMessage,
} from "./messages.ts";
import { Writer } from "./writer.ts";

/** memberlist's numbers of states in push/pull records. */
export const RECORD_STATES: readonly RecordState[] = ["alive", "suspect", "dead", "left"];

const scratch = new Writer("gossip", 2048);

/** Key names as raw strings, one after the other nothing else: for writing without looking at text. */
function key(name: string): Uint8Array {
  return Uint8Array.of(0xa0 | name.length, ...Array.from(name, (letter) => letter.charCodeAt(0)));
}

const ADDR = key("Addr");
const ERROR = key("Error");
const FROM = key("From");
const INCARNATION = key("Incarnation");
const JOIN = key("Join");
const META = key("Meta");
const NACK = key("Nack");
const NAME = key("Name");
const NODE = key("Node");
const NODES = key("Nodes");
const PAYLOAD = key("Payload");
const PORT = key("Port");
const SEQ_NO = key("SeqNo");
const SOURCE_ADDR = key("SourceAddr");
const SOURCE_NODE = key("SourceNode");
const SOURCE_PORT = key("SourcePort");
const STATE = key("State");
const TARGET = key("Target");
const USER_MSG_LEN = key("UserMsgLen");
const USER_STATE_LEN = key("UserStateLen");
const VSN = key("Vsn");

/** The bytes of one packet message, type byte first. */
export function encodeMessage(message: WireMessage): Uint8Array {
  const out = scratch;
  switch (message.kind) {
    case "ping":
      writePing(out, message);
      break;
    case "indirectPing":
      writeIndirectPing(out, message);
      break;
    case "ack":
      writeAck(out, message);
      break;
    case "nack":
      writeNack(out, message);
      break;
    case "suspect":
    case "dead":
      writeAccusation(out, message);
      break;
    case "alive":
      writeAlive(out, message);
      break;
    case "user":
      out.byte(MessageType.user);
      out.bytes(message.payload);
      break;
    default:
      return assertNever(message);
  }
  return out.take();
}

/** The bytes of one stream message before compression and encryption, type byte first. */
export function encodeStreamMessage(message: StreamMessage): Uint8Array {
  const out = scratch;
  switch (message.kind) {
    case "pushPull":
      writePushPull(out, message);
      break;
    case "user":
      out.byte(MessageType.user);
      out.map(1);
      out.bytes(USER_MSG_LEN);
      out.int(message.payload.length);
      out.bytes(message.payload);
      break;
    case "err":
      writeErr(out, message);
      break;
    case "ping":
      writePing(out, message);
      break;
    case "ack":
      writeAck(out, message);
      break;
    default:
      return assertNever(message);
  }
  return out.take();
}

function writePing(out: Writer, message: PingMessage): void {
  const source = message.source;
  out.byte(MessageType.ping);
  out.map(source === undefined ? 2 : 5);
  out.bytes(NODE);
  out.text(message.node);
  out.bytes(SEQ_NO);
  out.int(message.seqNo);
  if (source !== undefined) writeSource(out, source);
}

/** The three keys that sort behind SeqNo and before Target. */
function writeSource(out: Writer, source: ReplyTo): void {
  out.bytes(SOURCE_ADDR);
  out.blob(source.addr);
  out.bytes(SOURCE_NODE);
  out.text(source.node);
  out.bytes(SOURCE_PORT);
  out.int(source.port);
}

function writeIndirectPing(out: Writer, message: IndirectPingMessage): void {
  const source = message.source;
  out.byte(MessageType.indirectPing);
  out.map(source === undefined ? 5 : 8);
  out.bytes(NACK);
  out.bool(message.nack);
  out.bytes(NODE);
  out.text(message.node);
  out.bytes(PORT);
  out.int(message.port);
  out.bytes(SEQ_NO);
  out.int(message.seqNo);
  if (source !== undefined) writeSource(out, source);
  out.bytes(TARGET);
  out.blob(message.target);
}

function writeAck(out: Writer, message: AckMessage): void {
  out.byte(MessageType.ack);
  out.map(2);
  out.bytes(PAYLOAD);
  if (message.payload.length === 0) out.nil();
  else out.blob(message.payload);
  out.bytes(SEQ_NO);
  out.int(message.seqNo);
}

function writeNack(out: Writer, message: NackMessage): void {
  out.byte(MessageType.nack);
  out.map(1);
  out.bytes(SEQ_NO);
  out.int(message.seqNo);
}

function writeAccusation(out: Writer, message: SuspectMessage | DeadMessage): void {
  out.byte(message.kind === "dead" ? MessageType.dead : MessageType.suspect);
  out.map(3);
  out.bytes(FROM);
  out.text(message.from);
  out.bytes(INCARNATION);
  out.int(message.incarnation);
  out.bytes(NODE);
  out.text(message.node);
}

function writeAlive(out: Writer, message: AliveMessage): void {
  out.byte(MessageType.alive);
  out.map(6);
  out.bytes(ADDR);
  out.blob(message.addr);
  out.bytes(INCARNATION);
  out.int(message.incarnation);
  out.bytes(META);
  out.blob(message.meta);
  out.bytes(NODE);
  out.text(message.node);
  out.bytes(PORT);
  out.int(message.port);
  out.bytes(VSN);
  out.blob(message.vsn);
}

function writePushPull(out: Writer, message: PushPullMessage): void {
  out.byte(MessageType.pushPull);
  out.map(3);
  out.bytes(JOIN);
  out.bool(message.join);
  out.bytes(NODES);
  out.int(message.nodes.length);
  out.bytes(USER_STATE_LEN);
  out.int(message.userState.length);
  for (const node of message.nodes) writePushPullNode(out, node);
  out.bytes(message.userState);
}

function writePushPullNode(out: Writer, node: PushPullNode): void {
  out.map(7);
  out.bytes(ADDR);
  out.blob(node.addr);
  out.bytes(INCARNATION);
  out.int(node.incarnation);
  out.bytes(META);
  out.blob(node.meta);
  out.bytes(NAME);
  out.text(node.node);
  out.bytes(PORT);
  out.int(node.port);
  out.bytes(STATE);
  out.int(RECORD_STATES.indexOf(node.state));
  out.bytes(VSN);
  out.blob(node.vsn);
}

function writeErr(out: Writer, message: ErrMessage): void {
  out.byte(MessageType.err);
  out.map(1);
  out.bytes(ERROR);
  out.text(message.error);
}
