// Bodies of the queries that Serf runs for itself: name conflicts and keys.

import { nodeName } from "../types.ts";
import { orderOf, readAddress, readName, readPort } from "./decode-message.ts";
import { SERF_STATUSES } from "./encode-serf.ts";
import type { SerfConflictMember, SerfKeyRequest, SerfKeyResponse, SerfStatus } from "./messages.ts";
import type { Reader } from "./reader.ts";

const EMPTY: Uint8Array = new Uint8Array(0);
const MAX_UINT8 = 255;
const KEY_REQUEST_FIELDS = ["Key"];
const KEY_RESPONSE_FIELDS = ["Result", "Message", "Keys", "PrimaryKey"];
/** In the order of a version vector. */
const VERSION_FIELDS = ["ProtocolMin", "ProtocolMax", "ProtocolCur", "DelegateMin", "DelegateMax", "DelegateCur"];
const MEMBER_FIELDS = ["Name", "Addr", "Port", "Tags", "Status", ...VERSION_FIELDS];

type Draft<T> = { -readonly [K in keyof T]: T[K] };

export function readConflictMember(reader: Reader): SerfConflictMember {
  const member: Draft<SerfConflictMember> = {
    name: nodeName(""),
    addr: EMPTY,
    port: 0,
    tags: new Map(),
    status: "none",
    vsn: new Uint8Array(VERSION_FIELDS.length),
  };
  const count = reader.struct();
  const order = orderOf(reader, MEMBER_FIELDS);
  for (let i = 0; i < count && !reader.isFailed; i += 1) {
    readMemberField(member, (order === undefined ? reader.key() : order[i]) ?? "", reader);
  }
  return member;
}

function readMemberField(member: Draft<SerfConflictMember>, field: string, reader: Reader): void {
  switch (field) {
    case "Name":
      member.name = readName(reader);
      break;
    case "Addr":
      member.addr = readAddress(reader);
      break;
    case "Port":
      member.port = readPort(reader);
      break;
    case "Tags":
      member.tags = readTags(reader);
      break;
    case "Status":
      member.status = SERF_STATUSES[reader.uint(SERF_STATUSES.length - 1)] as SerfStatus;
      break;
    default: {
      const index = VERSION_FIELDS.indexOf(field);
      if (index < 0) reader.skip();
      else member.vsn[index] = reader.uint(MAX_UINT8);
    }
  }
}

function readTags(reader: Reader): Map<string, string> {
  const tags = new Map<string, string>();
  const count = reader.map();
  for (let i = 0; i < count && !reader.isFailed; i += 1) {
    const name = reader.text();
    tags.set(name, reader.text());
  }
  return tags;
}

export function readKeyRequest(reader: Reader): SerfKeyRequest {
  let key = EMPTY;
  const count = reader.struct();
  const order = orderOf(reader, KEY_REQUEST_FIELDS);
  for (let i = 0; i < count && !reader.isFailed; i += 1) {
    if ((order === undefined ? reader.key() : order[i]) === "Key") key = reader.blob();
    else reader.skip();
  }
  return { kind: "keyRequest", key };
}

export function readKeyResponse(reader: Reader): SerfKeyResponse {
  const response: Draft<SerfKeyResponse> = {
    kind: "keyResponse",
    result: false,
    message: "",
    keys: [],
    primaryKey: "",
  };
  const count = reader.struct();
  const order = orderOf(reader, KEY_RESPONSE_FIELDS);
  for (let i = 0; i < count && !reader.isFailed; i += 1) {
    switch (order === undefined ? reader.key() : order[i]) {
      case "Result":
        response.result = reader.bool();
        break;
      case "Message":
        response.message = reader.text();
        break;
      case "Keys":
        response.keys = readKeys(reader);
        break;
      case "PrimaryKey":
        response.primaryKey = reader.text();
        break;
      default:
        reader.skip();
    }
  }
  return response;
}

function readKeys(reader: Reader): string[] {
  const keys: string[] = [];
  const count = reader.list();
  for (let i = 0; i < count && !reader.isFailed; i += 1) keys.push(reader.text());
  return keys;
}
