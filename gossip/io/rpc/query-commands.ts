// Commands that announce to everybody, ask everybody, and answer what others ask.

import { UsageError } from "../../src/types.ts";
import type { AgentQueryOptions, QueryResponse } from "../queries.ts";
import { type CommandContext, DONE, type Reply, type Request, subscriptionProblem } from "./command.ts";
import { boolField, bytesField, numberField, seqField, textField, textMapField, textsField } from "./fields.ts";
import { payloadValue, RpcError } from "./messages.ts";
import type { RpcMap, RpcWritable } from "./value.ts";

const NS_PER_MS = 1e6;

export function event({ body }: Request, { backend }: CommandContext): Reply {
  backend.userEvent(textField(body, "Name"), bytesField(body, "Payload"), { coalesce: boolField(body, "Coalesce") });
  return DONE;
}

/** Answers at once; acknowledgements and responses follow as they arrive, and "done" when the time is over. */
export function query(request: Request, context: CommandContext): Reply {
  const { seq, body } = request;
  const error = subscriptionProblem(seq, context);
  if (error !== undefined) return { error };
  const stopping = new AbortController();
  const waiting: RpcWritable[] = [];
  let show = (record: RpcWritable): void => void waiting.push(record);
  const options: AgentQueryOptions = {
    ...optionsOf(body),
    signal: stopping.signal,
    onAck: (from) => show(queryRecord("ack", { from, payload: new Uint8Array(0) })),
    onResponse: (response) => show(queryRecord("response", response)),
  };
  const done = context.backend.query(textField(body, "Name"), bytesField(body, "Payload"), options);
  // Reserved at once: requests that are already waiting must not take the Seq.
  context.subscriptions.set(seq, () => stopping.abort());
  const finish = (): void => {
    if (stopping.signal.aborted) return;
    context.subscriptions.delete(seq);
    context.record(seq, queryRecord("done", { from: "", payload: new Uint8Array(0) }), { canDrop: false });
  };
  // A query that ends without a result was stopped by this client.
  done.catch(() => undefined);
  return {
    afterwards: () => {
      show = (record) => context.record(seq, record);
      for (const record of waiting) show(record);
      void done.then(finish, () => undefined);
    },
  };
}

function optionsOf(body: RpcMap): AgentQueryOptions {
  const timeoutNs = numberField(body, "Timeout");
  return {
    nodes: textsField(body, "FilterNodes"),
    tags: Object.fromEntries(textMapField(body, "FilterTags")),
    wantAck: boolField(body, "RequestAck"),
    relayFactor: numberField(body, "RelayFactor"),
    ...(timeoutNs === 0 ? {} : { timeoutMs: timeoutNs / NS_PER_MS }),
  };
}

function queryRecord(type: "ack" | "response" | "done", { from, payload }: QueryResponse): RpcWritable {
  return { From: from, Payload: payloadValue(payload), Type: type };
}

export function respond({ body }: Request, { calls }: CommandContext): Reply {
  const id = seqField(body, "ID");
  const call = calls.get(id);
  if (call === undefined) return { error: RpcError.noPendingQuery };
  try {
    call.respond(bytesField(body, "Payload"));
    return DONE;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    if (error.code !== "unknown_query" && error.code !== "past_deadline") {
      // The reference says "key" for every query.
      return { error: `failed to respond to key query: ${error.message}` };
    }
    calls.forget(id);
    return { error: RpcError.noPendingQuery };
  }
}
