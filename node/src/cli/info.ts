// `hearsay info`: what a running agent says about itself.

import { type Command, EXIT_OK } from "./command.ts";
import { describeFlags } from "./flags.ts";
import { FORMAT_FLAG, RPC_FLAGS, wantsJson, withAgent } from "./rpc-options.ts";

export const info: Command = {
  name: "info",
  summary: "show what the agent says about itself",
  usage: `Usage: hearsay info [options]\n\n${describeFlags({ ...FORMAT_FLAG, ...RPC_FLAGS })}`,
  run: (argv, io) =>
    withAgent({ argv, table: FORMAT_FLAG, io }, async (client, flags) => {
      const json = wantsJson(flags);
      const sections = await client.info();
      io.out(json ? `${JSON.stringify(sections, null, 2)}\n` : textOf(sections));
      return EXIT_OK;
    }),
};

/** A section per paragraph, both levels sorted, as the reference prints it. */
function textOf(sections: Readonly<Record<string, Readonly<Record<string, string>>>>): string {
  return Object.keys(sections)
    .sort()
    .map((name) => {
      const section = sections[name] ?? {};
      const lines = Object.keys(section)
        .sort()
        .map((key) => `\t${key} = ${section[key]}\n`);
      return `${name}:\n${lines.join("")}`;
    })
    .join("");
}
