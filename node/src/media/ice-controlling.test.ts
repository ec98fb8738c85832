import { expect, test } from "@jest/globals";
import { type ControllingState, IceControlling } from "./ice-controlling.ts";
import { createCredentials, IceLiteAgent, IceLiteAgents, TRUNK_TIMEOUTS } from "./ice-lite.ts";
import type { UdpAddress } from "./ip-address.ts";

const A: UdpAddress = { host: "10.0.0.1", port: 1, family: 4 };
const B: UdpAddress = { host: "10.0.0.2", port: 2, family: 4 };
const SELF: UdpAddress = { host: "10.0.0.9", port: 9, family: 4 };

/** An offerer and a lite answerer joined by a wire of no length; `reachable` says which candidates work. */
class Pair {
  nowMs = 0;
  readonly reachable = new Set<UdpAddress>();
  readonly states: ControllingState[] = [];
  readonly selections: UdpAddress[] = [];
  sent = 0;
  readonly lite: IceLiteAgent;
  readonly ice: IceControlling;
  readonly #agents = new IceLiteAgents();
  #transaction = 0;
  #arriving: Buffer[] = [];

  constructor() {
    this.lite = new IceLiteAgent({ id: "trunk", timeouts: TRUNK_TIMEOUTS, nowMs: 0 });
    this.#agents.add(this.lite);
    const sink = {
      send: (bytes: Buffer, to: UdpAddress) => this.#send(bytes, to),
      selected: (address: UdpAddress) => this.selections.push(address),
      state: (state: ControllingState) => this.states.push(state),
    };
    const transactionId = (): Buffer => {
      const id = Buffer.alloc(12);
      id.writeUInt32BE(++this.#transaction, 0);
      return id;
    };
    this.ice = new IceControlling(
      { local: createCredentials(), remote: this.lite.local, candidates: [A, B], tieBreaker: 7n, transactionId },
      sink,
      0,
    );
  }

  run(untilMs: number): void {
    while (this.ice.deadlineMs() <= untilMs) {
      this.nowMs = Math.max(this.nowMs, this.ice.deadlineMs());
      this.ice.handleTimeout(this.nowMs);
      const arriving = this.#arriving;
      this.#arriving = [];
      for (const bytes of arriving) this.ice.handleStun(bytes, this.nowMs + 1);
    }
    this.nowMs = untilMs;
  }

  #send(bytes: Buffer, to: UdpAddress): void {
    this.sent++;
    if (![...this.reachable].some((address) => address.host === to.host)) return;
    const outcome = this.#agents.handle(bytes, SELF, this.nowMs);
    if (outcome.kind === "answer") this.#arriving.push(outcome.bytes);
  }
}

test("[G7] the offerer takes the candidate that answers and nominates it at once", () => {
  const pair = new Pair();
  pair.reachable.add(B);
  pair.run(400);
  expect(pair.states).toEqual(["connected"]);
  expect(pair.selections).toEqual([B]);
  expect(pair.lite).toMatchObject({ state: "connected", selected: SELF });
  expect(pair.ice.rttMs).toBe(1);
});

test("[G7] it checks every 500 ms; three checks without an answer are silence, an answer ends it", () => {
  const pair = new Pair();
  pair.reachable.add(A);
  pair.run(1_000);
  pair.reachable.clear();
  pair.run(2_000);
  expect(pair.ice.state).toBe("connected");
  pair.run(3_000);
  expect(pair.ice.state).toBe("silent");
  pair.reachable.add(A);
  pair.run(3_500);
  expect(pair.states).toEqual(["connected", "silent", "connected"]);
  expect(pair.selections).toEqual([A]);
});

test("[G7] when the chosen candidate dies and another answers, the pair moves there", () => {
  const pair = new Pair();
  pair.reachable.add(A);
  pair.run(1_000);
  pair.reachable.clear();
  pair.reachable.add(B);
  pair.run(4_000);
  expect(pair.selections).toEqual([A, B]);
  expect(pair.ice.state).toBe("connected");
});

test("[G7] after 30 s without an answer it is gone and sends nothing more", () => {
  const pair = new Pair();
  pair.run(31_000);
  expect(pair.states).toEqual(["gone"]);
  const { sent } = pair;
  pair.run(60_000);
  expect(pair.sent).toBe(sent);
  expect(pair.ice.deadlineMs()).toBe(Number.POSITIVE_INFINITY);
});

test("[G2] an answer that nobody asked for, or with a wrong integrity, changes nothing", () => {
  const pair = new Pair();
  pair.run(50);
  expect(pair.ice.handleStun(Buffer.from("nonsense"), 60)).toBe("stun_refused");
  const stranger = new IceLiteAgents();
  const agent = new IceLiteAgent({ id: "x", timeouts: TRUNK_TIMEOUTS, nowMs: 0 });
  stranger.add(agent);
  const other = new Pair();
  other.reachable.add(A);
  other.run(10);
  expect(pair.ice.state).toBe("checking");
});
