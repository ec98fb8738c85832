// Options of `serf agent` that `hearsay agent` does not have: refused by name, with what to do instead, so that nobody who
// moves over has to guess whether a word was misspelt.

import type { FlagTable } from "./flags.ts";

const NO_FILES = "there are no configuration files; give each setting as an option";

export const REFUSED_FLAGS = {
  "config-file": { kind: "refused", help: NO_FILES },
  "config-dir": { kind: "refused", help: NO_FILES },
  discover: { kind: "refused", help: "there is no discovery by mDNS; name an agent with -join or -retry-join" },
  iface: { kind: "refused", help: "give the interface's address with -bind" },
  syslog: { kind: "refused", help: "the log goes to standard output; let the service manager keep it" },
  "tags-file": {
    kind: "refused",
    help: "give tags with -tag at each start; `hearsay tags` changes them while the agent runs",
  },
} satisfies FlagTable;
