// Queries, their answers, and what is relayed.

import { lamportTime, nodeName } from "../types.ts";
import { orderOf, readAddress, readName, readNames, readPort, readTime } from "./decode-message.ts";
import { FILTER_NODES, FILTER_TAG } from "./encode-serf.ts";
import type { SerfQuery, SerfQueryFilter, SerfQueryResponse, SerfRelay } from "./messages.ts";
import { Reader } from "./reader.ts";

const EMPTY: Uint8Array = new Uint8Array(0);
const NOBODY = nodeName("");
const START = lamportTime(0);
/** Filters of one query; the reference bounds the query's bytes to 1024. */
const MAX_FILTERS = 64;
const MAX_UINT8 = 255;
const QUERY_FIELDS = "LTime ID Addr Port SourceNode Filters Flags RelayFactor Timeout Name Payload".split(" ");
const FILTER_FIELDS = ["Tag", "Expr"];
const RESPONSE_FIELDS = ["LTime", "ID", "From", "Flags", "Payload"];
const RELAY_FIELDS = ["DestAddr", "DestName"];
const ADDRESS_FIELDS = ["IP", "Port", "Zone"];

type Draft<T> = { -readonly [K in keyof T]: T[K] };

export function readQuery(reader: Reader): SerfQuery {
  const query: Draft<SerfQuery> = {
    kind: "query",
    lamportTime: START,
    id: 0,
    addr: EMPTY,
    port: 0,
    sourceNode: NOBODY,
    filters: [],
    flags: 0,
    relayFactor: 0,
    timeoutNs: 0,
    name: "",
    payload: EMPTY,
  };
  const count = reader.struct();
  const order = orderOf(reader, QUERY_FIELDS);
  for (let i = 0; i < count && !reader.isFailed; i += 1) {
    readQueryField(query, (order === undefined ? reader.key() : order[i]) ?? "", reader);
  }
  return query;
}

function readQueryField(query: Draft<SerfQuery>, field: string, reader: Reader): void {
  switch (field) {
    case "LTime":
      query.lamportTime = readTime(reader);
      break;
    case "ID":
      query.id = reader.uint32();
      break;
    case "Addr":
      query.addr = readAddress(reader);
      break;
    case "Port":
      query.port = readPort(reader);
      break;
    case "SourceNode":
      query.sourceNode = readName(reader);
      break;
    case "Filters":
      query.filters = readFilters(reader);
      break;
    case "Flags":
      query.flags = reader.uint32();
      break;
    case "RelayFactor":
      query.relayFactor = reader.uint(MAX_UINT8);
      break;
    case "Timeout":
      query.timeoutNs = reader.uint53();
      break;
    case "Name":
      query.name = reader.text();
      break;
    case "Payload":
      query.payload = reader.blob();
      break;
    default:
      reader.skip();
  }
}

function readFilters(reader: Reader): SerfQueryFilter[] {
  const filters: SerfQueryFilter[] = [];
  const count = reader.list();
  if (count > MAX_FILTERS) reader.fail("too_many");
  for (let i = 0; i < count && !reader.isFailed; i += 1) filters.push(decodeFilter(reader.blob()));
  return filters;
}

/** What cannot be read matches nobody; the query itself stays good, because it must be passed on. */
function decodeFilter(bytes: Uint8Array): SerfQueryFilter {
  const reader = new Reader(bytes, Math.min(1, bytes.length));
  if (bytes[0] === FILTER_NODES) {
    const nodes = readNames(reader);
    return reader.isFailed ? { kind: "unknown" } : { kind: "nodes", nodes };
  }
  if (bytes[0] !== FILTER_TAG) return { kind: "unknown" };
  let tag = "";
  let expression = "";
  const count = reader.struct();
  const order = orderOf(reader, FILTER_FIELDS);
  for (let i = 0; i < count && !reader.isFailed; i += 1) {
    const field = order === undefined ? reader.key() : order[i];
    if (field === "Tag") tag = reader.text();
    else if (field === "Expr") expression = reader.text();
    else reader.skip();
  }
  return reader.isFailed ? { kind: "unknown" } : { kind: "tag", tag, expression };
}

export function readQueryResponse(reader: Reader): SerfQueryResponse {
  let time = START;
  let id = 0;
  let from = NOBODY;
  let flags = 0;
  let payload = EMPTY;
  const count = reader.struct();
  const order = orderOf(reader, RESPONSE_FIELDS);
  for (let i = 0; i < count && !reader.isFailed; i += 1) {
    switch (order === undefined ? reader.key() : order[i]) {
      case "LTime":
        time = readTime(reader);
        break;
      case "ID":
        id = reader.uint32();
        break;
      case "From":
        from = readName(reader);
        break;
      case "Flags":
        flags = reader.uint32();
        break;
      case "Payload":
        payload = reader.blob();
        break;
      default:
        reader.skip();
    }
  }
  return { kind: "queryResponse", lamportTime: time, id, from, flags, payload };
}

export function readRelay(reader: Reader): SerfRelay {
  let address = { addr: EMPTY, port: 0 };
  let node = NOBODY;
  const count = reader.struct();
  const order = orderOf(reader, RELAY_FIELDS);
  for (let i = 0; i < count && !reader.isFailed; i += 1) {
    const field = order === undefined ? reader.key() : order[i];
    if (field === "DestAddr") address = readRelayAddress(reader);
    else if (field === "DestName") node = readName(reader);
    else reader.skip();
  }
  if (address.addr.length === 0) reader.fail("bad_address");
  return { kind: "relay", ...address, node, payload: reader.rest() };
}

function readRelayAddress(reader: Reader): { addr: Uint8Array; port: number } {
  let addr = EMPTY;
  let port = 0;
  const count = reader.struct();
  const order = orderOf(reader, ADDRESS_FIELDS);
  for (let i = 0; i < count && !reader.isFailed; i += 1) {
    const field = order === undefined ? reader.key() : order[i];
    if (field === "IP") addr = readAddress(reader);
    else if (field === "Port") port = readPort(reader);
    else reader.skip();
  }
  return { addr, port };
}
