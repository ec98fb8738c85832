// `hearsay keygen`: a key for encrypting gossip.

import { randomBytes } from "node:crypto";
import { type Command, EXIT_OK, EXIT_USAGE } from "./command.ts";

const KEY_BYTES = 32;

export const keygen: Command = {
  name: "keygen",
  summary: "print a new encryption key",
  usage: "Usage: hearsay keygen\n\n  Prints 32 random bytes in base64, fit for -encrypt.\n",
  run: async (argv, io) => {
    if (argv.length > 0) {
      io.err("keygen takes no arguments\n");
      return EXIT_USAGE;
    }
    io.out(`${randomBytes(KEY_BYTES).toString("base64")}\n`);
    return EXIT_OK;
  },
};
