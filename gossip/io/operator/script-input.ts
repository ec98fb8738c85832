// What a script is given: variables of its environment and standard input, as the reference's agent gives them
// (serf invoke.go).

import type { Member } from "../../src/sink.ts";
import { eventName, type OperatorEvent } from "./events.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** The variables of an event, without those that the agent itself was started with. */
export function eventEnvironment(event: OperatorEvent, self: Member): Record<string, string> {
  const variables: Record<string, string> = {
    SERF_EVENT: eventName(event),
    SERF_SELF_NAME: self.name,
    SERF_SELF_ROLE: self.tags["role"] ?? "",
  };
  for (const [tag, value] of Object.entries(self.tags)) variables[tagVariable(tag)] = value;
  if (event.kind === "userEvent") {
    variables["SERF_USER_EVENT"] = event.name;
    variables["SERF_USER_LTIME"] = String(event.lamportTime);
  } else if (event.kind === "query") {
    variables["SERF_QUERY_NAME"] = event.name;
    variables["SERF_QUERY_LTIME"] = String(event.lamportTime);
  }
  // No process can be started with a NUL in its environment, and names come from others.
  return Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, value.replaceAll("\0", "")]));
}

const tagVariable = (tag: string): string => `SERF_TAG_${tag.toUpperCase().replaceAll(/[^A-Z0-9_]/g, "_")}`;

/** One line per member: name, address, role, tags; or the payload, with a line end if it has none. */
export function eventInput(event: OperatorEvent): Uint8Array {
  if (event.kind === "members") return Buffer.from(event.members.map(memberLine).join(""));
  const { payload } = event;
  const isWhole = payload.length === 0 || payload.at(-1) === 0x0a;
  return isWhole ? payload : Buffer.concat([payload, Buffer.from("\n")]);
}

function memberLine({ name, host, tags }: Member): string {
  const pairs = Object.keys(tags)
    .sort()
    .map((tag) => `${tag}=${tags[tag]}`);
  return `${[clean(name), host, clean(tags["role"] ?? ""), clean(pairs.join(","))].join("\t")}\n`;
}

/** A value must not end its field or its line. */
function clean(value: string): string {
  return value.replaceAll("\t", "\\t").replaceAll("\n", "\\n");
}
