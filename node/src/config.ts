/**
 * What a node is told from outside: hearsay.yaml < environment (HEARSAY_…) < flags, the same names in all three. One table
 * (config-table.ts) drives reading, checking, --help and --print-config. Nothing here reads the environment by itself.
 */

import { parse as parseYaml } from "yaml";
import type { CoalesceOptions } from "#gossip/io";
import { parseDuration } from "./cli/duration.ts";
import { coalesceOptions } from "./cli/operator-options.ts";
import { helpText } from "./config-help.ts";
import { OPTIONS, type OptionSpec, type OptionValue } from "./config-table.ts";

export interface TokenKey {
  /** Written in the header of each token: which key signed it. */
  readonly kid: string;
  readonly key: Uint8Array;
}

export interface NodeConfig {
  readonly name: string;
  readonly httpHost: string;
  /** 0: any free port. */
  readonly httpPort: number;
  /** Base URL that clients and other nodes reach this node by; undefined: made from the bound address. */
  readonly httpUrl?: string;
  /** Proxies whose X-Forwarded-For is believed; rates are counted by the client's address. */
  readonly trustProxy: readonly string[];
  readonly gossipHost: string;
  readonly gossipPort: number;
  readonly mediaHost: string;
  readonly mediaPort: number;
  readonly mediaWorkers: number;
  readonly mediaTcp: boolean;
  /** Addresses told to others instead of the bound ones: "host" or "host:port" (the port is of media). */
  readonly advertise: readonly string[];
  readonly seeds: readonly string[];
  readonly dataDir: string;
  readonly mongodbUrl?: string;
  readonly redisUrl?: string;
  /** 16, 24 or 32 bytes each; the first encrypts. Empty: gossip is in the clear. */
  readonly gossipKeys: readonly Uint8Array[];
  /** The first signs, all verify. Empty: the node keeps one of its own in the data directory. */
  readonly tokenKeys: readonly Uint8Array[];
  readonly operatorKey?: string;
  /** Who may make rooms; "everyone" means guests too, "listed" those of the handles below. */
  readonly roomCreators: "everyone" | "members" | "listed";
  readonly roomCreatorHandles: readonly string[];
  readonly fileMegabytes: number;
  readonly roomMegabytes: number;
  /** Networks ("10.0.0.0/8") that webhooks may reach although they are private. */
  readonly webhookNetworks: readonly string[];
  readonly region: string;
  readonly capacity: number;
  /** Streams between two other nodes may come over this one. */
  readonly forwardTrunks: boolean;
  readonly rpcAddr?: { readonly host: string; readonly port: number };
  readonly rpcAuthKey?: string;
  /** Keeps keys that changed at run time; when it is there it counts, and not `gossipKeys`. */
  readonly keyringFile?: string;
  /** `[filter=]script`, each checked by the agent. */
  readonly eventHandlers: readonly string[];
  readonly eventHandlerTimeoutMs: number;
  /** How long events for operators wait for more of their kind. */
  readonly operatorCoalesce: CoalesceOptions;
  readonly gossipProfile: "lan" | "wan" | "local";
  readonly logLevel: "fatal" | "error" | "warn" | "info" | "debug" | "trace" | "silent";
  readonly webDir?: string;
  readonly insecure: boolean;
}

export type ConfigErrorCode = "unknown_option" | "bad_value" | "unsafe" | "unreadable";

/** The configuration is wrong; the message says which option and what to do. Nothing was started. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly code: ConfigErrorCode;
  constructor(message: string, options: { readonly code: ConfigErrorCode; readonly cause?: unknown }) {
    super(message, options);
    this.code = options.code;
  }
}

export interface ConfigSources {
  /** Without the program and the subcommand. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Text of a file, or undefined when there is none. */
  readonly readFile: (path: string) => string | undefined;
  readonly hostName: string;
}

export type ConfigRequest =
  | { readonly kind: "run"; readonly config: NodeConfig }
  | { readonly kind: "print"; readonly text: string }
  | { readonly kind: "help"; readonly text: string };

type Values = ReadonlyMap<string, OptionValue>;

/** Reads all three sources. Throws ConfigError; see assertSafe for what a public node needs. */
export function readConfig(sources: ConfigSources): ConfigRequest {
  const flags = readFlags(sources.argv);
  if (flags.commands.has("help")) return { kind: "help", text: helpText() };
  const fileName = flags.file ?? sources.env["HEARSAY_CONFIG"];
  const file = readYaml(fileName ?? "hearsay.yaml", fileName !== undefined, sources.readFile);
  const values = new Map<string, OptionValue>([
    ...defaults(sources.hostName),
    ...file,
    ...readEnvironment(sources.env),
    ...flags.values,
  ]);
  if (flags.commands.has("print-config")) return { kind: "print", text: printConfig(values) };
  const config = toConfig(values);
  assertSafe(config);
  return { kind: "run", config };
}

/** The default configuration with some of it replaced; for tests and for running several nodes in one process. */
export function resolveConfig(overrides: Partial<NodeConfig> & { readonly name: string }): NodeConfig {
  const config = { ...toConfig(defaults(overrides.name)), ...overrides };
  assertSafe(config);
  return Object.freeze(config);
}

function defaults(hostName: string): Map<string, OptionValue> {
  const values = new Map<string, OptionValue>();
  for (const spec of OPTIONS) if (spec.fallback !== undefined) values.set(spec.name, spec.fallback);
  const name = hostName.replaceAll(/[^A-Za-z0-9.-]/g, "-").slice(0, 64);
  values.set("name", name === "" ? "node" : name);
  return values;
}

const specOf = (name: string): OptionSpec | undefined => OPTIONS.find((spec) => spec.name === name);

interface Flags {
  readonly values: Map<string, OptionValue>;
  readonly commands: Set<string>;
  file: string | undefined;
}

function readFlags(argv: readonly string[]): Flags {
  const flags: Flags = { values: new Map(), commands: new Set(), file: undefined };
  const rest = [...argv];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const [, name = "", inline] = /^--?([^=]+)(?:=([\s\S]*))?$/.exec(word) ?? [];
    if (name === "help" || name === "h" || name === "print-config") flags.commands.add(name === "h" ? "help" : name);
    else readFlag({ word, name, inline }, rest, flags);
  }
  return flags;
}

function readFlag(
  flag: { readonly word: string; readonly name: string; readonly inline: string | undefined },
  rest: string[],
  flags: Flags,
): void {
  const spec = specOf(flag.name);
  if (spec === undefined && flag.name !== "config")
    throw new ConfigError(`unknown option "${flag.word.replace(/=.*$/s, "")}"; --help lists all`, {
      code: "unknown_option",
    });
  if (spec?.kind === "boolean" && flag.inline === undefined) {
    flags.values.set(flag.name, true);
    return;
  }
  const text = flag.inline ?? rest.shift();
  if (text === undefined) throw new ConfigError(`--${flag.name} wants a value`, { code: "bad_value" });
  if (spec === undefined) flags.file = text;
  else {
    const value = parseText(spec, text, `--${flag.name}`);
    const before = flags.values.get(flag.name);
    const isMore = spec.kind === "texts" && Array.isArray(before) && Array.isArray(value);
    flags.values.set(flag.name, isMore ? [...before, ...value] : value);
  }
}

const environmentName = (name: string): string => `HEARSAY_${name.toUpperCase().replaceAll("-", "_")}`;

function readEnvironment(env: ConfigSources["env"]): Map<string, OptionValue> {
  const values = new Map<string, OptionValue>();
  const known = new Set(["HEARSAY_CONFIG", ...OPTIONS.map((spec) => environmentName(spec.name))]);
  for (const name of Object.keys(env))
    if (name.startsWith("HEARSAY_") && !known.has(name))
      throw new ConfigError(`unknown environment variable ${name}; --help lists all`, { code: "unknown_option" });
  for (const spec of OPTIONS)
    for (const name of [...(spec.alsoEnvironment ?? []), environmentName(spec.name)]) {
      const text = env[name];
      if (text !== undefined && text !== "") values.set(spec.name, parseText(spec, text, name));
    }
  return values;
}

function readYaml(path: string, wanted: boolean, readFile: ConfigSources["readFile"]): Map<string, OptionValue> {
  const values = new Map<string, OptionValue>();
  const text = readFile(path);
  if (text === undefined) {
    if (wanted) throw new ConfigError(`there is no configuration file ${path}`, { code: "unreadable" });
    return values;
  }
  const document = parseDocument(path, text);
  for (const [name, value] of Object.entries(document)) {
    const spec = specOf(name);
    if (spec === undefined) throw new ConfigError(`unknown option "${name}" in ${path}`, { code: "unknown_option" });
    const where = `${name} in ${path}`;
    const separator = spec.kind === "texts" ? "\n" : ",";
    const asText = Array.isArray(value) ? value.map(String).join(separator) : scalarText(value, where);
    values.set(name, parseText(spec, asText, where));
  }
  return values;
}

function parseDocument(path: string, text: string): Record<string, unknown> {
  let document: unknown;
  try {
    document = parseYaml(text);
  } catch (cause) {
    throw new ConfigError(`${path} is not YAML`, { code: "unreadable", cause });
  }
  if (document === null || document === undefined) return {};
  if (typeof document !== "object" || Array.isArray(document))
    throw new ConfigError(`${path} must hold names and values`, { code: "unreadable" });
  return { ...document };
}

function scalarText(value: unknown, where: string): string {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return String(value);
  throw new ConfigError(`${where} wants a plain value`, { code: "bad_value" });
}

function parseText(spec: OptionSpec, text: string, where: string): OptionValue {
  // A secret must not appear in an error message.
  const shown = spec.secret === true ? "that" : `"${text}"`;
  const refuse = (want: string) => new ConfigError(`${where} wants ${want}, not ${shown}`, { code: "bad_value" });
  switch (spec.kind) {
    case "boolean":
      if (text !== "true" && text !== "false") throw refuse("true or false");
      return text === "true";
    case "number": {
      const value = Number(text);
      const [low, high] = spec.range ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
      const whole = spec.whole === true;
      if (
        text.trim() === "" ||
        Number.isNaN(value) ||
        value < low ||
        value > high ||
        (whole && !Number.isInteger(value))
      )
        throw refuse(`a ${whole ? "whole " : ""}number from ${low} to ${high}`);
      return value;
    }
    case "list":
      return checkedList(
        spec,
        text.split(/[\s,]+/).filter((part) => part !== ""),
        refuse,
      );
    case "texts":
      return checkedList(
        spec,
        text.split("\n").filter((line) => line.trim() !== ""),
        refuse,
      );
    case "string":
      return checkedList(spec, [text], refuse)[0] ?? "";
  }
}

function checkedList(
  spec: OptionSpec,
  parts: readonly string[],
  refuse: (want: string) => ConfigError,
): readonly string[] {
  for (const part of parts)
    if (spec.pattern !== undefined && !spec.pattern.test(part)) throw refuse(spec.want ?? "text");
  return parts;
}

function toConfig(values: Values): NodeConfig {
  const text = (name: string) => String(values.get(name) ?? "");
  const number = (name: string) => Number(values.get(name));
  const list = (name: string): readonly string[] => {
    const value = values.get(name);
    return Array.isArray(value) ? value : [];
  };
  const optional = <K extends string>(key: K, name: string) =>
    text(name) === "" ? {} : ({ [key]: text(name) } as { [P in K]: string });
  return Object.freeze({
    name: text("name"),
    httpHost: text("http-host"),
    httpPort: number("http-port"),
    ...optional("httpUrl", "http-url"),
    trustProxy: list("trust-proxy"),
    gossipHost: text("gossip-host"),
    gossipPort: number("gossip-port"),
    gossipProfile: text("gossip-profile") as NodeConfig["gossipProfile"],
    mediaHost: text("media-host"),
    mediaPort: number("media-port"),
    mediaWorkers: number("media-workers"),
    mediaTcp: values.get("media-tcp") === true,
    advertise: list("advertise"),
    seeds: list("seeds"),
    dataDir: text("data-dir"),
    ...optional("mongodbUrl", "mongodb-url"),
    ...optional("redisUrl", "redis-url"),
    gossipKeys: list("gossip-key").map((key) => keyBytes(key, "gossip-key", [16, 24, 32])),
    tokenKeys: list("token-key").map((key) => keyBytes(key, "token-key", undefined)),
    ...optional("operatorKey", "operator-key"),
    roomCreators: text("room-creators") as NodeConfig["roomCreators"],
    roomCreatorHandles: list("room-creator-handles"),
    fileMegabytes: number("file-megabytes"),
    roomMegabytes: number("room-megabytes"),
    webhookNetworks: list("webhook-networks"),
    region: text("region"),
    capacity: number("capacity"),
    forwardTrunks: values.get("forward-trunks") === true,
    ...(text("rpc-addr") === "" ? {} : { rpcAddr: endpoint(text("rpc-addr")) }),
    ...optional("rpcAuthKey", "rpc-auth-key"),
    ...optional("keyringFile", "keyring-file"),
    eventHandlers: list("event-handler"),
    eventHandlerTimeoutMs: parseDuration(text("event-handler-timeout")),
    operatorCoalesce: coalesceOptions((name) => parseDuration(text(name))),
    logLevel: text("log-level") as NodeConfig["logLevel"],
    ...optional("webDir", "web-dir"),
    insecure: values.get("insecure") === true,
  });
}

function keyBytes(text: string, name: string, lengths: readonly number[] | undefined): Uint8Array {
  const bytes = new Uint8Array(Buffer.from(text, "base64"));
  const fits = lengths === undefined ? bytes.length >= 32 : lengths.includes(bytes.length);
  if (!fits)
    throw new ConfigError(`${name} wants base64 of ${lengths?.join(", ") ?? "32 or more"} bytes a key`, {
      code: "bad_value",
    });
  return bytes;
}

/** "[::1]:80" or "host:80". */
export function endpoint(text: string): { readonly host: string; readonly port: number } {
  const [, host = "", port = ""] = /^(?:\[([^\]]*)\]|[^:]*):(\d{1,5})$/.exec(text) ? splitEndpoint(text) : [];
  if (host === "" || Number(port) > 65_535) throw new ConfigError(`"${text}" is not host:port`, { code: "bad_value" });
  return { host, port: Number(port) };
}

function splitEndpoint(text: string): readonly string[] {
  const colon = text.lastIndexOf(":");
  return [text, text.slice(0, colon).replace(/^\[|\]$/g, ""), text.slice(colon + 1)];
}

export const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);

/**
 * Safe by default: a node that strangers can reach has keys of its own, and a mesh over several machines has stores that
 * all of them reach. Media stays out of it: it answers nobody who does not know an ufrag and a password.
 */
export function assertSafe(config: NodeConfig): void {
  if (config.insecure) return;
  const exposed = [config.httpHost, config.gossipHost].filter((host) => !isLoopback(host));
  const missing = [
    ...(config.gossipKeys.length === 0 ? ["gossip-key"] : []),
    ...(config.tokenKeys.length === 0 ? ["token-key"] : []),
  ];
  if (exposed.length > 0 && missing.length > 0)
    throw new ConfigError(
      `bound to ${exposed.join(" and ")} but without ${missing.join(" and ")}: set them (base64 of 32 random bytes), ` +
        "bind to 127.0.0.1, or say --insecure",
      { code: "unsafe" },
    );
  if (config.rpcAddr !== undefined && !isLoopback(config.rpcAddr.host) && config.rpcAuthKey === undefined)
    throw new ConfigError("rpc-addr is not on loopback: set rpc-auth-key, or say --insecure", { code: "unsafe" });
  const remote = config.seeds.filter((seed) => !isLoopback(seed.replace(/:\d+$/, "").replace(/^\[|\]$/g, "")));
  if (remote.length > 0 && (config.mongodbUrl === undefined || config.redisUrl === undefined))
    throw new ConfigError(
      `seed ${remote[0]} is on another machine, and the embedded store is a file of this one: set mongodb-url and ` +
        "redis-url (also MONGODB_URL and REDIS_URL), or say --insecure",
      { code: "unsafe" },
    );
}

/** The resolved options as YAML that this program would read again, but for the masked secrets. */
function printConfig(values: Values): string {
  const lines = OPTIONS.map((spec) => {
    const value = values.get(spec.name);
    const empty = value === undefined || value === "" || (Array.isArray(value) && value.length === 0);
    if (empty) return `# ${spec.name}:`;
    return `${spec.name}: ${spec.secret === true ? '"********"' : JSON.stringify(value)}`;
  });
  return `${lines.join("\n")}\n`;
}
