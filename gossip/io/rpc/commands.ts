// The commands of the RPC behind handshake and authentication. A command answers exactly once; where the reference sends a
// body also with an error, so do we, because its client waits for one.

import type { Member } from "../../src/sink.ts";
import { messageOf } from "../errors.ts";
import { LOG_LEVELS, type LogLevel, type LogLine } from "../log.ts";
import { isWanted, type OperatorEvent, parseEventFilters } from "../operator/events.ts";
import { type Command, type CommandContext, DONE, type Reply, type Request, subscribe } from "./command.ts";
import { compileAnchored, ExpressionError } from "./expression.ts";
import { boolField, seqField, textField, textMapField, textsField } from "./fields.ts";
import { changeKey, listKeys } from "./key-commands.ts";
import { callRecord, memberRecord, membersRecord, RpcError, userRecord } from "./messages.ts";
import { event, query, respond } from "./query-commands.ts";
import { Float, type RpcMap, type RpcWritable } from "./value.ts";

/** Each is run against each member. */
const MAX_TAG_FILTERS = 16;
const ZERO_COORDINATE = { Adjustment: new Float(0), Error: new Float(0), Height: new Float(0), Vec: null };

const COMMANDS: Readonly<Record<string, Command>> = {
  members: (_, { backend }) => ({ body: memberList(backend.members()) }),
  "members-filtered": membersFiltered,
  join,
  leave: async (_, { backend }) => {
    await backend.leave();
    return { afterwards: () => backend.left() };
  },
  "force-leave": ({ body }, { backend }) => {
    backend.forceLeave(textField(body, "Node"), { prune: boolField(body, "Prune") });
    return DONE;
  },
  tags: setTags,
  stats: (_, { backend }) => ({ body: backend.info() }),
  "get-coordinate": getCoordinate,
  "measured-rtts": measuredRtts,
  stream,
  monitor,
  stop: ({ body }, { subscriptions, forget }) => {
    const stopped = seqField(body, "Stop");
    subscriptions.get(stopped)?.();
    if (subscriptions.delete(stopped)) forget(stopped);
    return DONE;
  },
  event,
  query,
  respond,
  "install-key": changeKey("install"),
  "use-key": changeKey("use"),
  "remove-key": changeKey("remove"),
  "list-keys": listKeys,
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
  const tags = textMapField(body, "Tags");
  if (tags.size > MAX_TAG_FILTERS) throw new ExpressionError("too many tags");
  for (const [tag, expression] of tags) {
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

/** Besides the coordinate, what the agent itself measured: clients of the reference pass over the field. */
function getCoordinate({ body }: Request, { backend }: CommandContext): Reply {
  const node = textField(body, "Node");
  const found = backend.coordinate(node);
  const measuredMs = backend.measuredRtt(node);
  if (found === undefined) return { body: { Coord: ZERO_COORDINATE, Ok: false } };
  const Coord = {
    Adjustment: new Float(found.adjustment),
    Error: new Float(found.error),
    Height: new Float(found.height),
    Vec: found.vec.map((component) => new Float(component)),
  };
  const measured = measuredMs === undefined ? {} : { MeasuredMs: new Float(measuredMs) };
  return { body: { Coord, ...measured, Ok: true } };
}

/** Names of a table. */
const MAX_ROWS = 512;

/**
 * Ours: the reference's agent has no such command, and its command line does not ask. The rows of these nodes, or of all
 * that live, the first 512 of them: what each measured to the others, in milliseconds.
 */
function measuredRtts({ body }: Request, { backend }: CommandContext): Reply {
  const asked = textsField(body, "Nodes");
  const living = backend.members().filter(({ status }) => status === "alive");
  const names = (asked.length > 0 ? asked : living.map(({ name }) => name)).slice(0, MAX_ROWS);
  const rowOf = (from: string): Map<string, Float> => {
    const cells = names.map((to) => [to, from === to ? undefined : backend.measuredRtt(from, to)] as const);
    const known = cells.filter((cell): cell is [string, number] => cell[1] !== undefined);
    return new Map(known.map(([to, rttMs]) => [to, new Float(rttMs)]));
  };
  return { body: { Rows: new Map(names.map((name) => [name, rowOf(name)])) } };
}

function stream({ seq, body }: Request, context: CommandContext): Reply {
  const filters = parseEventFilters(textField(body, "Type"));
  if (filters === undefined) return { error: RpcError.invalidFilter };
  const { backend, record, calls } = context;
  return subscribe(seq, context, () =>
    backend.onEvent((event) => {
      if (isWanted(filters, event)) record(seq, eventRecord(event, calls));
    }),
  );
}

function eventRecord(event: OperatorEvent, calls: CommandContext["calls"]): RpcWritable {
  switch (event.kind) {
    case "members":
      return membersRecord(event);
    case "userEvent":
      return userRecord(event);
    default:
      return callRecord(calls.add(event), event);
  }
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
