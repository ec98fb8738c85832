// `hearsay leave`: a graceful goodbye of a running agent, which then ends.

import { type Command, EXIT_OK } from "./command.ts";
import { describeFlags } from "./flags.ts";
import { FORMAT_FLAG, RPC_FLAGS, wantsJson, withAgent } from "./rpc-options.ts";

export const leave: Command = {
  name: "leave",
  summary: "make the agent leave the cluster gracefully and end",
  usage: `Usage: hearsay leave [options]\n\n${describeFlags({ ...FORMAT_FLAG, ...RPC_FLAGS })}`,
  run: (argv, io) =>
    withAgent({ argv, table: FORMAT_FLAG, io }, async (client, flags) => {
      const json = wantsJson(flags);
      await client.leave();
      io.out(json ? `${JSON.stringify({ left: true })}\n` : "Graceful leave complete\n");
      return EXIT_OK;
    }),
};
