// `hearsay node`: one node of the mesh, with everything in it. Loaded when it is asked for, because the other commands
// are small and quick.

import { helpText } from "../config-help.ts";
import type { Command } from "./command.ts";

export const node: Command = {
  name: "node",
  summary: "run a node: web client, API, media, gossip",
  usage: `${helpText()}\n  Exit codes: 0 stopped or left, 1 failed, 78 wrong configuration.\n`,
  run: async (argv) => {
    const { runNode } = await import("../app-main.ts");
    return runNode(argv);
  },
};
