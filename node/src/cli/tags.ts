// `hearsay tags`: changes the tags of a running agent.

import { type Command, EXIT_OK } from "./command.ts";
import { describeFlags, FlagError, type FlagTable } from "./flags.ts";
import { parsePairs } from "./key-value.ts";
import { FORMAT_FLAG, RPC_FLAGS, wantsJson, withAgent } from "./rpc-options.ts";

const FLAGS = {
  set: { kind: "list", value: "key=value", help: "create or change a tag; may repeat" },
  delete: { kind: "list", value: "key", help: "remove a tag, if it is there; may repeat" },
  ...FORMAT_FLAG,
} satisfies FlagTable;

export const tags: Command = {
  name: "tags",
  summary: "change the tags of the agent",
  usage: `Usage: hearsay tags [options]\n\n${describeFlags({ ...FLAGS, ...RPC_FLAGS })}`,
  run: (argv, io) =>
    withAgent({ argv, table: FLAGS, io }, async (client, flags) => {
      const json = wantsJson(flags);
      const set = parsePairs(flags.list("set"), "tag is not key=value");
      const deleted = flags.list("delete");
      if (flags.rest.length > 0) throw new FlagError(`unexpected argument: ${flags.rest[0]}`);
      if (Object.keys(set).length + deleted.length === 0) throw new FlagError("nothing to set or to delete was given");
      await client.setTags(set, deleted);
      io.out(json ? `${JSON.stringify({ set, deleted })}\n` : "Successfully updated agent tags\n");
      return EXIT_OK;
    }),
};
