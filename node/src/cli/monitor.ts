// `hearsay monitor`: log lines, events and queries of a running agent, as they happen.

import type { RpcSighting } from "#gossip/io";
import { type Command, EXIT_OK } from "./command.ts";
import { describeFlags, type FlagTable } from "./flags.ts";
import { payloadText, safeText } from "./payload-text.ts";
import { FORMAT_FLAG, RPC_FLAGS, wantsJson, withAgent } from "./rpc-options.ts";

const FLAGS = {
  "log-level": { kind: "text", value: "info", help: "log lines from this level on: trace, debug, info, warn, err" },
  events: { kind: "text", value: "*", help: "event types, with commas: user, user:name, query, member-join, ..." },
  ...FORMAT_FLAG,
} satisfies FlagTable;

export const monitor: Command = {
  name: "monitor",
  summary: "show log lines, events and queries of the agent",
  usage: `Usage: hearsay monitor [options]\n\n  Runs until it is interrupted. With -format=json, one object per line.\n\n${describeFlags(
    { ...FLAGS, ...RPC_FLAGS },
  )}`,
  run: (argv, io) =>
    withAgent({ argv, table: FLAGS, io }, async (client, flags) => {
      const show = wantsJson(flags) ? jsonLine : textLine;
      const wanted = { events: flags.text("events") ?? "*", logLevel: flags.text("log-level") ?? "info" };
      const watching = client.monitor(wanted, (sighting) => io.out(`${show(sighting)}\n`));
      await Promise.race([watching, io.interrupted()]);
      // Closing the connection ends the wait for records with an error that tells nobody anything.
      watching.catch(() => undefined);
      return EXIT_OK;
    }),
};

function jsonLine(sighting: RpcSighting): string {
  if (sighting.kind === "log") return JSON.stringify({ log: sighting.line });
  return JSON.stringify({ event: sighting.event, ...Object.fromEntries(details(sighting)) });
}

/** One line per event, in the manner of the log. */
function textLine(sighting: RpcSighting): string {
  if (sighting.kind === "log") return safeText(sighting.line);
  const words = details(sighting).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return safeText([`[EVENT] ${sighting.event}`, ...words].join(" "));
}

function details({ fields }: Extract<RpcSighting, { kind: "event" }>): [string, unknown][] {
  const found: [string, unknown][] = [];
  for (const [field, value] of fields) {
    if (field === "Event") continue;
    if (field === "Members") found.push(["members", namesOf(value)]);
    else if (field === "Payload") found.push(["payload", value instanceof Uint8Array ? payloadText(value) : ""]);
    else found.push([field.toLowerCase(), typeof value === "bigint" ? String(value) : value]);
  }
  return found;
}

function namesOf(members: unknown): unknown[] {
  return Array.isArray(members)
    ? members.map((member: unknown) => (member instanceof Map ? member.get("Name") : undefined))
    : [];
}
