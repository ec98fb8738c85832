/**
 * Messages of applications over the data channels: "events" (reliable, ordered, id 0) and "lossy" (unordered, never sent
 * again, id 1). Binary messages:
 *
 *   client to node:  | topic bytes: 1 | topic, UTF-8 | payload |
 *   node to client:  | sender bytes: 1 | participantId, UTF-8 | as the sender sent it |
 *
 * A node only puts the sender in front, so it never looks into a message.
 */

/** Of a whole message as a client sends it; SCTP interleaving is not to be relied on. */
export const MAX_DATA_BYTES = 16_384;

export interface DataFrame {
  readonly sender: string;
  readonly topic: string;
  readonly payload: Uint8Array<ArrayBuffer>;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Undefined when the topic or the whole is too long. */
export function encodeData(topic: string, payload: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
  const frame = prefixed(topic, payload);
  return frame === undefined || frame.length > MAX_DATA_BYTES ? undefined : frame;
}

/** For nodes: the message of a client with its sender in front. Undefined when the id is longer than 255 bytes. */
export function withSender(participantId: string, frame: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
  return prefixed(participantId, frame);
}

/** What came from a node; undefined when it is no such frame. */
export function decodeData(bytes: Uint8Array): DataFrame | undefined {
  const sender = split(bytes);
  const topic = sender === undefined ? undefined : split(sender.rest);
  if (sender === undefined || topic === undefined) return undefined;
  return { sender: sender.text, topic: topic.text, payload: new Uint8Array(topic.rest) };
}

function prefixed(text: string, rest: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
  const head = encoder.encode(text);
  if (head.length > 255) return undefined;
  const bytes = new Uint8Array(1 + head.length + rest.length);
  bytes[0] = head.length;
  bytes.set(head, 1);
  bytes.set(rest, 1 + head.length);
  return bytes;
}

function split(bytes: Uint8Array): { readonly text: string; readonly rest: Uint8Array } | undefined {
  const length = bytes[0];
  if (length === undefined || bytes.length < 1 + length) return undefined;
  return { text: decoder.decode(bytes.subarray(1, 1 + length)), rest: bytes.subarray(1 + length) };
}
