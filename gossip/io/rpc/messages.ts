// What the commands of the RPC say, as shapes, and the texts that clients compare with.

import { addressBytes } from "../../src/address.ts";
import type { Member, MemberStatus, UserEvent } from "../../src/sink.ts";
import { CHANGE_NAMES, type MembersEvent } from "../operator/events.ts";
import type { QueryCall } from "../queries.ts";
import type { RpcMap, RpcWritable } from "./value.ts";

export const RPC_VERSION = 1;

/** Exact texts of the reference: its command line and scripts look for them. */
export const RpcError = {
  unsupportedCommand: "Unsupported command",
  unsupportedVersion: "Unsupported IPC version",
  duplicateHandshake: "Handshake already performed",
  handshakeRequired: "Handshake required",
  authRequired: "Authentication required",
  invalidAuth: "Invalid authentication token",
  monitorExists: "Monitor already exists",
  invalidFilter: "Invalid event filter",
  streamExists: "Stream with given sequence exists",
  noPendingQuery: "No pending queries matching ID",
} as const;

/** Ours: where the reference closes the connection without a word. */
export const OWN_RPC_ERROR = {
  malformed: "Malformed request",
  tooManyStreams: "Too many streams",
  tooManyClients: "Too many clients",
} as const;

/** Commands with a body behind their header; it must be read even when the command is refused. */
export const COMMANDS_WITH_BODY: ReadonlySet<string> = new Set([
  "handshake",
  "auth",
  "event",
  "force-leave",
  "join",
  "members-filtered",
  "tags",
  "stream",
  "monitor",
  "stop",
  "query",
  "respond",
  "install-key",
  "use-key",
  "remove-key",
  "get-coordinate",
  "measured-rtts",
]);

const VERSION_FIELDS = ["ProtocolMin", "ProtocolMax", "ProtocolCur", "DelegateMin", "DelegateMax", "DelegateCur"];

export function memberRecord(member: Member): RpcWritable {
  const record: Record<string, RpcWritable> = {
    Name: member.name,
    Addr: addressBytes(member.host) ?? null,
    Port: member.port,
    Tags: new Map(Object.entries(member.tags)),
    Status: member.status,
  };
  for (const [i, field] of VERSION_FIELDS.entries()) record[field] = member.versions[i] ?? 0;
  return record;
}

export function membersRecord({ change, members }: MembersEvent): RpcWritable {
  return { Event: CHANGE_NAMES[change], Members: members.map(memberRecord) };
}

export function userRecord(event: UserEvent): RpcWritable {
  return {
    Coalesce: event.coalesce,
    Event: "user",
    LTime: event.lamportTime,
    Name: event.name,
    Payload: payloadValue(event.payload),
  };
}

/** A query of somebody, with the number by which this connection may answer it. */
export function callRecord(id: number, { lamportTime, name, payload }: QueryCall): RpcWritable {
  return { Event: "query", ID: id, LTime: lamportTime, Name: name, Payload: payloadValue(payload) };
}

/** Nothing is null, as the reference writes it. */
export function payloadValue(payload: Uint8Array): RpcWritable {
  return payload.length === 0 ? null : payload;
}

/** A member as a client reads it. */
export interface RpcMember {
  readonly name: string;
  readonly addr: Uint8Array;
  readonly port: number;
  readonly tags: Readonly<Record<string, string>>;
  readonly status: MemberStatus | "none";
  /** Serf's protocol version: current, and the range. */
  readonly protocol: { readonly current: number; readonly min: number; readonly max: number };
}

const STATUSES: readonly RpcMember["status"][] = ["alive", "leaving", "left", "failed", "none"];

/** Lenient, because the server is ours to trust: what is missing is empty. */
export function readMember(record: RpcMap): RpcMember {
  const text = (field: string): string => {
    const value = record.get(field);
    return typeof value === "string" ? value : "";
  };
  const number = (field: string): number => {
    const value = record.get(field);
    return typeof value === "number" ? value : 0;
  };
  const addr = record.get("Addr");
  const tags = record.get("Tags");
  const entries = tags instanceof Map ? [...tags].filter(([, value]) => typeof value === "string") : [];
  return {
    name: text("Name"),
    addr: addr instanceof Uint8Array ? addr : new Uint8Array(0),
    port: number("Port"),
    tags: Object.fromEntries(entries) as Record<string, string>,
    status: STATUSES.find((status) => status === text("Status")) ?? "none",
    protocol: { current: number("DelegateCur"), min: number("DelegateMin"), max: number("DelegateMax") },
  };
}
