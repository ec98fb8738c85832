// From what the scripts answer to records. Scripts are ours, so an answer of another shape is a bug.

import type { Occupant, ParticipantInfo, SessionRecord } from "../presence.ts";

export function listOf(reply: unknown): readonly unknown[] {
  if (!Array.isArray(reply)) throw new TypeError("a script answered no list");
  return reply;
}

export function textOf(reply: unknown): string {
  if (typeof reply !== "string") throw new TypeError("a script answered no text");
  return reply;
}

export function integerOf(reply: unknown): number {
  const value = typeof reply === "string" ? Number(reply) : reply;
  if (typeof value !== "number" || !Number.isSafeInteger(value)) throw new TypeError("a script answered no integer");
  return value;
}

/** A hash, as the flat list of names and values that HGETALL gives a script. */
function fieldsOf(reply: unknown): ReadonlyMap<string, string> {
  const flat = listOf(reply);
  const fields = new Map<string, string>();
  for (let index = 0; index + 1 < flat.length; index += 2) fields.set(textOf(flat[index]), textOf(flat[index + 1]));
  return fields;
}

function claimOf(fields: ReadonlyMap<string, string>): Omit<Occupant, "joinedAs"> {
  return {
    sessionId: textOf(fields.get("sessionId")),
    node: textOf(fields.get("node")),
    userId: textOf(fields.get("userId")),
    deviceId: textOf(fields.get("deviceId")),
    generation: integerOf(fields.get("generation")),
    epoch: integerOf(fields.get("epoch")),
  };
}

/** Undefined for an empty hash. */
export function occupantOf(reply: unknown): Occupant | undefined {
  const fields = fieldsOf(reply);
  if (fields.size === 0) return undefined;
  return { ...claimOf(fields), joinedAs: infoOf(textOf(fields.get("joinedAs"))) };
}

export function sessionOf(reply: unknown): SessionRecord {
  const fields = fieldsOf(reply);
  const roomId = fields.get("roomId");
  if (roomId === undefined) return claimOf(fields);
  return { ...claimOf(fields), roomId, joinedAs: infoOf(textOf(fields.get("joinedAs"))) };
}

function infoOf(json: string): ParticipantInfo {
  return JSON.parse(json) as ParticipantInfo;
}
