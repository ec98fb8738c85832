// Identifiers, wire integers and the few helpers that every part of the gossip core shares.

declare const brand: unique symbol;
type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** Unique name of a member, any text of 1..128 UTF-16 units. */
export type NodeName = Brand<string, "NodeName">;
/** uint32; only a node itself raises its own. First value is 1. */
export type Incarnation = Brand<number, "Incarnation">;
/** uint64 on the wire; values above 2^53 - 1 are refused when decoding. First value is 1. */
export type LamportTime = Brand<number, "LamportTime">;
/** uint32 sequence number of a ping, shared by its acks and nacks. */
export type SeqNo = Brand<number, "SeqNo">;
/** One stream between core and shell. Odd: opened by the core. Even: accepted by the shell. Never reused. */
export type StreamId = Brand<number, "StreamId">;
/** One outgoing join contact, request or leave, named in the event that reports its result. */
export type CommandId = Brand<number, "CommandId">;
/** One incoming direct request that waits for `respond`. */
export type InboundRequestId = Brand<number, "InboundRequestId">;
/** One incoming query that our application may answer. */
export type InboundQueryId = Brand<number, "InboundQueryId">;

/** Monotonic, origin arbitrary, fractions allowed. */
export type InstantMs = number;
/** A span of time in milliseconds, fractions allowed. */
export type DurationMs = number;

/** An IP literal (IPv4 dotted or IPv6 compressed as RFC 5952 writes it) and a port 1..65535. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

export type Tags = Readonly<Record<string, string>>;

/**
 * Authenticated encryption, given from outside so that the core holds no cryptography and no chance of its own.
 * `seal` draws its own 12-byte nonce and returns nonce | ciphertext | 16-byte tag; `open` takes the same layout and
 * answers undefined when the tag does not match. Neither throws on input of strangers.
 */
export interface Aead {
  seal(key: Uint8Array, plaintext: Uint8Array, aad: Uint8Array): Uint8Array;
  open(key: Uint8Array, block: Uint8Array, aad: Uint8Array): Uint8Array | undefined;
}

export const nodeName = (text: string): NodeName => text as NodeName;
export const incarnation = (value: number): Incarnation => value as Incarnation;
export const lamportTime = (value: number): LamportTime => value as LamportTime;
export const seqNo = (value: number): SeqNo => value as SeqNo;
export const streamId = (value: number): StreamId => value as StreamId;
export const commandId = (value: number): CommandId => value as CommandId;
export const inboundQueryId = (value: number): InboundQueryId => value as InboundQueryId;
export const inboundRequestId = (value: number): InboundRequestId => value as InboundRequestId;

/** The caller must act: a wrong argument or a call at the wrong time. `code` is stable; state did not change. */
export class UsageError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.name = "UsageError";
    this.code = code;
  }
}

/** A broken invariant is a bug of ours: nobody can handle it, so the process ends. */
export function assert(condition: boolean, invariant: string): asserts condition {
  if (!condition) throw new Error(`invariant broken: ${invariant}`);
}

/** Ends a switch over a union; reaching it means that a case was forgotten. */
export function assertNever(value: never): never {
  throw new Error(`unexpected variant: ${JSON.stringify(value)}`);
}
