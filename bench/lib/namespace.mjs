// A network namespace of the benchmark's own: traffic never leaves it, and it is removed at the end.
// Needs root (or CAP_NET_ADMIN) and iproute2.
import { execFileSync, spawn } from "node:child_process";

const ip = (...args) => execFileSync("ip", args, { stdio: ["ignore", "pipe", "pipe"] });

/** Makes the namespace with one address on a dummy-like veth pair; returns how to run inside and how to remove it. */
export function createNamespace(label, address = "10.99.0.1") {
  const name = `hearsay-${label}-${process.pid}`;
  ip("netns", "add", name);
  ip("-n", name, "link", "set", "lo", "up");
  ip("-n", name, "link", "add", "d0", "type", "veth", "peer", "name", "d1");
  ip("-n", name, "addr", "add", `${address}/24`, "dev", "d0");
  ip("-n", name, "link", "set", "d0", "up");
  ip("-n", name, "link", "set", "d1", "up");
  ip("-n", name, "route", "add", "default", "via", address.replace(/\.\d+$/, ".254"), "dev", "d0");
  let removed = false;
  return {
    name,
    address,
    iface: "d0",
    spawn: (command, args, options) => spawn("ip", ["netns", "exec", name, command, ...args], options),
    remove() {
      if (!removed) ip("netns", "del", name);
      removed = true;
    },
  };
}
