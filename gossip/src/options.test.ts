import { expect, test } from "@jest/globals";
import { DEFAULTS, type GossipOptions, LAN, LOCAL, resolveOptions, WAN } from "./options.ts";
import { UsageError } from "./types.ts";

const OPTIONS: GossipOptions = { name: "a", advertise: { host: "127.0.0.1", port: 7946 } };

const codeOf = (options: GossipOptions): string => {
  try {
    resolveOptions(options);
  } catch (error) {
    return error instanceof UsageError ? error.code : "other";
  }
  return "none";
};

test("what is left out has the default, and the result is frozen", () => {
  const resolved = resolveOptions({ ...OPTIONS, maxMembers: 7 });
  expect(resolved).toEqual({ ...DEFAULTS, ...OPTIONS, maxMembers: 7 });
  expect(Object.isFrozen(resolved)).toBe(true);
});

test("the profiles are those of the reference", () => {
  expect([LAN, WAN, LOCAL].map((profile) => profile.probeIntervalMs)).toEqual([1_000, 5_000, 1_000]);
  expect([LAN, WAN, LOCAL].map((profile) => profile.probeTimeoutMs)).toEqual([500, 3_000, 200]);
  expect([LAN, WAN, LOCAL].map((profile) => profile.suspicionMult)).toEqual([4, 6, 3]);
  expect([LAN, WAN, LOCAL].map((profile) => profile.gossipIntervalMs)).toEqual([200, 500, 100]);
  expect([LAN, WAN, LOCAL].map((profile) => profile.gossipNodes)).toEqual([3, 4, 3]);
  expect([LAN, WAN, LOCAL].map((profile) => profile.retransmitMult)).toEqual([4, 4, 2]);
});

test.each<[string, Partial<GossipOptions>]>([
  ["an empty name", { name: "" }],
  ["a name of 129 characters", { name: "x".repeat(129) }],
  ["port 0", { advertise: { host: "127.0.0.1", port: 0 } }],
  ["a probe timeout not below the interval", { profile: { ...LAN, probeTimeoutMs: 1_000 } }],
  ["a probe timeout of 0", { profile: { ...LAN, probeTimeoutMs: 0 } }],
  ["no gossip interval", { profile: { ...LAN, gossipIntervalMs: 0 } }],
  ["no push/pull interval", { profile: { ...LAN, pushPullIntervalMs: 0 } }],
  ["an awareness multiplier of 0", { profile: { ...LAN, awarenessMaxMultiplier: 0 } }],
  ["a suspicion multiplier below 1", { profile: { ...LAN, suspicionMaxTimeoutMult: 0 } }],
  ["no pause before a retry", { directRetryMs: 0 }],
  ["a key of 15 bytes", { keys: [new Uint8Array(15)] }],
  ["a bound of 0", { maxMembers: 0 }],
  ["a bound that is not whole", { maxStreams: 1.5 }],
])("%s is refused as a bad option", (_what, change) => {
  expect(codeOf({ ...OPTIONS, ...change })).toBe("bad_option");
});
