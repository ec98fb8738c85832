// `hearsay join`: makes a running agent contact others.

import { type Command, EXIT_OK } from "./command.ts";
import { describeFlags, FlagError, type FlagTable } from "./flags.ts";
import { FORMAT_FLAG, RPC_FLAGS, wantsJson, withAgent } from "./rpc-options.ts";

const FLAGS = {
  replay: { kind: "boolean", help: "also deliver user events from before the join" },
  ...FORMAT_FLAG,
} satisfies FlagTable;

export const join: Command = {
  name: "join",
  summary: "make the agent join others",
  usage: `Usage: hearsay join [options] address ...\n\n${describeFlags({ ...FLAGS, ...RPC_FLAGS })}`,
  run: (argv, io) =>
    withAgent({ argv, table: FLAGS, io }, async (client, flags) => {
      const json = wantsJson(flags);
      if (flags.rest.length === 0) throw new FlagError("at least one address to join must be given");
      const contacted = await client.join(flags.rest, { replay: flags.has("replay") });
      io.out(
        json
          ? `${JSON.stringify({ contacted })}\n`
          : `Successfully joined cluster by contacting ${contacted} node${contacted === 1 ? "" : "s"}.\n`,
      );
      return EXIT_OK;
    }),
};
