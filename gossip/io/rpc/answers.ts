// What an agent's RPC tells a client, read leniently: the agent is the client's own to trust, what is missing is empty.

import { distance } from "../../src/coordinate/coordinate.ts";
import type { CoordinateSnapshot, RttEstimate } from "../../src/core.ts";
import { isMap } from "./fields.ts";
import type { RpcMap } from "./value.ts";

/** One acknowledgement or answer of a member. */
export interface RpcQueryRecord {
  readonly type: "ack" | "response";
  readonly from: string;
  /** Empty with an acknowledgement. */
  readonly payload: Uint8Array;
}

export interface RpcQuestion {
  readonly name: string;
  readonly payload?: Uint8Array;
  /** Only these members; empty: all. */
  readonly nodes?: readonly string[];
  readonly tags?: Readonly<Record<string, string>>;
  readonly wantAck?: boolean;
  readonly relayFactor?: number;
  /** Default: as long as the agent thinks right. */
  readonly timeoutMs?: number;
}

const NS_PER_MS = 1e6;

export function questionBody(question: RpcQuestion): {
  readonly [field: string]: string | boolean | number | null | Uint8Array | readonly string[] | Record<string, string>;
} {
  const { payload } = question;
  return {
    FilterNodes: question.nodes ?? [],
    FilterTags: { ...question.tags },
    Name: question.name,
    Payload: payload === undefined || payload.length === 0 ? null : payload,
    RelayFactor: question.relayFactor ?? 0,
    RequestAck: question.wantAck ?? false,
    Timeout: Math.round((question.timeoutMs ?? 0) * NS_PER_MS),
  };
}

/** Undefined for what a client must pass over: records of nobody, which some agents send when the time is over. */
export function readQueryRecord(record: RpcMap): RpcQueryRecord | undefined {
  const type = record.get("Type");
  const from = record.get("From");
  const payload = record.get("Payload");
  if ((type !== "ack" && type !== "response") || typeof from !== "string" || from === "") return undefined;
  return { type, from, payload: payload instanceof Uint8Array ? payload : new Uint8Array(0) };
}

export interface RpcCoordinate extends CoordinateSnapshot {
  /** From the agent itself to this member, by probes. Only agents of ours tell it. */
  readonly measuredMs?: number;
}

/** Undefined when the agent knows none. */
export function readCoordinate(reply: RpcMap): RpcCoordinate | undefined {
  const record = reply.get("Coord");
  if (reply.get("Ok") !== true || !isMap(record)) return undefined;
  const number = (field: string): number => {
    const value = record.get(field);
    return typeof value === "number" ? value : 0;
  };
  const vec = record.get("Vec");
  const measuredMs = reply.get("MeasuredMs");
  return {
    ...(typeof measuredMs === "number" ? { measuredMs } : {}),
    vec: Array.isArray(vec) ? vec.filter((component): component is number => typeof component === "number") : [],
    error: number("Error"),
    adjustment: number("Adjustment"),
    height: number("Height"),
  };
}

/** Milliseconds by member, then by peer. */
export function readRows(reply: RpcMap): ReadonlyMap<string, ReadonlyMap<string, number>> {
  const rows = reply.get("Rows");
  const found = new Map<string, ReadonlyMap<string, number>>();
  for (const [node, row] of isMap(rows) ? rows : []) {
    if (!isMap(row)) continue;
    found.set(node, new Map([...row].filter((entry): entry is [string, number] => typeof entry[1] === "number")));
  }
  return found;
}

/** What became of a change of keys. */
export interface RpcKeyAnswer {
  /** In the agent's words; "" when every member did it. */
  readonly error: string;
  readonly numNodes: number;
  readonly numResp: number;
  readonly numErr: number;
  /** Member to what it had to say. */
  readonly messages: Readonly<Record<string, string>>;
  /** Key in base64 to members that have it, of a list. */
  readonly keys: Readonly<Record<string, number>>;
  /** To members that encrypt with it; only newer agents tell it. */
  readonly primaryKeys: Readonly<Record<string, number>>;
}

export function readKeyAnswer(error: string, reply: RpcMap): RpcKeyAnswer {
  const number = (field: string): number => {
    const value = reply.get(field);
    return typeof value === "number" ? value : 0;
  };
  const entries = <T extends string | number>(field: string, type: "string" | "number"): Record<string, T> => {
    const value = reply.get(field);
    const pairs = isMap(value) ? [...value].filter(([, item]) => typeof item === type) : [];
    return Object.fromEntries(pairs) as Record<string, T>;
  };
  return {
    error,
    numNodes: number("NumNodes"),
    numResp: number("NumResp"),
    numErr: number("NumErr"),
    messages: entries("Messages", "string"),
    keys: entries("Keys", "number"),
    primaryKeys: entries("PrimaryKeys", "number"),
  };
}

/** Undefined when the two are not comparable. */
export function estimateRtt(
  a: CoordinateSnapshot | undefined,
  b: CoordinateSnapshot | undefined,
): RttEstimate | undefined {
  if (a === undefined || b === undefined || a.vec.length !== b.vec.length) return undefined;
  return { estimateMs: distance(a, b) * 1000, error: a.error + b.error };
}

/** Something a monitor shows. */
export type RpcSighting =
  | { readonly kind: "log"; readonly line: string }
  /** `event` is "user", "query" or "member-…"; the fields are those of the record, payloads as bytes. */
  | { readonly kind: "event"; readonly event: string; readonly fields: RpcMap };

export function readSighting(record: RpcMap): RpcSighting | undefined {
  const line = record.get("Log");
  if (typeof line === "string") return { kind: "log", line };
  const event = record.get("Event");
  return typeof event === "string" ? { kind: "event", event, fields: record } : undefined;
}
