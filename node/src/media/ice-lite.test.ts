import { expect, test } from "@jest/globals";
import { CLIENT_TIMEOUTS, createCredentials, IceLiteAgent, IceLiteAgents, type IceOutcome } from "./ice-lite.ts";
import type { UdpAddress } from "./ip-address.ts";
import { buildBindingRequest, parseStun, verifyIntegrity } from "./stun.ts";

const HOME: UdpAddress = { host: "192.0.2.1", port: 1_000, family: 4 };
const TRAIN: UdpAddress = { host: "198.51.100.7", port: 2_000, family: 4 };
const STRANGER: UdpAddress = { host: "203.0.113.66", port: 3_000, family: 4 };

let transactions = 0;

function setup(): { agents: IceLiteAgents; agent: IceLiteAgent } {
  const agents = new IceLiteAgents();
  const agent = new IceLiteAgent({ id: "ann", timeouts: CLIENT_TIMEOUTS, nowMs: 0, remoteUfrag: "them" });
  agents.add(agent);
  return { agents, agent };
}

function check(
  agent: { readonly local: { readonly ufrag: string; readonly pwd: string } },
  changes: { username?: string; password?: string; useCandidate?: boolean; priority?: number } = {},
): Buffer {
  const transactionId = Buffer.alloc(12);
  transactionId.writeUInt32BE(++transactions, 8);
  return buildBindingRequest({
    transactionId,
    username: changes.username ?? `${agent.local.ufrag}:them`,
    password: changes.password ?? agent.local.pwd,
    priority: changes.priority ?? 1,
    tieBreaker: 1n,
    useCandidate: changes.useCandidate ?? true,
  });
}

const reasonOf = (outcome: IceOutcome): string | undefined => (outcome.kind === "drop" ? outcome.reason : undefined);

test("[G1] a request with an unknown user, a wrong password or no integrity gets no answer and leaves no state", () => {
  const { agents, agent } = setup();
  const plain = check(agent);
  const withoutIntegrity = Buffer.from(plain.subarray(0, -32));
  withoutIntegrity.writeUInt16BE(withoutIntegrity.length - 20, 2);
  const attempts: [Buffer, string][] = [
    [check(agent, { username: "nobody:them" }), "stun_unknown_user"],
    [check(agent, { username: `${agent.local.ufrag}:other` }), "stun_unknown_user"],
    [check(agent, { username: agent.local.ufrag }), "stun_unknown_user"],
    [check(agent, { password: "wrong" }), "stun_bad_integrity"],
    [withoutIntegrity, "stun_bad_integrity"],
    [Buffer.from("00010000", "hex"), "stun_malformed"],
  ];
  for (const [bytes, reason] of attempts) expect(reasonOf(agents.handle(bytes, STRANGER, 1))).toBe(reason);
  expect(agents.size).toBe(1);
  expect(agent).toMatchObject({ selected: undefined, state: "new", lastRequestAtMs: 0 });
});

test("[G3] the first authenticated check is answered and selects; then only USE-CANDIDATE does", () => {
  const { agents, agent } = setup();
  const first = agents.handle(check(agent, { useCandidate: false }), HOME, 5);
  expect(first).toMatchObject({ kind: "answer", selected: HOME, state: "connected" });
  expect(agents.handle(check(agent, { useCandidate: false }), TRAIN, 7)).toMatchObject({ selected: undefined });
  expect(agents.handle(check(agent), TRAIN, 9)).toMatchObject({ kind: "answer", selected: TRAIN, state: undefined });
  if (first.kind !== "answer") throw new Error("no answer");
  const answer = parseStun(first.bytes);
  expect(answer).toMatchObject({
    ok: true,
    message: { class: "success", mappedAddress: { host: HOME.host, port: HOME.port } },
  });
  expect(answer.ok && verifyIntegrity(first.bytes, answer.message, agent.local.pwd)).toBe(true);
});

test("[G3] a nomination from a new address moves the pair; a plain check from there does not", () => {
  const { agents, agent } = setup();
  agents.handle(check(agent), HOME, 1);
  agents.handle(check(agent, { useCandidate: false }), TRAIN, 2);
  expect(agent.selected).toEqual(HOME);
  expect(agents.handle(check(agent), TRAIN, 3)).toMatchObject({ selected: TRAIN });
  expect(agent).toMatchObject({ selected: TRAIN, moves: 1 });
});

test("[G3] of many nominations at first the best is followed, later the last", () => {
  const { agents, agent } = setup();
  const nominate = (from: UdpAddress, priority: number, nowMs: number) =>
    agents.handle(check(agent, { priority }), from, nowMs);
  nominate(TRAIN, 5, 100);
  expect(nominate(HOME, 9, 101)).toMatchObject({ selected: HOME });
  expect(nominate(TRAIN, 5, 2_099)).toMatchObject({ kind: "answer", selected: undefined });
  expect(nominate(TRAIN, 5, 2_100)).toMatchObject({ selected: TRAIN });
  agents.restart(agent, "them");
  expect(nominate(HOME, 2, 2_200)).toMatchObject({ selected: HOME });
  expect(nominate(TRAIN, 1, 2_300)).toMatchObject({ selected: undefined });
});

test("[G3] a nomination by TCP is not followed while UDP is alive, one by UDP at once", () => {
  const { agents, agent } = setup();
  const tcp: UdpAddress = { ...HOME, tcp: true };
  agents.handle(check(agent, { priority: 1 }), tcp, 0);
  expect(agents.handle(check(agent, { priority: 0 }), HOME, 10)).toMatchObject({ selected: HOME });
  agents.handle(check(agent, { useCandidate: false }), HOME, 4_000);
  expect(agents.handle(check(agent, { priority: 9 }), tcp, 5_999)).toMatchObject({ selected: undefined });
  expect(agents.handle(check(agent, { priority: 9 }), tcp, 6_000)).toMatchObject({ selected: tcp });
});

test("[G3] of connections to several of our addresses the one to the best is followed", () => {
  const { agents, agent } = setup();
  const [worse, better] = [1, 2].map((n): UdpAddress => ({ ...HOME, port: n, tcp: true, localPriority: n }));
  if (worse === undefined || better === undefined) throw new Error("no addresses");
  agents.handle(check(agent, { priority: 7 }), worse, 0);
  expect(agents.handle(check(agent, { priority: 7 }), better, 1)).toMatchObject({ selected: better });
  expect(agents.handle(check(agent, { priority: 7 }), worse, 2)).toMatchObject({ selected: undefined });
});

test("[G4] a captured nomination sent again from elsewhere moves nothing and gets no answer", () => {
  const { agents, agent } = setup();
  const nomination = check(agent);
  agents.handle(nomination, HOME, 1);
  expect(reasonOf(agents.handle(nomination, STRANGER, 2))).toBe("stun_replayed");
  expect(agent.selected).toEqual(HOME);
  // A retransmission by the client itself is answered, but proves nothing new about its life.
  expect(agents.handle(nomination, HOME, 50)).toMatchObject({ kind: "answer", selected: undefined });
  expect(agent.lastRequestAtMs).toBe(1);
});

test("[G5] silence makes a connected agent reconnecting after 8 s and gone after 30 s; a check brings it back", () => {
  const { agents, agent } = setup();
  agents.handle(check(agent), HOME, 1_000);
  expect(agents.handleTimeout(8_999)).toEqual([]);
  expect(agents.handleTimeout(9_000)).toEqual([agent]);
  expect(agent.state).toBe("reconnecting");
  expect(agents.handleTimeout(9_500)).toEqual([]);
  expect(agents.handle(check(agent), HOME, 10_000)).toMatchObject({ state: "connected" });
  agents.handleTimeout(18_000);
  expect(agents.handleTimeout(40_000)).toEqual([agent]);
  expect(agent.state).toBe("gone");
  expect(agents.handleTimeout(80_000)).toEqual([]);
});

test("[G5] a peer that never came is gone after 30 s", () => {
  const { agents, agent } = setup();
  expect(agents.handleTimeout(29_999)).toEqual([]);
  expect(agents.handleTimeout(30_000)).toEqual([agent]);
  expect(agent.state).toBe("gone");
});

test("[G6] after an ICE restart the old credentials count until the new ones nominate", () => {
  const { agents, agent } = setup();
  agents.handle(check(agent), HOME, 1);
  const old = { local: agent.local };
  agents.restart(agent, "anew");
  expect(agent.selected).toEqual(HOME);
  expect(agents.handle(check(old), HOME, 2)).toMatchObject({ kind: "answer" });
  expect(reasonOf(agents.handle(check(agent), HOME, 3))).toBe("stun_unknown_user");
  expect(agents.handle(check(agent, { username: `${agent.local.ufrag}:anew` }), TRAIN, 4)).toMatchObject({
    selected: TRAIN,
  });
  expect(reasonOf(agents.handle(check(old), HOME, 5))).toBe("stun_unknown_user");
});

test("an agent that was removed answers nobody", () => {
  const { agents, agent } = setup();
  agents.remove(agent);
  expect(reasonOf(agents.handle(check(agent), HOME, 1))).toBe("stun_unknown_user");
  expect(agents.size).toBe(0);
});

test("credentials have the length that RFC 8445 asks for and only ice-chars", () => {
  const { ufrag, pwd } = createCredentials();
  expect(ufrag).toMatch(/^[A-Za-z0-9+/]{8}$/);
  expect(pwd).toMatch(/^[A-Za-z0-9+/]{32}$/);
});
