// `hearsay agent`: gossip alone, with the flags of `serf agent`.

import { hostname } from "node:os";
import {
  formatLine,
  GossipAgent,
  type GossipAgentOptions,
  LOG_LEVELS,
  type Logger,
  type LogLevel,
  UsageError,
} from "#gossip/io";
import { formatHostPort, parseAddressFlag } from "./address-flag.ts";
import { type AgentJoins, agentJoins, JOIN_FLAGS, joinUntilAnswered } from "./agent-joins.ts";
import { type Command, type CommandIo, EXIT_FAILED, EXIT_OK, EXIT_USAGE } from "./command.ts";
import { parseDuration } from "./duration.ts";
import { describeFlags, FlagError, type FlagTable, type ParsedFlags, parseFlags } from "./flags.ts";
import { coalesceOptions, handlerOptions } from "./operator-options.ts";
import { REFUSED_FLAGS } from "./refused-flags.ts";
import { DEFAULT_RPC_ADDRESS, DEFAULT_RPC_PORT } from "./rpc-options.ts";

const DEFAULT_GOSSIP_PORT = 7946;

const FLAGS = {
  bind: { kind: "text", value: "0.0.0.0:7946", help: "address for gossip, UDP and TCP" },
  advertise: { kind: "text", value: "address", help: "address that others are told" },
  node: { kind: "text", value: "hostname", help: "name of this node, unique in the cluster" },
  ...JOIN_FLAGS,
  tag: { kind: "list", value: "key=value", help: "a tag of this node; may repeat" },
  role: { kind: "text", value: "role", help: "the same as -tag role=..." },
  profile: { kind: "text", value: "lan", help: "timing: lan, wan or local" },
  encrypt: { kind: "text", value: "key", help: "key in base64, 16, 24 or 32 bytes; see keygen" },
  "keyring-file": { kind: "text", value: "path", help: "file that keeps the keys, in place of -encrypt" },
  label: { kind: "text", value: "text", help: "mark of the cluster; packets with another are dropped" },
  snapshot: { kind: "text", value: "path", help: "file that remembers members across restarts" },
  rejoin: { kind: "boolean", help: "rejoin those of the snapshot also after a leave" },
  protocol: { kind: "text", value: "5", help: "Serf protocol version, 2 to 5" },
  "broadcast-timeout": { kind: "text", value: "5s", help: "longest wait of a leave for its broadcasts" },
  "rpc-addr": { kind: "text", value: DEFAULT_RPC_ADDRESS, help: "address of the RPC" },
  "rpc-auth": { kind: "text", value: "key", help: "key that RPC clients must show; needed beyond loopback" },
  "log-level": { kind: "text", value: "info", help: "trace, debug, info, warn or err" },
  "event-handler": { kind: "list", value: "[filter=]script", help: "a script for events; may repeat; see below" },
  "event-handler-timeout": { kind: "text", value: "60s", help: "a script that runs longer is ended" },
  "coalesce-period": {
    kind: "text",
    value: "3s",
    help: "member events wait this long for more, at most; 0s: not at all",
  },
  "quiescent-period": { kind: "text", value: "1s", help: "and only until none came for this long" },
  "user-coalesce-period": { kind: "text", value: "3s", help: "the same for user events" },
  "user-quiescent-period": { kind: "text", value: "1s", help: "the same for user events" },
  "disable-compression": { kind: "boolean", help: "send without compression" },
  ...REFUSED_FLAGS,
} satisfies FlagTable;

export const agent: Command = {
  name: "agent",
  summary: "run gossip alone, as `serf agent` does",
  usage: `Usage: hearsay agent [options]\n\n${describeFlags(FLAGS)}
  A handler's filter is one or more of member-join, member-leave, member-failed, member-update, member-reap,
  user[:name], query[:name] and *, with commas between. Its script is run by the shell with SERF_EVENT and other
  variables; it reads members or payload from standard input, and what it prints answers a query.

  Ctrl-C leaves the cluster gracefully; once more ends at once.

  Exit codes: 0 left, 1 could not start or join, 2 used wrongly.
`,
  run: async (argv, io) => {
    try {
      const flags = parseFlags(argv, FLAGS);
      if (flags.rest.length > 0) throw new FlagError(`unexpected argument: ${flags.rest[0]}`);
      return await runAgent(agentOptions(flags, io), agentJoins(flags), io);
    } catch (error) {
      io.err(`${error instanceof Error ? error.message : String(error)}\n`);
      return error instanceof FlagError || isBadHandler(error) ? EXIT_USAGE : EXIT_FAILED;
    }
  },
};

const isBadHandler = (error: unknown): boolean => error instanceof UsageError && error.code === "bad_event_handler";

async function runAgent(options: GossipAgentOptions, joins: AgentJoins, io: CommandIo): Promise<number> {
  const gossip = new GossipAgent(options);
  const left = new Promise<"left">((resolve) => gossip.onLeft(() => resolve("left")));
  const stopping = new AbortController();
  await gossip.start();
  try {
    io.out(banner(gossip, options));
    const { once, ignoreOld } = joins;
    if (once.length > 0) {
      const contacted = await gossip.join(once, { ignoreOld });
      io.out(`    Join completed. Synced with ${contacted} initial agents\n`);
    }
    const why = await Promise.race([left, io.interrupted(), lonely(gossip, joins, stopping.signal)]);
    if (why === "lonely") {
      io.err("maximum retry join attempts made, exiting\n");
      return EXIT_FAILED;
    }
    if (why !== "left") {
      io.out("    Gracefully shutting down agent...\n");
      await gossip.leave();
    }
    return EXIT_OK;
  } finally {
    stopping.abort();
    await gossip.stop();
  }
}

/** Resolves only when the tries to join are used up. */
async function lonely(gossip: GossipAgent, joins: AgentJoins, signal: AbortSignal): Promise<"lonely"> {
  const { retry, ignoreOld } = joins;
  const join = (stop: AbortSignal): Promise<number> => gossip.join(retry, { ignoreOld, signal: stop });
  const isJoined = retry.length === 0 || (await joinUntilAnswered(join, joins, signal).catch(() => true));
  return isJoined ? new Promise(() => undefined) : "lonely";
}

function banner(gossip: GossipAgent, options: GossipAgentOptions): string {
  const rpc = options.rpc === undefined ? "off" : formatHostPort({ host: options.rpc.host, port: gossip.rpcPort ?? 0 });
  return `==> Hearsay agent running!
         Node name: '${options.nodeName}'
         Bind addr: '${formatHostPort({ host: options.bindHost, port: gossip.address.port })}'
          RPC addr: '${rpc}'
         Encrypted: ${gossip.isEncrypted}
           Profile: ${options.profile ?? "lan"}
`;
}

/** Throws FlagError for values that make no sense. */
export function agentOptions(flags: ParsedFlags, io: CommandIo): GossipAgentOptions {
  const bind = parseAddressFlag(flags.text("bind") ?? "", DEFAULT_GOSSIP_PORT);
  const duration = (name: string): number | undefined => {
    const text = flags.text(name);
    return text === undefined ? undefined : parseDuration(text);
  };
  return {
    nodeName: flags.text("node") ?? hostname(),
    bindHost: bind.host === "" ? "0.0.0.0" : bind.host,
    bindPort: bind.port,
    ...advertised(flags.text("advertise")),
    tags: tagsOf(flags),
    profile: profileOf(flags.text("profile") ?? "lan"),
    ...keyOptions(flags),
    ...given("label", flags.text("label")),
    ...given("broadcastTimeoutMs", duration("broadcast-timeout")),
    serfProtocol: protocolOf(flags.text("protocol") ?? "5"),
    ...given("snapshotPath", flags.text("snapshot")),
    rejoinAfterLeave: flags.has("rejoin"),
    eventHandlers: handlerOptions(flags.list("event-handler"), duration("event-handler-timeout"), io.env),
    operatorCoalesce: coalesceOptions(duration),
    compress: !flags.has("disable-compression"),
    log: lineLogger(levelOf(flags.text("log-level") ?? "info"), io),
    rpc: rpcOptions(flags),
  };
}

/** An option only when it was given. */
function given<K extends string, V>(name: K, value: V | undefined): { readonly [P in K]?: V } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [P in K]?: V });
}

function keyOptions(flags: ParsedFlags): Pick<GossipAgentOptions, "keys" | "keyringFile"> {
  const encrypt = flags.text("encrypt");
  const keyringFile = flags.text("keyring-file");
  if (encrypt !== undefined && keyringFile !== undefined) {
    throw new FlagError("Encryption key not allowed while using a keyring");
  }
  return { keys: encrypt === undefined ? [] : [keyOf(encrypt)], ...given("keyringFile", keyringFile) };
}

function rpcOptions(flags: ParsedFlags): NonNullable<GossipAgentOptions["rpc"]> {
  const { host, port } = parseAddressFlag(flags.text("rpc-addr") ?? DEFAULT_RPC_ADDRESS, DEFAULT_RPC_PORT);
  return { host: host === "" ? "127.0.0.1" : host, port, ...given("authKey", flags.text("rpc-auth")) };
}

/** Without a port the bound one is advertised. */
function advertised(text: string | undefined): Pick<GossipAgentOptions, "advertiseHost" | "advertisePort"> {
  if (text === undefined) return {};
  const { host, port } = parseAddressFlag(text, 0);
  return port === 0 ? { advertiseHost: host } : { advertiseHost: host, advertisePort: port };
}

function tagsOf(flags: ParsedFlags): Record<string, string> {
  const role = flags.text("role");
  const entries = flags.list("tag").map((text): [string, string] => {
    const at = text.indexOf("=");
    if (at < 1) throw new FlagError(`tag is not key=value: ${text}`);
    return [text.slice(0, at), text.slice(at + 1)];
  });
  return Object.fromEntries(role === undefined ? entries : [["role", role] as const, ...entries]);
}

function protocolOf(text: string): number {
  const version = Number(text);
  if (![2, 3, 4, 5].includes(version)) throw new FlagError(`Protocol version '${text}' must be in range: [2, 5]`);
  return version;
}

function profileOf(text: string): "lan" | "wan" | "local" {
  if (text !== "lan" && text !== "wan" && text !== "local") throw new FlagError(`unknown profile: ${text}`);
  return text;
}

function keyOf(text: string): Uint8Array {
  const key = Buffer.from(text, "base64");
  const isWhole = key.toString("base64").replace(/=+$/, "") === text.replace(/=+$/, "");
  if (!isWhole || ![16, 24, 32].includes(key.length)) {
    throw new FlagError("the encryption key must be 16, 24 or 32 bytes in base64");
  }
  return key;
}

const LEVELS: Readonly<Record<string, LogLevel>> = {
  trace: "debug",
  debug: "debug",
  info: "info",
  warn: "warn",
  err: "error",
  error: "error",
};

function levelOf(text: string): LogLevel {
  const level = LEVELS[text.toLowerCase()];
  if (level === undefined) throw new FlagError(`unknown log level: ${text}`);
  return level;
}

/** One line per entry, in the reference's form. */
function lineLogger(least: LogLevel, io: CommandIo): Logger {
  const at =
    (level: LogLevel) =>
    (fields: object, text: string): void => {
      if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(least)) return;
      io.out(`    ${formatLine({ at: new Date(), level, fields, text })}\n`);
    };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
