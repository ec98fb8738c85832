// `hearsay query`: asks every member something and prints the answers as they come.

import { type Command, EXIT_OK } from "./command.ts";
import { parseDuration } from "./duration.ts";
import { describeFlags, FlagError, type FlagTable, type ParsedFlags } from "./flags.ts";
import { parsePairs } from "./key-value.ts";
import { payloadText, safeText } from "./payload-text.ts";
import { FORMAT_FLAG, RPC_FLAGS, wantsJson, withAgent } from "./rpc-options.ts";

const FLAGS = {
  node: { kind: "list", value: "name", help: "ask only this member; may repeat" },
  tag: { kind: "list", value: "key=regexp", help: "ask only members whose tag matches; may repeat" },
  timeout: { kind: "text", value: "15s", help: "how long answers are awaited; default: by the cluster's size" },
  "no-ack": { kind: "boolean", help: "do not ask for acknowledgements" },
  "relay-factor": { kind: "text", value: "0", help: "answers also come by this many detours, 0..255" },
  ...FORMAT_FLAG,
} satisfies FlagTable;

export const query: Command = {
  name: "query",
  summary: "ask every member and print the answers",
  usage: `Usage: hearsay query [options] name [payload]\n\n${describeFlags({ ...FLAGS, ...RPC_FLAGS })}`,
  run: (argv, io) =>
    withAgent({ argv, table: FLAGS, io }, async (client, flags) => {
      const json = wantsJson(flags);
      const question = questionOf(flags);
      const acks: string[] = [];
      const responses = new Map<string, string>();
      if (!json) io.out(`Query '${question.name}' dispatched\n`);
      await client.query(question, ({ type, from, payload }) => {
        const who = safeText(from);
        if (type === "ack") acks.push(from);
        else responses.set(from, new TextDecoder().decode(payload));
        if (json) return;
        if (type === "ack") io.out(`Ack from '${who}'\n`);
        else io.out(`Response from '${who}': ${payloadText(payload).replace(/\n$/, "")}\n`);
      });
      const totals = `${question.wantAck ? `Total Acks: ${acks.length}\n` : ""}Total Responses: ${responses.size}\n`;
      const collected = { Acks: acks, Responses: Object.fromEntries(responses) };
      io.out(json ? `${JSON.stringify(collected, null, 2)}\n` : totals);
      return EXIT_OK;
    }),
};

interface Question {
  readonly name: string;
  readonly payload: Uint8Array;
  readonly nodes: readonly string[];
  readonly tags: Readonly<Record<string, string>>;
  readonly wantAck: boolean;
  readonly relayFactor: number;
  readonly timeoutMs?: number;
}

function questionOf(flags: ParsedFlags): Question {
  const [name, payload = "", ...more] = flags.rest;
  if (name === undefined) throw new FlagError("a query name must be given");
  if (more.length > 0) throw new FlagError("a query has one name and one payload");
  const timeout = flags.text("timeout");
  const relayFactor = Number(flags.text("relay-factor") ?? "0");
  if (!Number.isInteger(relayFactor) || relayFactor < 0 || relayFactor > 255)
    throw new FlagError("the relay factor must be 0..255");
  return {
    name,
    payload: Buffer.from(payload),
    nodes: flags.list("node"),
    tags: parsePairs(flags.list("tag"), "tag filter is not key=regexp"),
    wantAck: !flags.has("no-ack"),
    relayFactor,
    ...(timeout === undefined ? {} : { timeoutMs: parseDuration(timeout) }),
  };
}
