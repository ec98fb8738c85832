// `hearsay event`: tells every member something.

import { type Command, EXIT_OK } from "./command.ts";
import { describeFlags, FlagError, type FlagTable } from "./flags.ts";
import { FORMAT_FLAG, RPC_FLAGS, wantsJson, withAgent } from "./rpc-options.ts";

const FLAGS = {
  coalesce: { kind: "boolean", help: "of several in a short time only the last one matters; on unless =false" },
  ...FORMAT_FLAG,
} satisfies FlagTable;

export const event: Command = {
  name: "event",
  summary: "announce an event to every member",
  usage: `Usage: hearsay event [options] name [payload]\n\n${describeFlags({ ...FLAGS, ...RPC_FLAGS })}`,
  run: (argv, io) =>
    withAgent({ argv, table: FLAGS, io }, async (client, flags) => {
      const json = wantsJson(flags);
      const [name, payload = "", ...more] = flags.rest;
      if (name === undefined) throw new FlagError("an event name must be given");
      if (more.length > 0) throw new FlagError("an event has one name and one payload");
      const coalesce = flags.text("coalesce") === undefined || flags.has("coalesce");
      await client.event(name, Buffer.from(payload), { coalesce });
      io.out(
        json
          ? `${JSON.stringify({ event: name, coalesce })}\n`
          : `Event '${name}' dispatched! Coalescing enabled: ${coalesce}\n`,
      );
      return EXIT_OK;
    }),
};
