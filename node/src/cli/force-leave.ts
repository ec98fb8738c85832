// `hearsay force-leave`: declares a failed member left.

import { type Command, EXIT_OK } from "./command.ts";
import { describeFlags, FlagError } from "./flags.ts";
import { FORMAT_FLAG, RPC_FLAGS, wantsJson, withAgent } from "./rpc-options.ts";

export const forceLeave: Command = {
  name: "force-leave",
  summary: "declare a failed member left",
  usage: `Usage: hearsay force-leave [options] name\n\n  A member that is alive after all comes back by itself.\n\n${describeFlags(
    {
      ...FORMAT_FLAG,
      ...RPC_FLAGS,
    },
  )}`,
  run: (argv, io) =>
    withAgent({ argv, table: FORMAT_FLAG, io }, async (client, flags) => {
      const json = wantsJson(flags);
      const [name, ...more] = flags.rest;
      if (name === undefined || more.length > 0) throw new FlagError("one node name must be given");
      await client.forceLeave(name);
      io.out(json ? `${JSON.stringify({ forced: name })}\n` : `Member ${name} is declared left\n`);
      return EXIT_OK;
    }),
};
