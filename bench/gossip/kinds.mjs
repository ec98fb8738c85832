// The two programs that are compared: how each is started, and how its log says what it saw. Log lines are used because
// both write them at once; the stock agent holds its member events back for a second and more, to collect them.
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../../dist/node/src/main.js", import.meta.url));

const flags = ({ host, name }) => [
  "agent",
  `-bind=${host}:7946`,
  `-rpc-addr=${host}:7373`,
  `-node=${name}`,
  "-profile=lan",
  "-log-level=err",
];

export const KINDS = {
  serf: {
    command: (place) => ["serf", flags(place)],
    joined: /EventMemberJoin: (\S+) /,
    failed: /EventMemberFailed: (\S+) /,
  },
  hearsay: {
    command: (place) => [process.execPath, [main, ...flags(place)]],
    joined: /member joined node=(\S+) /,
    failed: /member failed node=(\S+) /,
  },
};
