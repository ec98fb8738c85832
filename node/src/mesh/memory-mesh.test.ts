import { expect, test } from "@jest/globals";
import { seededRandom } from "#gossip";
import { ManualClock } from "../../test/fakes/manual-clock.ts";
import { Emitter } from "./emitter.ts";
import { type MemoryMesh, MemoryNetwork, type MemoryNetworkOptions } from "./memory-mesh.ts";
import { MeshError } from "./mesh.ts";

function pair(options: Omit<MemoryNetworkOptions, "clock"> = {}): {
  readonly clock: ManualClock;
  readonly network: MemoryNetwork;
  readonly a: MemoryMesh;
  readonly b: MemoryMesh;
} {
  const clock = new ManualClock();
  const network = new MemoryNetwork({ ...options, clock });
  return { clock, network, a: network.add({ name: "a" }), b: network.add({ name: "b" }) };
}

test("[H20] a request under loss is repeated, its handler runs once", async () => {
  const { clock, a, b } = pair({ random: seededRandom(3), lossRatio: 0.5 });
  let runs = 0;
  b.handle("count", () => {
    runs += 1;
    return runs;
  });
  const replies: unknown[] = [];
  for (let i = 0; i < 20; i += 1)
    replies.push(await clock.resolve(a.request("b", "count", i, { timeoutMs: 60_000 }), 70_000));
  expect(replies).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
});

test("[H21] a killed node is silent at once, and the others are told once after the detection time", async () => {
  const { clock, network, a, b } = pair({ detectMs: 1_500 });
  b.handle("t", () => "here");
  const events: string[] = [];
  a.onEvent((event) => events.push(event.kind));
  network.kill("b");
  network.kill("b");
  await expect(clock.resolve(a.request("b", "t", 0, { timeoutMs: 400 }))).rejects.toMatchObject({ code: "timeout" });
  expect(events).toEqual([]);
  await clock.advance(1_500);
  expect(events).toEqual(["nodeDown"]);
  await expect(a.request("b", "t", 0)).rejects.toMatchObject({ code: "unknown_node" });
});

test("[H22] a node that leaves is told at once", () => {
  const { network, a } = pair();
  const events: unknown[] = [];
  a.onEvent((event) => events.push(event));
  network.leave("b");
  expect(events).toEqual([{ kind: "nodeDown", name: "b", how: "left" }]);
  expect(a.nodes().map((node) => node.name)).toEqual(["a"]);
});

test("[H23] between partitioned nodes requests time out, and pass after healing", async () => {
  const { clock, network, a, b } = pair();
  b.handle("t", () => "here");
  network.partition("b", "a");
  await expect(clock.resolve(a.request("b", "t", 0, { timeoutMs: 900 }))).rejects.toMatchObject({ code: "timeout" });
  const patient = a.request("b", "t", 0, { timeoutMs: 5_000 });
  await clock.advance(1_000);
  network.heal();
  await expect(clock.resolve(patient)).resolves.toBe("here");
});

test("[H24] codes of handlers reach the caller, and bodies are copies", async () => {
  const { clock, a, b } = pair();
  b.handle("refuse", () => {
    throw new MeshError("too_warm", "no");
  });
  b.handle("echo", (from, body) => ({ from, body }));
  await expect(clock.resolve(a.request("b", "refuse", 0))).rejects.toMatchObject({
    name: "MeshError",
    code: "too_warm",
  });
  await expect(clock.resolve(a.request("b", "none", 0))).rejects.toMatchObject({ code: "no_handler" });
  const body = { list: [1] };
  const reply = (await clock.resolve(a.request("b", "echo", body))) as { readonly body: object };
  expect(reply).toEqual({ from: "a", body });
  expect(reply.body).not.toBe(body);
});

test("[H24] a request that is given up says so", async () => {
  const { clock, network, a } = pair();
  network.partition("a", "b");
  const control = new AbortController();
  const asked = a.request("b", "t", 0, { signal: control.signal });
  control.abort();
  await expect(clock.resolve(asked)).rejects.toMatchObject({ code: "aborted" });
});

test("[H25] a listener that throws disturbs nobody and is logged", () => {
  const logged: string[] = [];
  const log = {
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: (_: object, text: string) => logged.push(text),
  };
  const emitter = new Emitter<number>("test", log);
  const heard: number[] = [];
  emitter.add(() => {
    throw new Error("mine");
  });
  const remove = emitter.add((n) => heard.push(n));
  emitter.emit(1);
  remove();
  emitter.emit(2);
  expect(heard).toEqual([1]);
  expect(logged).toHaveLength(2);
});
