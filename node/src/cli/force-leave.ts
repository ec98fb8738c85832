// `hearsay force-leave`: declares a failed member left.

import { type Command, EXIT_OK } from "./command.ts";
import { describeFlags, FlagError, type FlagTable } from "./flags.ts";
import { FORMAT_FLAG, RPC_FLAGS, wantsJson, withAgent } from "./rpc-options.ts";

const FLAGS = {
  prune: { kind: "boolean", help: "also take it off the list of members, everywhere" },
  ...FORMAT_FLAG,
} satisfies FlagTable;

export const forceLeave: Command = {
  name: "force-leave",
  summary: "declare a failed member left",
  usage: `Usage: hearsay force-leave [options] name\n\n  A member that is alive after all comes back by itself.\n\n${describeFlags(
    {
      ...FLAGS,
      ...RPC_FLAGS,
    },
  )}`,
  run: (argv, io) =>
    withAgent({ argv, table: FLAGS, io }, async (client, flags) => {
      const json = wantsJson(flags);
      const [name, ...more] = flags.rest;
      if (name === undefined || more.length > 0) throw new FlagError("one node name must be given");
      const prune = flags.has("prune");
      await client.forceLeave(name, { prune });
      const done = prune ? "declared left and pruned" : "declared left";
      io.out(json ? `${JSON.stringify({ forced: name, prune })}\n` : `Member ${name} is ${done}\n`);
      return EXIT_OK;
    }),
};
