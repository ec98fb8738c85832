// `hearsay version`: ours, and that of the protocol that members speak.

import { packageInfo } from "../package-info.ts";
import { type Command, EXIT_OK } from "./command.ts";
import { describeFlags, parseFlags } from "./flags.ts";
import { FORMAT_FLAG, wantsJson } from "./rpc-options.ts";

/** Of Serf, as every member announces it. */
const PROTOCOL = { version: 5, min: 2, max: 5 };

export const version: Command = {
  name: "version",
  summary: "print the version",
  usage: `Usage: hearsay version [options]\n\n${describeFlags(FORMAT_FLAG)}`,
  run: async (argv, io) => {
    const json = wantsJson(parseFlags(argv, FORMAT_FLAG));
    const ours = packageInfo().version;
    const text = `Hearsay v${ours}\nAgent Protocol: ${PROTOCOL.version} (Understands back to: ${PROTOCOL.min})\n`;
    io.out(json ? `${JSON.stringify({ version: ours, protocol: PROTOCOL })}\n` : text);
    return EXIT_OK;
  },
};
