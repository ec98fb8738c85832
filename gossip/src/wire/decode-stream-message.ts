// The parts of stream messages that packets do not have: push/pull header and records, user header, error.

import { incarnation, nodeName } from "../types.ts";
import {
  checkMember,
  orderOf,
  readAddress,
  readIncarnation,
  readMeta,
  readName,
  readPort,
  readVersions,
} from "./decode-message.ts";
import { RECORD_STATES } from "./encode-message.ts";
import type { ErrMessage, PushPullNode } from "./messages.ts";
import type { Reader } from "./reader.ts";

const EMPTY: Uint8Array = new Uint8Array(0);

// Declaration order, for structs that come as lists.
const RECORD_FIELDS = ["Name", "Addr", "Port", "Meta", "Incarnation", "State", "Vsn"];
const PUSH_PULL_FIELDS = ["Nodes", "UserStateLen", "Join"];
const USER_FIELDS = ["UserMsgLen"];
const ERR_FIELDS = ["Error"];

/** One record of a push/pull, which has no type byte. */
export function readPushPullNode(reader: Reader): PushPullNode {
  let node = nodeName("");
  let addr = EMPTY;
  let port = 0;
  let meta = EMPTY;
  let at = incarnation(0);
  let state = 0;
  let vsn = EMPTY;
  const count = reader.struct();
  const order = orderOf(reader, RECORD_FIELDS);
  for (let i = 0; i < count && !reader.isFailed; i += 1) {
    switch (order === undefined ? reader.key() : order[i]) {
      case "Name":
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
      case "Incarnation":
        at = readIncarnation(reader);
        break;
      case "State":
        state = reader.uint(RECORD_STATES.length - 1);
        break;
      case "Vsn":
        vsn = readVersions(reader);
        break;
      default:
        reader.skip();
    }
  }
  checkMember(reader, node, addr);
  return { node, addr, port, meta, incarnation: at, state: RECORD_STATES[state] ?? "dead", vsn };
}

export interface PushPullHeader {
  readonly nodeCount: number;
  readonly userStateBytes: number;
  readonly join: boolean;
}

export function readPushPullHeader(reader: Reader): PushPullHeader {
  let nodeCount = 0;
  let userStateBytes = 0;
  let join = false;
  const count = reader.struct();
  const order = orderOf(reader, PUSH_PULL_FIELDS);
  for (let i = 0; i < count && !reader.isFailed; i += 1) {
    switch (order === undefined ? reader.key() : order[i]) {
      case "Nodes":
        nodeCount = reader.uint53();
        break;
      case "UserStateLen":
        userStateBytes = reader.uint53();
        break;
      case "Join":
        join = reader.bool();
        break;
      default:
        reader.skip();
    }
  }
  return { nodeCount, userStateBytes, join };
}

/** The number of payload bytes that follow the header of a user stream. */
export function readUserStreamHeader(reader: Reader): number {
  let length = 0;
  const count = reader.struct();
  const order = orderOf(reader, USER_FIELDS);
  for (let i = 0; i < count && !reader.isFailed; i += 1) {
    if ((order === undefined ? reader.key() : order[i]) === "UserMsgLen") length = reader.uint53();
    else reader.skip();
  }
  return length;
}

export function readErr(reader: Reader): ErrMessage {
  let error = "";
  const count = reader.struct();
  const order = orderOf(reader, ERR_FIELDS);
  for (let i = 0; i < count && !reader.isFailed; i += 1) {
    if ((order === undefined ? reader.key() : order[i]) === "Error") error = reader.text();
    else reader.skip();
  }
  return { kind: "err", error };
}
