// The commands of the RPC behind handshake and authentication. A command answers exactly once; where the reference sends a
// body also with an error, so do we, because its client waits for one.

import type { Member, MembershipEvent } from "../../src/sink.ts";
import { LOG_LEVELS, type LogLevel, type LogLine } from "../log.ts";
import type { AgentEvent } from "../queries.ts";
import { type Command, type CommandContext, DONE, type Reply, type Request, subscribe } from "./command.ts";
import { compileAnchored } from "./expression.ts";
import { boolField, seqField, textField, textMapField, textsField } from "./fields.ts";
import { callRecord, EVENT_NAMES, memberRecord, RpcError, userRecord } from "./messages.ts";
import { event, query, respond } from "./query-commands.ts";
import { Float, type RpcMap, type RpcWritable } from "./value.ts";

const ZERO_COORDINATE = { Adjustment: new Float(0), Error: new Float(0), Height: new Float(0), Vec: null };
const NO_KEYS = { Keys: null, Messages: {}, NumErr: 0, NumNodes: 0, NumResp: 0 };

const COMMANDS: Readonly<Record<string, Command>> = {
  members: (_, { backend }) => ({ body: memberList(backend.members()) }),
  "members-filtered": membersFiltered,
  join,
  leave: async (_, { backend }) => {
    await backend.leave();
    return { afterwards: () => backend.left() };
  },
  "force-leave": ({ body }, { backend }) => {
    if (boolField(body, "Prune")) return { error: "This agent does not support pruning; leave out -prune" };
    backend.forceLeave(textField(body, "Node"));
    return DONE;
  },
  tags: setTags,
  stats: (_, { backend }) => ({ body: backend.info() }),
  "get-coordinate": getCoordinate,
  stream,
  monitor,
  stop: ({ body }, { subscriptions }) => {
    const stopped = seqField(body, "Stop");
    subscriptions.get(stopped)?.();
    subscriptions.delete(stopped);
    return DONE;
  },
  event,
  query,
  respond,
  "install-key": refuseKeys,
  "use-key": refuseKeys,
  "remove-key": refuseKeys,
  "list-keys": refuseKeys,
};

/** Undefined when there is no such command. Rejects when the command has nothing to say but its error. */
export async function runCommand(
  command: string,
  request: Request,
  context: CommandContext,
): Promise<Reply | undefined> {
  return Object.hasOwn(COMMANDS, command) ? COMMANDS[command]?.(request, context) : undefined;
}

const memberList = (members: readonly Member[]): RpcWritable => ({ Members: members.map(memberRecord) });
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function refuseKeys(): Reply {
  return { error: "This agent does not support changing keys while it runs", body: NO_KEYS };
}

function membersFiltered({ body }: Request, { backend }: CommandContext): Reply {
  try {
    const matches = filtersOf(body);
    return { body: memberList(backend.members().filter((member) => matches.every((match) => match(member)))) };
  } catch (error) {
    return { error: messageOf(error), body: memberList([]) };
  }
}

function filtersOf(body: RpcMap): ((member: Member) => boolean)[] {
  const matches: ((member: Member) => boolean)[] = [];
  const name = textField(body, "Name");
  const status = textField(body, "Status");
  if (name !== "") matches.push(matcher(name, (member) => member.name));
  if (status !== "") matches.push(matcher(status, (member) => member.status));
  for (const [tag, expression] of textMapField(body, "Tags")) {
    matches.push(matcher(expression, (member) => member.tags[tag] ?? ""));
  }
  return matches;
}

function matcher(expression: string, read: (member: Member) => string): (member: Member) => boolean {
  const test = compileAnchored(expression);
  return (member) => test(read(member));
}

async function join({ body }: Request, { backend }: CommandContext): Promise<Reply> {
  try {
    const addresses = textsField(body, "Existing");
    return { body: { Num: await backend.join(addresses, { ignoreOld: !boolField(body, "Replay") }) } };
  } catch (error) {
    return { error: messageOf(error), body: { Num: 0 } };
  }
}

async function setTags({ body }: Request, { backend }: CommandContext): Promise<Reply> {
  const tags = new Map(Object.entries(backend.localMember().tags));
  for (const name of textsField(body, "DeleteTags")) tags.delete(name);
  for (const [name, value] of textMapField(body, "Tags")) tags.set(name, value);
  await backend.setTags(Object.fromEntries(tags));
  return DONE;
}

function getCoordinate({ body }: Request, { backend }: CommandContext): Reply {
  const found = backend.coordinate(textField(body, "Node"));
  if (found === undefined) return { body: { Coord: ZERO_COORDINATE, Ok: false } };
  const Coord = {
    Adjustment: new Float(found.adjustment),
    Error: new Float(found.error),
    Height: new Float(found.height),
    Vec: found.vec.map((component) => new Float(component)),
  };
  return { body: { Coord, Ok: true } };
}

const EVENT_FILTER = /^(\*|member-(join|leave|failed|update|reap)|user(:.*)?|query(:.*)?)$/;

function stream({ seq, body }: Request, context: CommandContext): Reply {
  const filters = (textField(body, "Type") || "*").split(",");
  if (!filters.every((filter) => EVENT_FILTER.test(filter))) return { error: RpcError.invalidFilter };
  const isWanted = (...names: readonly string[]): boolean => ["*", ...names].some((name) => filters.includes(name));
  const { backend, record, calls } = context;
  const recordOf = (event: AgentEvent): RpcWritable | undefined => {
    switch (event.kind) {
      case "userEvent":
        return isWanted("user", `user:${event.name}`) ? userRecord(event) : undefined;
      case "query":
        return isWanted("query", `query:${event.name}`) ? callRecord(calls.add(event), event) : undefined;
      default:
        return isWanted(EVENT_NAMES[event.kind]) ? memberEventRecord(event) : undefined;
    }
  };
  return subscribe(seq, context, () =>
    backend.onEvent((event) => {
      const told = recordOf(event);
      if (told !== undefined) record(seq, told);
    }),
  );
}

function memberEventRecord({ kind, member }: MembershipEvent): RpcWritable {
  return { Event: EVENT_NAMES[kind], Members: [memberRecord(member)] };
}

const LEVELS: Readonly<Record<string, LogLevel>> = {
  TRACE: "debug",
  DEBUG: "debug",
  INFO: "info",
  WARN: "warn",
  ERR: "error",
};

function monitor({ seq, body }: Request, context: CommandContext): Reply {
  const word = textField(body, "LogLevel").toUpperCase();
  const least = LEVELS[word];
  if (least === undefined) return { error: `Unknown log level: ${word}` };
  if (context.hasMonitor) return { error: RpcError.monitorExists };
  const show = (line: LogLine): void => {
    const isWanted = LOG_LEVELS.indexOf(line.level) >= LOG_LEVELS.indexOf(least);
    if (isWanted) context.record(seq, { Log: line.text });
  };
  return subscribe(seq, context, () => {
    context.hasMonitor = true;
    for (const line of context.backend.recentLog()) show(line);
    const unsubscribe = context.backend.onLog(show);
    return () => {
      context.hasMonitor = false;
      unsubscribe();
    };
  });
}
