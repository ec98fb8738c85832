import { describe, expect, test } from "@jest/globals";
import {
  ConfigError,
  type ConfigSources,
  endpoint,
  isLoopback,
  type NodeConfig,
  readConfig,
  resolveConfig,
} from "./config.ts";
import { OPTIONS } from "./config-table.ts";

const KEY = Buffer.alloc(32, 1).toString("base64");

function read(argv: readonly string[], env: Record<string, string> = {}, files: Record<string, string> = {}) {
  const sources: ConfigSources = { argv, env, readFile: (path) => files[path], hostName: "machine" };
  return readConfig(sources);
}

function run(...input: Parameters<typeof read>): NodeConfig {
  const request = read(...input);
  if (request.kind !== "run") throw new Error(`not to be run: ${request.text}`);
  return request.config;
}

function refusalOf(...input: Parameters<typeof read>): string {
  try {
    return `accepted as ${read(...input).kind}`;
  } catch (error) {
    return error instanceof ConfigError ? `${error.code}: ${error.message}` : String(error);
  }
}

describe("configuration", () => {
  test("[A80] file, then environment, then flags; the later wins, and names are the same", () => {
    const file = {
      "hearsay.yaml": "http-port: 1\ngossip-port: 2\nmedia-port: 3\nseeds:\n  - 127.0.0.1:7946\n  - 127.0.0.1:7947\n",
    };
    const config = run(["--media-port=6"], { HEARSAY_GOSSIP_PORT: "5", HEARSAY_MEDIA_PORT: "5" }, file);
    expect([config.httpPort, config.gossipPort, config.mediaPort]).toEqual([1, 5, 6]);
    expect(config.seeds).toEqual(["127.0.0.1:7946", "127.0.0.1:7947"]);
    expect([config.name, config.httpHost, config.region]).toEqual(["machine", "127.0.0.1", "local"]);
  });

  test("[A80] one dash or two, with = or a blank; lists by commas; other names for the stores", () => {
    const config = run(["-name", "ada", "--seeds", "127.0.0.1:1,127.0.0.1:2", "--insecure"], {
      MONGODB_URL: "mongodb://one/x",
      REDIS_URL: "redis://one",
      HEARSAY_REDIS_URL: "redis://two",
    });
    expect([config.name, config.seeds.length, config.insecure]).toEqual(["ada", 2, true]);
    expect([config.mongodbUrl, config.redisUrl]).toEqual(["mongodb://one/x", "redis://two"]);
    expect(run(["--config", "other.yaml"], {}, { "other.yaml": "region: eu\n" }).region).toBe("eu");
  });

  test("[A80] scripts for events are taken as they are, from a list, from lines, or from flags that repeat", () => {
    const scripts = ["member-join,member-leave=notify.sh 'a, b'", "user:deploy=x=1 deploy.sh"];
    const file = {
      "hearsay.yaml": `event-handler:\n${scripts.map((text) => `  - ${JSON.stringify(text)}\n`).join("")}`,
    };
    expect(run([], {}, file).eventHandlers).toEqual(scripts);
    expect(run([], { HEARSAY_EVENT_HANDLER: scripts.join("\n") }).eventHandlers).toEqual(scripts);
    expect(run(scripts.flatMap((text) => ["--event-handler", text])).eventHandlers).toEqual(scripts);
    expect(run(["--event-handler=one"], {}, file).eventHandlers).toEqual(["one"]);
    expect(refusalOf(["--event-handler=zork=x"])).toContain("bad_value: --event-handler wants a script");
    expect(refusalOf(["--event-handler=user="])).toContain("bad_value");
  });

  test("[A80] events for operators wait as with the stock agent, unless told otherwise", () => {
    const { operatorCoalesce, eventHandlerTimeoutMs } = run(["--coalesce-period=0s", "--user-quiescent-period=1m1s"]);
    expect({ operatorCoalesce, eventHandlerTimeoutMs }).toEqual({
      operatorCoalesce: { memberPeriodMs: 0, memberQuiescentMs: 1_000, userPeriodMs: 3_000, userQuiescentMs: 61_000 },
      eventHandlerTimeoutMs: 60_000,
    });
    expect(refusalOf(["--quiescent-period=1"])).toContain("bad_value");
  });

  test("[A81] unknown names and wrong values are refused, and the message says where", () => {
    expect(refusalOf(["--colour=red"])).toBe('unknown_option: unknown option "--colour"; --help lists all');
    expect(refusalOf(["stray"])).toContain("unknown_option");
    expect(refusalOf([], { HEARSAY_COLOUR: "red" })).toContain("unknown environment variable HEARSAY_COLOUR");
    expect(refusalOf([], {}, { "hearsay.yaml": "colour: red" })).toContain('unknown option "colour" in hearsay.yaml');
    expect(refusalOf([], {}, { "hearsay.yaml": "[1" })).toContain("unreadable");
    expect(refusalOf(["--config=gone.yaml"])).toContain("there is no configuration file gone.yaml");
    for (const flag of ["--http-port=70000", "--http-port=1.5", "--http-port=", "--capacity=none", "--log-level=loud"])
      expect(refusalOf([flag])).toContain("bad_value");
    for (const flag of [
      "--seeds=host",
      "--rpc-addr=7",
      "--name=a b",
      "--token-key=c2hvcnQ=",
      "--http-url=ftp://x",
      "--name",
    ])
      expect(refusalOf([flag])).toContain("bad_value");
  });

  test("[A82] without keys a node that strangers can reach does not start, unless it is told to", () => {
    expect(refusalOf(["--http-host=0.0.0.0"])).toContain("without gossip-key and token-key");
    expect(refusalOf(["--gossip-host=::", `--gossip-key=${KEY}`])).toContain("without token-key");
    expect(run(["--http-host=0.0.0.0", `--gossip-key=${KEY}`, `--token-key=${KEY}`]).gossipKeys).toHaveLength(1);
    expect(run(["--http-host=0.0.0.0", "--insecure"]).insecure).toBe(true);
    expect(run(["--media-host=0.0.0.0"]).mediaHost).toBe("0.0.0.0");
    expect(refusalOf(["--rpc-addr=0.0.0.0:7373"])).toContain("rpc-auth-key");
    expect(() => resolveConfig({ name: "ada", httpHost: "10.0.0.1" })).toThrow(ConfigError);
  });

  test("[A82] a mesh over several machines does not start on a file of one of them", () => {
    expect(refusalOf(["--seeds=10.0.0.2:7946"])).toContain("set mongodb-url and redis-url");
    const stores = ["--mongodb-url=mongodb://db/x", "--redis-url=redis://r"];
    expect(run(["--seeds=10.0.0.2:7946", ...stores]).seeds).toEqual(["10.0.0.2:7946"]);
    expect(run(["--seeds=[::1]:7946"]).seeds).toEqual(["[::1]:7946"]);
  });

  test("[A83] secrets are never shown: not in --print-config, not in a refusal", () => {
    const request = read(["--print-config", `--token-key=${KEY}`, "--redis-url=redis://user:pass@r", "--region=eu"]);
    expect(request.kind).toBe("print");
    if (request.kind !== "print") return;
    expect(request.text).toContain('token-key: "********"');
    expect(request.text).toContain('region: "eu"');
    expect(request.text).not.toContain(KEY);
    expect(request.text).not.toContain("pass");
    expect(refusalOf(["--redis-url=http://user:pass@r"])).not.toContain("pass");
    // Unmasked, it is YAML that is read again.
    const again = run([], {}, { "hearsay.yaml": request.text.replaceAll(/.*\*{8}.*\n/g, "") });
    expect(again.region).toBe("eu");
  });

  test("[A84] --help names every option", () => {
    const request = read(["--help"]);
    const text = request.kind === "help" ? request.text : "";
    for (const option of OPTIONS) expect(text).toContain(`--${option.name}`);
  });

  test("[A84] addresses are read and judged", () => {
    expect([endpoint("[::1]:80"), endpoint("host:0")]).toEqual([
      { host: "::1", port: 80 },
      { host: "host", port: 0 },
    ]);
    expect(() => endpoint("host")).toThrow("host:port");
    expect(["127.9.9.9", "localhost", "::1", "0.0.0.0", "127.example"].map(isLoopback)).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
  });
});
