/** The chat as it is shown: stored messages in order, then what is still on its way. Pure. */
import type { ChatMessage } from "../../../client-sdk/src/index.ts";

export interface Pending {
  readonly clientId: string;
  readonly text: string;
  readonly state: "sending" | "failed";
  /** Why it failed, in words. */
  readonly reason?: string;
}
export interface ChatLog {
  readonly stored: readonly ChatMessage[];
  readonly pending: readonly Pending[];
}

/** Messages shown at a time; older ones are read again from history. */
const MAX_STORED = 1_000;

export const EMPTY_LOG: ChatLog = { stored: [], pending: [] };

/** Adds messages wherever they belong; one that is there already is replaced, its pending twin goes. */
export function withStored(log: ChatLog, messages: readonly ChatMessage[]): ChatLog {
  const byId = new Map(log.stored.map((message) => [message.id, message]));
  for (const message of messages) byId.set(message.id, message);
  const stored = [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1)).slice(-MAX_STORED);
  const arrived = new Set(messages.map((message) => message.clientId));
  return { stored, pending: log.pending.filter(({ clientId }) => !arrived.has(clientId)) };
}

export function withPending(log: ChatLog, pending: Pending): ChatLog {
  if (log.stored.some((message) => message.clientId === pending.clientId)) return log;
  const others = log.pending.filter(({ clientId }) => clientId !== pending.clientId);
  return { ...log, pending: [...others, pending] };
}
