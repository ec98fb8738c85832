// `hearsay reachability`: whether every live member hears the agent.

import { type Command, EXIT_FAILED, EXIT_OK } from "./command.ts";
import { describeFlags, type FlagTable } from "./flags.ts";
import { safeText } from "./payload-text.ts";
import { FORMAT_FLAG, RPC_FLAGS, wantsJson, withAgent } from "./rpc-options.ts";

const FLAGS = {
  verbose: { kind: "boolean", help: "also show who answered" },
  ...FORMAT_FLAG,
} satisfies FlagTable;

const PING = "_serf_ping";

export const reachability: Command = {
  name: "reachability",
  summary: "test whether every live member hears the agent",
  usage: `Usage: hearsay reachability [options]\n\n  Exit code 1 when a live member does not answer.\n\n${describeFlags(
    {
      ...FLAGS,
      ...RPC_FLAGS,
    },
  )}`,
  run: (argv, io) =>
    withAgent({ argv, table: FLAGS, io }, async (client, flags) => {
      const json = wantsJson(flags);
      const all = await client.members();
      const live = all.filter(({ status }) => status === "alive").map(({ name }) => name);
      const acks = new Set<string>();
      if (!json) {
        io.out(`Total members: ${all.length}, live members: ${live.length}\nStarting reachability test...\n`);
      }
      await client.query({ name: PING, wantAck: true }, ({ from }) => {
        if (acks.has(from)) return;
        acks.add(from);
        if (!json && flags.has("verbose")) io.out(`Ack from '${safeText(from)}'\n`);
      });
      const missing = live.filter((name) => !acks.has(name));
      io.out(json ? `${JSON.stringify({ live: live.length, acks: [...acks], missing })}\n` : verdict(live, missing));
      return missing.length === 0 ? EXIT_OK : EXIT_FAILED;
    }),
};

function verdict(live: readonly string[], missing: readonly string[]): string {
  if (missing.length === 0) return "Successfully contacted all live nodes\n";
  const names = missing.map(safeText).join(", ");
  return `Received acks from ${live.length - missing.length} of ${live.length} live nodes; missing: ${names}\n`;
}
