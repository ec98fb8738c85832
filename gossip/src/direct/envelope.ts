// What a direct message carries, as one MessagePack list. All kinds begin alike:
//
//   [version 1, kind, session, id, from, to, …]
//     kind 0 request: timeoutMs, topic, body     kind 1 answer: body
//     kind 2 refusal: code, message              kind 3 busy: nothing more
//     kind 4 rows: is it a question, body (coordinate/rtt-rows.ts)
//
// `session` is drawn by the asker when it starts, so that a restarted member's requests are not taken for repeated ones.

import type { DropReason } from "../sink.ts";
import { assertNever, type DurationMs, type NodeName, nodeName } from "../types.ts";
import { Reader } from "../wire/reader.ts";
import { Writer } from "../wire/writer.ts";

export const DIRECT_VERSION = 1;
const REQUEST = 0;
const ANSWER = 1;
const REFUSAL = 2;
const BUSY = 3;
const ROWS = 4;
const COMMON_FIELDS = 6;

/** Longest topic and error code, in UTF-16 units. */
export const MAX_TOPIC_LENGTH = 128;
/** Longest error message, in UTF-16 units; longer ones are cut when sent. */
export const MAX_MESSAGE_LENGTH = 1024;

interface Addressed {
  readonly session: number;
  readonly id: number;
  readonly from: NodeName;
  readonly to: NodeName;
}

export interface DirectRequest extends Addressed {
  readonly kind: "request";
  /** How long the asker will wait. */
  readonly timeoutMs: DurationMs;
  readonly topic: string;
  readonly body: Uint8Array;
}

export interface DirectAnswer extends Addressed {
  readonly kind: "answer";
  readonly body: Uint8Array;
}

export interface DirectRefusal extends Addressed {
  readonly kind: "refusal";
  readonly code: string;
  readonly message: string;
}

/** The inbox is full: ask again later. */
export interface DirectBusy extends Addressed {
  readonly kind: "busy";
}

/** Measured round trips; told once and never repeated. `session` and `id` are 0. */
export interface DirectRows extends Addressed {
  readonly kind: "rows";
  /** The other side's are wanted, too. */
  readonly isQuestion: boolean;
  readonly body: Uint8Array;
}

export type DirectEnvelope = DirectRequest | DirectAnswer | DirectRefusal | DirectBusy | DirectRows;

export type DecodedEnvelope =
  | { readonly ok: true; readonly envelope: DirectEnvelope }
  | { readonly ok: false; readonly reason: DropReason };

const scratch = new Writer("gossip", 2048);

export function encodeEnvelope(envelope: DirectEnvelope): Uint8Array {
  switch (envelope.kind) {
    case "request":
      writeHead(REQUEST, 3, envelope);
      scratch.int(Math.ceil(envelope.timeoutMs));
      scratch.text(envelope.topic);
      scratch.blob(envelope.body);
      break;
    case "answer":
      writeHead(ANSWER, 1, envelope);
      scratch.blob(envelope.body);
      break;
    case "refusal":
      writeHead(REFUSAL, 2, envelope);
      scratch.text(envelope.code.slice(0, MAX_TOPIC_LENGTH));
      scratch.text(envelope.message.slice(0, MAX_MESSAGE_LENGTH));
      break;
    case "busy":
      writeHead(BUSY, 0, envelope);
      break;
    case "rows":
      writeHead(ROWS, 2, envelope);
      scratch.bool(envelope.isQuestion);
      scratch.blob(envelope.body);
      break;
    default:
      assertNever(envelope);
  }
  return scratch.take();
}

function writeHead(kind: number, moreFields: number, envelope: Addressed): void {
  scratch.list(COMMON_FIELDS + moreFields);
  scratch.int(DIRECT_VERSION);
  scratch.int(kind);
  scratch.int(envelope.session);
  scratch.int(envelope.id);
  scratch.text(envelope.from);
  scratch.text(envelope.to);
}

/** Any bytes. Bodies are views into them. Fields after those we know are left for later versions. */
export function decodeEnvelope(bytes: Uint8Array, maxBodyBytes: number): DecodedEnvelope {
  const reader = new Reader(bytes);
  const fields = reader.list();
  const version = reader.uint32();
  const kind = reader.uint32();
  const head = {
    session: reader.uint32(),
    id: reader.uint32(),
    from: nodeName(reader.text()),
    to: nodeName(reader.text()),
  };
  if (reader.problem !== undefined) return { ok: false, reason: reader.problem };
  if (version !== DIRECT_VERSION) return { ok: false, reason: "unknown_type" };
  const envelope = readBody(kind, head, { reader, more: fields - COMMON_FIELDS });
  if (reader.problem !== undefined) return { ok: false, reason: reader.problem };
  if (envelope === undefined) return { ok: false, reason: "unknown_type" };
  if ("body" in envelope && envelope.body.length > maxBodyBytes) return { ok: false, reason: "too_long" };
  return { ok: true, envelope };
}

function readBody(
  kind: number,
  head: Addressed,
  rest: { readonly reader: Reader; readonly more: number },
): DirectEnvelope | undefined {
  const { reader, more } = rest;
  if (kind === REQUEST && more >= 3) {
    const timeoutMs = reader.uint32();
    const topic = readShort(reader);
    return { ...head, kind: "request", timeoutMs, topic, body: reader.blob() };
  }
  if (kind === ANSWER && more >= 1) return { ...head, kind: "answer", body: reader.blob() };
  if (kind === REFUSAL && more >= 2) {
    const code = readShort(reader);
    return { ...head, kind: "refusal", code, message: reader.text().slice(0, MAX_MESSAGE_LENGTH) };
  }
  if (kind === ROWS && more >= 2) return { ...head, kind: "rows", isQuestion: reader.bool(), body: reader.blob() };
  return kind === BUSY && more >= 0 ? { ...head, kind: "busy" } : undefined;
}

function readShort(reader: Reader): string {
  const text = reader.text();
  if (text.length > MAX_TOPIC_LENGTH) reader.fail("too_long");
  return text;
}
