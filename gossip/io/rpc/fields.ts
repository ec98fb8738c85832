// Reading maps of strangers: a missing or null field is its zero value, as everywhere in this protocol; a field of a wrong
// type is the client's mistake and told to it.

import type { RpcMap, RpcValue } from "./value.ts";

export class FieldError extends Error {
  constructor(field: string, wanted: string) {
    super(`field ${field} must be ${wanted}`);
    this.name = "FieldError";
  }
}

export function isMap(value: RpcValue | undefined): value is RpcMap {
  return value instanceof Map;
}

export function textField(map: RpcMap, field: string): string {
  const value = map.get(field) ?? "";
  if (typeof value !== "string") throw new FieldError(field, "text");
  return value;
}

export function boolField(map: RpcMap, field: string): boolean {
  const value = map.get(field) ?? false;
  if (typeof value !== "boolean") throw new FieldError(field, "true or false");
  return value;
}

export function numberField(map: RpcMap, field: string): number {
  const value = map.get(field) ?? 0;
  if (typeof value !== "number") throw new FieldError(field, "a number");
  return value;
}

/** Text counts as its bytes: old clients know no other way to send bytes. */
export function bytesField(map: RpcMap, field: string): Uint8Array {
  const value = map.get(field) ?? new Uint8Array(0);
  if (typeof value === "string") return Buffer.from(value, "utf8");
  if (!(value instanceof Uint8Array)) throw new FieldError(field, "bytes");
  return value;
}

/** Sequence numbers have 64 bits, and the client may use all of them. */
export function seqField(map: RpcMap, field: string): number | bigint {
  const value = map.get(field) ?? 0;
  if (typeof value !== "number" && typeof value !== "bigint") throw new FieldError(field, "a number");
  return value;
}

export function textsField(map: RpcMap, field: string): string[] {
  const value = map.get(field) ?? [];
  if (!Array.isArray(value)) throw new FieldError(field, "a list of texts");
  return value.map((item: RpcValue) => {
    if (typeof item !== "string") throw new FieldError(field, "a list of texts");
    return item;
  });
}

export function textMapField(map: RpcMap, field: string): Map<string, string> {
  const value = map.get(field) ?? new Map<string, RpcValue>();
  if (!isMap(value)) throw new FieldError(field, "a map of texts");
  const texts = new Map<string, string>();
  for (const [key, item] of value) {
    if (typeof item !== "string") throw new FieldError(field, "a map of texts");
    texts.set(key, item);
  }
  return texts;
}
