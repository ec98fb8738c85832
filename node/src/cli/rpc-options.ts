// Flags that every command over the RPC has, and the connection they lead to.

import { RpcClient, RpcClientError, UsageError } from "#gossip/io";
import { parseAddressFlag } from "./address-flag.ts";
import { type CommandIo, EXIT_FAILED, EXIT_UNREACHABLE, EXIT_USAGE } from "./command.ts";
import { FlagError, type FlagTable, type ParsedFlags, parseFlags } from "./flags.ts";

export const DEFAULT_RPC_ADDRESS = "127.0.0.1:7373";
export const DEFAULT_RPC_PORT = 7373;

export const RPC_FLAGS = {
  "rpc-addr": {
    kind: "text",
    value: DEFAULT_RPC_ADDRESS,
    help: "RPC address of the agent (or SERF_RPC_ADDR)",
  },
  "rpc-auth": { kind: "text", value: "key", help: "RPC auth key of the agent (or SERF_RPC_AUTH)" },
} satisfies FlagTable;

export const FORMAT_FLAG = {
  format: { kind: "text", value: "text", help: "text or json" },
} satisfies FlagTable;

/** Whether `-format` asks for JSON. Throws FlagError for other words. */
export function wantsJson(flags: ParsedFlags): boolean {
  const format = flags.text("format") ?? "text";
  if (format !== "text" && format !== "json") throw new FlagError(`unknown format: ${format}`);
  return format === "json";
}

interface RpcCommand {
  readonly argv: readonly string[];
  readonly table: FlagTable;
  readonly io: CommandIo;
  /** Throws FlagError for what makes no sense, before anybody is connected to. */
  readonly check?: (flags: ParsedFlags) => unknown;
}

/** Parses flags, connects, runs, and turns every failure into a line and an exit code. */
export async function withAgent(
  { argv, table, io, check }: RpcCommand,
  run: (client: RpcClient, flags: ParsedFlags) => Promise<number>,
): Promise<number> {
  let client: RpcClient | undefined;
  try {
    const flags = parseFlags(argv, { ...RPC_FLAGS, ...table });
    check?.(flags);
    const text = flags.text("rpc-addr") ?? io.env["SERF_RPC_ADDR"] ?? DEFAULT_RPC_ADDRESS;
    const authKey = flags.text("rpc-auth") ?? io.env["SERF_RPC_AUTH"] ?? "";
    client = await RpcClient.open({ ...parseAddressFlag(text, DEFAULT_RPC_PORT), authKey });
    return await run(client, flags);
  } catch (error) {
    io.err(`${error instanceof Error ? error.message : String(error)}\n`);
    return exitCodeOf(error);
  } finally {
    client?.close();
  }
}

function exitCodeOf(error: unknown): number {
  if (error instanceof FlagError || error instanceof UsageError) return EXIT_USAGE;
  return error instanceof RpcClientError && error.code === "unreachable" ? EXIT_UNREACHABLE : EXIT_FAILED;
}
