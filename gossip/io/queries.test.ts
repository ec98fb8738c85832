import { expect, test } from "@jest/globals";
import { createGossip, type GossipEvent, seededRandom } from "../src/index.ts";
import { AgentQueries, type AgentQueryOptions } from "./queries.ts";

const EMPTY = new Uint8Array(0);

/** A member that is alone: it hears its own queries and answers them with its name. */
function lonely() {
  const events: GossipEvent[] = [];
  const ignore = (): void => undefined;
  const sink = {
    packet: ignore,
    stream: ignore,
    dropped: ignore,
    event: (event: GossipEvent) => void events.push(event),
  };
  const core = createGossip({ name: "a", advertise: { host: "10.0.0.1", port: 7946 } }, sink, seededRandom(1));
  let nowMs = 0;
  core.start(nowMs);
  const queries = new AgentQueries((call) => call(core, nowMs));
  const deliver = (): void => {
    for (const event of events.splice(0)) {
      if (event.kind === "query") queries.call(event).respond(Uint8Array.of(1, 2));
      else if (event.kind === "queryAck" || event.kind === "queryResponse" || event.kind === "queryDone") {
        queries.settle(event);
      }
    }
  };
  const ask = (options: AgentQueryOptions): ReturnType<AgentQueries["ask"]> => {
    const result = queries.ask("q", EMPTY, { wantAck: true, ...options });
    deliver();
    deliver();
    return result;
  };
  const wait = (durationMs: number): void => {
    for (const endMs = nowMs + durationMs; nowMs < endMs; ) {
      nowMs = Math.min(endMs, core.deadlineMs());
      core.handleTimeout(nowMs);
    }
    deliver();
  };
  return { core, queries, ask, wait };
}

test("a query tells its answers as they come and resolves with all of them when its time is over", async () => {
  const { ask, wait } = lonely();
  const told: string[] = [];
  const result = ask({
    timeoutMs: 500,
    onAck: (from) => told.push(`ack ${from}`),
    onResponse: ({ from, payload }) => told.push(`response ${from} ${payload.join()}`),
  });
  expect(told).toEqual(["ack a", "response a 1,2"]);
  wait(500);
  expect(await result).toEqual({ acks: ["a"], responses: [{ from: "a", payload: Uint8Array.of(1, 2) }] });
});

test("an abort rejects with its reason and makes the core forget the query", async () => {
  const { core, ask } = lonely();
  const abort = new AbortController();
  const result = ask({ signal: abort.signal });
  abort.abort(new Error("had enough"));
  await expect(result).rejects.toThrow("had enough");
  expect(core.stats()["queries_asked"]).toBe(0);
  await expect(ask({ signal: abort.signal })).rejects.toThrow("had enough");
});

test("a callback that throws ends its query and harms nobody else", async () => {
  const { core, ask, wait } = lonely();
  const bad = ask({
    timeoutMs: 500,
    onAck: () => {
      throw new Error("oops");
    },
  });
  await expect(bad).rejects.toThrow("oops");
  const good = ask({ timeoutMs: 500 });
  wait(500);
  expect((await good).acks).toEqual(["a"]);
  expect(core.stats()["queries_asked"]).toBe(0);
});

test("a stop ends queries with what they have, and a refused one rejects", async () => {
  const { queries, ask } = lonely();
  const result = ask({});
  queries.stop();
  expect((await result).acks).toEqual(["a"]);
  await expect(ask({ timeoutMs: -1 })).rejects.toMatchObject({ code: "bad_timeout" });
});
