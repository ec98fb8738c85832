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

/** Undefined when the agent knows none. */
export function readCoordinate(reply: RpcMap): CoordinateSnapshot | undefined {
  const record = reply.get("Coord");
  if (reply.get("Ok") !== true || !isMap(record)) return undefined;
  const number = (field: string): number => {
    const value = record.get(field);
    return typeof value === "number" ? value : 0;
  };
  const vec = record.get("Vec");
  return {
    vec: Array.isArray(vec) ? vec.filter((component): component is number => typeof component === "number") : [],
    error: number("Error"),
    adjustment: number("Adjustment"),
    height: number("Height"),
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
