import { expect, test } from "@jest/globals";
import { hostCandidates, tcpCandidates } from "./candidates.ts";

const MACHINE = [
  { address: "127.0.0.1", internal: true },
  { address: "fe80::1", internal: false },
  { address: "fd00::5", internal: false },
  { address: "10.0.0.5", internal: false },
  { address: "::1", internal: true },
];
const base = { port: 41_000, host: undefined, advertise: [], families: [4, 6] as const, machine: MACHINE };
const hosts = (input: Partial<Parameters<typeof hostCandidates>[0]>): string[] =>
  hostCandidates({ ...base, ...input }).map(({ host }) => host);

test("[G14] a worker names the machine's own addresses before loopback, and none that is only valid on a link", () => {
  expect(hosts({})).toEqual(["10.0.0.5", "fd00::5", "127.0.0.1"]);
  expect(hosts({ families: [4] })).toEqual(["10.0.0.5", "127.0.0.1"]);
});

test("[G14] configured addresses replace all others, and a bound host leaves only itself", () => {
  expect(hosts({ advertise: ["203.0.113.7", "203.0.113.7"] })).toEqual(["203.0.113.7"]);
  expect(hosts({ host: "127.0.0.1" })).toEqual(["127.0.0.1"]);
  expect(hosts({ host: "0.0.0.0" })).toHaveLength(3);
  expect(() => hosts({ advertise: ["node.example"] })).toThrow("no IP address");
});

test("[G14] priorities fall with the order and are those of host candidates", () => {
  const priorities = hostCandidates(base).map(({ priority }) => priority);
  expect(priorities).toEqual([...priorities].sort((a, b) => b - a));
  expect(new Set(priorities).size).toBe(3);
  for (const priority of priorities) expect(Math.floor(priority / 2 ** 24)).toBe(126);
});

test("[G25] each address that TCP listens on is a passive candidate, too, below all others", () => {
  const udp = hostCandidates(base);
  const tcp = tcpCandidates(udp, [4]);
  expect(tcp.map(({ host, port }) => [host, port])).toEqual([
    ["10.0.0.5", 41_000],
    ["127.0.0.1", 41_000],
  ]);
  for (const { priority } of tcp) expect(Math.floor(priority / 2 ** 24)).toBe(90);
  expect(tcp[0]?.priority).toBeGreaterThan(tcp[1]?.priority ?? 0);
  expect(tcpCandidates(udp, [])).toEqual([]);
});
