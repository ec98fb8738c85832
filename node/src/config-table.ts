/** Every option of `hearsay node`: its name in all three sources, its kind, its default, its help. */

export type OptionValue = string | number | boolean | readonly string[];

export interface OptionSpec {
  readonly name: string;
  /** "texts": a flag that may repeat, a list in the file, lines in the environment; each text is taken as it is. */
  readonly kind: "string" | "number" | "boolean" | "list" | "texts";
  readonly help: string;
  readonly argument?: string;
  readonly fallback?: OptionValue;
  /** Inclusive. */
  readonly range?: readonly [number, number];
  readonly whole?: boolean;
  /** What each value must match, and the words for it. */
  readonly pattern?: RegExp;
  readonly want?: string;
  /** Never printed, logged or repeated in an error. */
  readonly secret?: boolean;
  /** Environment variables that mean the same and are weaker than HEARSAY_…. */
  readonly alsoEnvironment?: readonly string[];
}

const port = { kind: "number", argument: "PORT", range: [0, 65_535], whole: true } as const;
const host = { kind: "string", argument: "HOST", pattern: /^[A-Za-z0-9.:_-]+$/, want: "an address to bind" } as const;
const duration = {
  kind: "string",
  argument: "TIME",
  pattern: /^(\d+(\.\d+)?(ms|s|m|h))+$/,
  want: "a time such as 3s or 500ms",
} as const;
const EVENT_FILTER = "(?:\\*|member-(?:join|leave|failed|update|reap)|(?:user|query)(?::[^,=]*)?)";
const HOST_PORT = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):\d{1,5}$/;

export const OPTIONS: readonly OptionSpec[] = [
  {
    name: "name",
    kind: "string",
    argument: "NAME",
    pattern: /^[A-Za-z0-9][A-Za-z0-9.-]{0,63}$/,
    want: "1 to 64 letters, digits, dots or dashes",
    help: "unique name in the mesh (default: the host's name)",
  },
  { name: "http-host", ...host, fallback: "127.0.0.1", help: "where HTTP and WebSocket listen" },
  { name: "http-port", ...port, fallback: 7400, help: "TCP port; 0: any free one" },
  {
    name: "http-url",
    kind: "string",
    argument: "URL",
    pattern: /^https?:\/\/[^/\s?#]+$/,
    want: "http(s)://host[:port]",
    help: "how others reach it, for example behind a TLS proxy",
  },
  {
    name: "trust-proxy",
    kind: "list",
    argument: "ADDRESS,…",
    pattern: /^[0-9A-Fa-f.:]+(\/\d{1,3})?$/,
    want: "addresses or networks (a.b.c.d/n)",
    fallback: [],
    help: "proxies whose X-Forwarded-For tells the client's address",
  },
  { name: "gossip-host", ...host, fallback: "127.0.0.1", help: "where gossip listens, UDP and TCP" },
  { name: "gossip-port", ...port, fallback: 7946, help: "gossip's port; 0: any free one" },
  {
    name: "gossip-profile",
    kind: "string",
    argument: "PROFILE",
    pattern: /^(lan|wan|local)$/,
    want: "lan, wan or local",
    fallback: "lan",
    help: "timing of failure detection: lan, wan, local",
  },
  { name: "media-host", ...host, fallback: "0.0.0.0", help: "where media listens, UDP" },
  { name: "media-port", ...port, fallback: 7600, help: "first media port; each worker takes one" },
  {
    name: "media-workers",
    kind: "number",
    argument: "N",
    range: [1, 64],
    whole: true,
    fallback: 1,
    help: "media threads; rooms on the first alone cross to other nodes",
  },
  {
    name: "media-tcp",
    kind: "boolean",
    fallback: true,
    help: "also listen on TCP under the media ports, for clients without UDP",
  },
  {
    name: "advertise",
    kind: "list",
    argument: "HOST[:PORT],…",
    pattern: /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?$/,
    want: "host or host:port",
    fallback: [],
    help: "addresses to tell others instead of the own ones (NAT 1:1)",
  },
  {
    name: "seeds",
    kind: "list",
    argument: "HOST:PORT,…",
    pattern: HOST_PORT,
    want: "host:port",
    fallback: [],
    help: "gossip addresses of nodes to join",
  },
  {
    name: "data-dir",
    kind: "string",
    argument: "DIR",
    fallback: "./data",
    help: "embedded store, snapshots, own keys",
  },
  {
    name: "mongodb-url",
    kind: "string",
    argument: "URL",
    pattern: /^mongodb(\+srv)?:\/\//,
    want: "mongodb://…",
    secret: true,
    alsoEnvironment: ["MONGODB_URL"],
    help: "people, rooms, messages; default: SQLite in data-dir",
  },
  {
    name: "redis-url",
    kind: "string",
    argument: "URL",
    pattern: /^rediss?:\/\//,
    want: "redis://…",
    secret: true,
    alsoEnvironment: ["REDIS_URL"],
    help: "who is where now; default: SQLite in data-dir",
  },
  {
    name: "gossip-key",
    kind: "list",
    argument: "KEY,…",
    secret: true,
    fallback: [],
    help: "base64 of 16, 24 or 32 bytes; the first encrypts",
  },
  {
    name: "token-key",
    kind: "list",
    argument: "KEY,…",
    secret: true,
    fallback: [],
    help: "base64 of 32 bytes, the same on all nodes; the first signs, all verify",
  },
  {
    name: "operator-key",
    kind: "string",
    argument: "KEY",
    pattern: /^\S{16,256}$/,
    want: "16 to 256 characters",
    secret: true,
    help: "opens /v1/mesh where HTTP is not on loopback",
  },
  {
    name: "room-creators",
    kind: "string",
    argument: "WHO",
    pattern: /^(everyone|members|listed)$/,
    want: "everyone, members or listed",
    fallback: "members",
    help: "who may make rooms: everyone (guests too), members, listed",
  },
  {
    name: "room-creator-handles",
    kind: "list",
    argument: "HANDLE,…",
    pattern: /^[\p{L}\p{N}\p{M}._-]{2,32}$/u,
    want: "handles",
    fallback: [],
    help: "who is listed",
  },
  {
    name: "file-megabytes",
    kind: "number",
    argument: "N",
    range: [1, 10_000],
    fallback: 100,
    help: "largest file that may be put into a room",
  },
  {
    name: "room-megabytes",
    kind: "number",
    argument: "N",
    range: [1, 10_000_000],
    fallback: 5_000,
    help: "what all files of a room may take",
  },
  {
    name: "webhook-networks",
    kind: "list",
    argument: "NETWORK,…",
    pattern: /^[0-9A-Fa-f.:]+\/\d{1,3}$/,
    want: "networks (a.b.c.d/n)",
    fallback: [],
    help: "networks that webhooks may reach although they are not public",
  },
  {
    name: "region",
    kind: "string",
    argument: "LABEL",
    pattern: /^[A-Za-z0-9 ._-]{1,32}$/,
    want: "1 to 32 letters, digits, blanks, dots, dashes",
    fallback: "local",
    help: "label for people to read",
  },
  {
    name: "capacity",
    kind: "number",
    argument: "N",
    range: [0.01, 1000],
    fallback: 1,
    help: "relative to other nodes",
  },
  {
    name: "forward-trunks",
    kind: "boolean",
    fallback: true,
    help: "carry streams between two other nodes whose own trunk is broken or slow",
  },
  {
    name: "rpc-addr",
    kind: "string",
    argument: "HOST:PORT",
    pattern: HOST_PORT,
    want: "host:port",
    help: "serve the RPC of the gossip agent here (off by default)",
  },
  { name: "rpc-auth-key", kind: "string", argument: "KEY", secret: true, help: "asked of RPC clients" },
  {
    name: "keyring-file",
    kind: "string",
    argument: "FILE",
    help: "keeps gossip keys that changed at run time; once there, it counts and not gossip-key",
  },
  {
    name: "event-handler",
    kind: "texts",
    argument: "[FILTER=]SCRIPT",
    pattern: new RegExp(`^(?:[^=]+$|(?:${EVENT_FILTER}(?:,${EVENT_FILTER})*)?=\\s*\\S)`, "s"),
    want: "a script, with filters such as member-join or user:NAME before an equals sign",
    fallback: [],
    help: "script to run on gossip events, as `hearsay agent` has them; may repeat",
  },
  { name: "event-handler-timeout", ...duration, fallback: "60s", help: "a script that runs longer is ended" },
  { name: "coalesce-period", ...duration, fallback: "3s", help: "member events for operators wait this long; 0s: not" },
  { name: "quiescent-period", ...duration, fallback: "1s", help: "and only until none came for this long" },
  { name: "user-coalesce-period", ...duration, fallback: "3s", help: "the same for user events" },
  { name: "user-quiescent-period", ...duration, fallback: "1s", help: "the same for user events" },
  {
    name: "log-level",
    kind: "string",
    argument: "LEVEL",
    pattern: /^(fatal|error|warn|info|debug|trace|silent)$/,
    want: "fatal, error, warn, info, debug, trace or silent",
    fallback: "info",
    help: "least level that is logged",
  },
  { name: "web-dir", kind: "string", argument: "DIR", help: "web client to serve (default: the built one)" },
  {
    name: "insecure",
    kind: "boolean",
    fallback: false,
    help: "start without keys, or without shared stores, where safety asks for them",
  },
];
