import { describe, expect, test } from "@jest/globals";
import { formatAddress } from "./address-text.ts";
import { agentOptions } from "./agent.ts";
import type { CommandIo } from "./command.ts";
import { COMMANDS, runCommandLine } from "./commands.ts";
import { type ParsedFlags, parseFlags } from "./flags.ts";
import { handlerOptions } from "./operator-options.ts";

interface Result {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

const io = (write: { out: string; err: string }): CommandIo => ({
  out: (text) => {
    write.out += text;
  },
  err: (text) => {
    write.err += text;
  },
  // Nobody listens on the port of this address.
  env: { SERF_RPC_ADDR: "127.79.201.1:1" },
  interrupted: () => Promise.resolve(),
});

async function hearsay(...argv: readonly string[]): Promise<Result> {
  const written = { out: "", err: "" };
  const code = await runCommandLine(argv, io(written));
  return { code, ...written };
}

describe("help", () => {
  test("is printed when asked for, in every spelling", async () => {
    for (const word of ["help", "-h", "-help", "--help"]) {
      const { code, out } = await hearsay(word);
      expect(code).toBe(0);
      for (const { name, summary } of COMMANDS) expect(out).toMatch(new RegExp(`^  ${name} +${summary}$`, "m"));
    }
  });

  test("of a command lists its flags", async () => {
    expect((await hearsay("agent", "--help")).out).toContain("-rpc-addr=127.0.0.1:7373");
    expect((await hearsay("help", "members")).out).toContain("Usage: hearsay members [options]");
  });

  test("of every command says what its exit codes mean", async () => {
    for (const { name } of COMMANDS) {
      const { code, out } = await hearsay(name, "--help");
      expect(code).toBe(0);
      expect(out).toMatch(/^(Usage: hearsay|hearsay node)/);
      expect(out).toContain("Exit codes: 0");
    }
    expect(await hearsay("help", "zork")).toMatchObject({ code: 2 });
  });

  test("a version is printed in every spelling, and as JSON", async () => {
    for (const word of ["version", "-v", "--version", "-version"]) {
      const { code, out } = await hearsay(word);
      expect({ code, out }).toEqual({
        code: 0,
        out: expect.stringMatching(/^Hearsay v\d+\.\d+\.\d+.*\nAgent Protocol: 5/),
      });
    }
    const { out } = await hearsay("version", "--format=json");
    expect(JSON.parse(out)).toMatchObject({ version: expect.any(String), protocol: { version: 5, min: 2, max: 5 } });
  });

  test("without a command, or with one that is not, it is an error", async () => {
    expect(await hearsay()).toMatchObject({ code: 2, out: "" });
    expect(await hearsay("zork")).toMatchObject({ code: 2, err: expect.stringContaining('no command "zork"') });
  });
});

describe("use", () => {
  test.each([
    [["members", "-zork"], "flag provided but not defined: -zork"],
    [["members", "-rpc-addr=a:b"], "not an address: a:b"],
    [["keygen", "more"], "keygen takes no arguments"],
    [["agent", "-profile=fast"], "unknown profile: fast"],
    [["agent", "-tag=novalue"], "tag is not key=value: novalue"],
    [["agent", "-encrypt=c2hvcnQ="], "the encryption key must be 16, 24 or 32 bytes in base64"],
    [["agent", "-encrypt=%%%"], "the encryption key must be 16, 24 or 32 bytes in base64"],
    [["agent", "-log-level=loud"], "unknown log level: loud"],
    [
      ["agent", "-discover=fleet"],
      "-discover is not supported: there is no discovery by mDNS; name an agent with -join or -retry-join",
    ],
    [["agent", "-iface", "eth0"], "-iface is not supported: give the interface's address with -bind"],
    [["agent", "more"], "unexpected argument: more"],
    [["agent", "-event-handler=zork=x"], "Invalid event script: Event 'zork' invoking 'x'"],
    [["agent", "-protocol=9"], "Protocol version '9' must be in range: [2, 5]"],
    [["agent", "-retry-interval=10ms"], "retry-interval must be at least 1s"],
    [["agent", "-coalesce-period=3"], "not a duration such as 15s or 700ms: 3"],
    [
      ["agent", "-encrypt=AAECAwQFBgcICQoLDA0ODw==", "-keyring-file=x"],
      "Encryption key not allowed while using a keyring",
    ],
    [["keys"], "one of -install, -use, -remove, or -list must be given"],
    [["keys", "-list", "-use=AAECAwQFBgcICQoLDA0ODw=="], "only one of -install, -use, -remove, or -list allowed"],
    [["keys", "-install=c2hvcnQ="], "the key of -install must be 16, 24 or 32 bytes in base64"],
    [["keys", "x"], "keys takes options only"],
    [["version", "-zork"], "hearsay version: flag provided but not defined: -zork"],
  ])("%j is refused with exit code 2", async (argv, message) => {
    expect(await hearsay(...argv)).toEqual({ code: 2, out: "", err: `${message}\n` });
  });

  test("no agent at the address has an exit code of its own, 3", async () => {
    const commands = [
      "members",
      "info",
      "leave",
      "monitor",
      "reachability",
      "rtt x",
      "event x",
      "query x",
      "keys -list",
    ];
    for (const command of [...commands, "tags -set=a=b", "join x", "force-leave x"]) {
      const { code, err } = await hearsay(...command.split(" "));
      expect(code).toBe(3);
      expect(err).toContain("no agent answers at 127.79.201.1:1");
    }
  });

  test("an RPC for others than this machine needs a key, exit code 1", async () => {
    const { code, err } = await hearsay("agent", "-bind=127.79.201.2:0", "-rpc-addr=0.0.0.0:0");
    expect(code).toBe(1);
    expect(err).toContain("needs an auth key");
  });

  test("a new key is 32 bytes in base64", async () => {
    const { code, out } = await hearsay("keygen");
    expect(code).toBe(0);
    expect(Buffer.from(out, "base64")).toHaveLength(32);
  });
});

describe("flags of the agent", () => {
  const optionsOf = (...argv: readonly string[]): ReturnType<typeof agentOptions> => {
    const names = argv.map((text) => text.replace(/^-+([a-z-]+).*/, "$1"));
    const table = Object.fromEntries(names.map((name) => [name, { kind: "list", help: "" } as const]));
    const flags: ParsedFlags = parseFlags(argv, table);
    return agentOptions(flags, io({ out: "", err: "" }));
  };

  test("have the defaults of serf agent", () => {
    expect(optionsOf()).toMatchObject({
      bindHost: "0.0.0.0",
      bindPort: 7946,
      profile: "lan",
      keys: [],
      tags: {},
      compress: true,
      rpc: { host: "127.0.0.1", port: 7373 },
    });
  });

  test("become options of the agent", () => {
    const options = optionsOf(
      "-bind=[::1]:80",
      "-advertise=10.0.0.1:81",
      "-node=n",
      "-tag=a=b=c",
      "-tag=d=",
      "-role=web",
      "-profile=wan",
      "-encrypt=AAECAwQFBgcICQoLDA0ODw==",
      "-snapshot=s",
      "-rpc-addr=:1",
      "-rpc-auth=k",
    );
    expect(options).toMatchObject({
      nodeName: "n",
      bindHost: "::1",
      bindPort: 80,
      advertiseHost: "10.0.0.1",
      advertisePort: 81,
      tags: { role: "web", a: "b=c", d: "" },
      profile: "wan",
      snapshotPath: "s",
      rpc: { host: "127.0.0.1", port: 1, authKey: "k" },
    });
    expect(options.keys?.map((key) => key.length)).toEqual([16]);
    expect(optionsOf("-advertise=10.0.0.1")).not.toHaveProperty("advertisePort");
  });

  test("scripts, coalescing and the keyring become options of the agent", () => {
    const options = optionsOf(
      "-event-handler=member-join=a b",
      "-event-handler=c",
      "-event-handler-timeout=1m",
      "-coalesce-period=0s",
      "-user-quiescent-period=500ms",
      "-keyring-file=k.json",
    );
    expect(options).toMatchObject({
      keyringFile: "k.json",
      eventHandlers: { scripts: ["member-join=a b", "c"], timeoutMs: 60_000 },
      operatorCoalesce: { memberPeriodMs: 0, userQuiescentMs: 500 },
    });
    expect(optionsOf().operatorCoalesce).toEqual({});
  });

  test("scripts find the environment of the agent without its secrets", () => {
    const environment = { PATH: "/bin", SERF_RPC_AUTH: "k", MONGODB_URL: "m", HEARSAY_GOSSIP_KEY: "g" };
    expect(handlerOptions([], undefined, environment)).toMatchObject({ scripts: [], environment: { PATH: "/bin" } });
    expect(Object.keys(handlerOptions([], undefined, environment).environment ?? {})).toEqual(["PATH"]);
  });

  test("a log line below the level is not printed", () => {
    const written = { out: "", err: "" };
    const { log } = agentOptions(parseFlags([], {}), io(written));
    log?.debug({}, "too much");
    log?.warn({ node: "b" }, "enough");
    expect(written.out).toMatch(/^ {4}\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d \[WARN\] enough node=b\n$/);
  });
});

test.each([
  [[127, 0, 0, 1], "127.0.0.1"],
  [[0xfe, 0x80, ...new Array(13).fill(0), 1], "fe80::1"],
  [[], ""],
])("address bytes %j are %s", (bytes, text) => {
  expect(formatAddress(Uint8Array.from(bytes))).toBe(text);
});
