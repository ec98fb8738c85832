import { expect, test } from "@jest/globals";
import { type AgentLike, type AgentMember, GossipMesh } from "./gossip-mesh.ts";
import { silentLog } from "./log.ts";
import type { MeshNode } from "./mesh.ts";
import { encodeTags, type Tags } from "./tags.ts";

function node(name: string, change: Partial<MeshNode> = {}): MeshNode {
  const media = ["127.0.0.1:5000"];
  return {
    name,
    url: `http://${name}.test`,
    region: "r",
    draining: false,
    media,
    version: "1",
    capacity: 1,
    ...change,
  };
}

class FakeAgent implements AgentLike {
  list: AgentMember[] = [];
  tags: Tags = {};
  readonly suspects: string[] = [];
  failWith: Error | undefined;
  refuseTags = false;
  readonly #listeners = new Set<(event: unknown) => void>();

  members(): readonly AgentMember[] {
    return this.list;
  }
  onEvent(listener: (event: unknown) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }
  setTags(tags: Tags): Promise<void> {
    if (this.refuseTags) return Promise.reject(new Error("no"));
    this.tags = tags;
    return Promise.resolve();
  }
  rtt(a: string): { readonly estimateMs: number; readonly measuredMs?: number } | undefined {
    if (a === "far") return { estimateMs: 180 };
    return a === "near" ? { estimateMs: 9, measuredMs: 4 } : undefined;
  }
  request(): Promise<unknown> {
    return this.failWith === undefined ? Promise.resolve("pong") : Promise.reject(this.failWith);
  }
  handle(): () => void {
    return () => undefined;
  }
  suspect(name: string): void {
    this.suspects.push(name);
  }
  put(member: MeshNode, status = "alive"): void {
    this.list = [
      ...this.list.filter((m) => m.name !== member.name),
      { name: member.name, tags: encodeTags(member), status },
    ];
    this.tell();
  }
  tell(): void {
    for (const listener of this.#listeners) listener({});
  }
}

async function started(): Promise<{ readonly agent: FakeAgent; readonly mesh: GossipMesh; readonly events: string[] }> {
  const agent = new FakeAgent();
  const mesh = new GossipMesh({ agent, self: node("me"), log: silentLog });
  const events: string[] = [];
  mesh.onEvent((event) =>
    events.push(
      event.kind === "nodeDown" ? `${event.kind} ${event.name} ${event.how}` : `${event.kind} ${event.node.name}`,
    ),
  );
  agent.list = [{ name: "me", tags: {}, status: "alive" }];
  await mesh.start();
  await mesh.start();
  return { agent, mesh, events };
}

test("[H9] this node is first, stock agents and the dead are not listed", async () => {
  const { agent, mesh } = await started();
  agent.put(node("b"));
  agent.put(node("a"));
  agent.put(node("dead"), "failed");
  agent.list.push({ name: "serf", tags: { role: "web" }, status: "alive" });
  agent.tell();
  expect(mesh.nodes().map((n) => n.name)).toEqual(["me", "b", "a"]);
  expect(mesh.node("serf")).toBeUndefined();
  expect(mesh.node("me")).toBe(mesh.self);
});

test("[H10] arrivals, changes and departures are told once, whatever the agent repeats or leaves out", async () => {
  const { agent, events } = await started();
  agent.put(node("b"));
  agent.tell();
  agent.put(node("b", { draining: true }));
  agent.tell();
  agent.put(node("b", { draining: true }), "failed");
  agent.tell();
  agent.list = [];
  agent.tell();
  agent.put(node("b"));
  expect(events).toEqual(["nodeUp b", "nodeUpdated b", "nodeDown b failed", "nodeUp b"]);
});

test("[H11] a departure with a goodbye is left, any other failed", async () => {
  const { agent, events } = await started();
  for (const name of ["b", "c", "d"]) agent.put(node(name));
  agent.put(node("b"), "leaving");
  agent.put(node("b"), "left");
  agent.put(node("c"), "failed");
  agent.list = agent.list.filter((member) => member.name !== "d");
  agent.tell();
  expect(events.slice(3)).toEqual(["nodeDown b left", "nodeDown c failed", "nodeDown d failed"]);
});

test("[H12] a request carries one of our codes when it fails", async () => {
  const { agent, mesh } = await started();
  await expect(mesh.request("b", "t", 1)).rejects.toMatchObject({ name: "MeshError", code: "unknown_node" });
  agent.put(node("b"));
  await expect(mesh.request("b", "t", 1)).resolves.toBe("pong");
  const failures: readonly [Error, string][] = [
    [Object.assign(new Error("late"), { name: "TimeoutError" }), "timeout"],
    [Object.assign(new Error("no"), { name: "RemoteError", code: "unknown_track" }), "unknown_track"],
    [Object.assign(new Error("no"), { code: "x".repeat(500) }), "failed"],
    [Object.assign(new Error("no"), { name: "RemoteError", code: "unknown_member" }), "unknown_node"],
    [Object.assign(new Error("no"), { code: 7 }), "failed"],
    [new Error("?"), "failed"],
  ];
  for (const [error, code] of failures) {
    agent.failWith = error;
    await expect(mesh.request("b", "t", 1)).rejects.toMatchObject({ name: "MeshError", code, cause: error });
  }
  await expect(mesh.request("b", "t", 1, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "aborted" });
});

test("[H13] an RTT says whether it was measured", async () => {
  const { mesh } = await started();
  expect(mesh.rttMs("near")).toEqual({ ms: 4, measured: true });
  expect(mesh.rttMs("far", "me")).toEqual({ ms: 180, measured: false });
  expect(mesh.rttMs("me")).toEqual({ ms: 0, measured: true });
  expect(mesh.rttMs("nobody")).toBeUndefined();
});

test("[H14] silence is reported for other nodes of the mesh only", async () => {
  const { agent, mesh } = await started();
  agent.put(node("b"));
  for (const name of ["b", "me", "nobody"]) mesh.reportSilent(name);
  expect(agent.suspects).toEqual(["b"]);
});

test("[H15] draining is told by tag, and holds once gossip has taken it", async () => {
  const { agent, mesh } = await started();
  agent.refuseTags = true;
  await expect(mesh.setDraining(true)).rejects.toThrow("no");
  expect(mesh.self.draining).toBe(false);
  agent.refuseTags = false;
  await mesh.setDraining(true);
  expect([mesh.self.draining, agent.tags["draining"]]).toEqual([true, "1"]);
  await mesh.setDraining(false);
  expect(agent.tags["draining"]).toBeUndefined();
});

test("[H10] after stop nothing is told any more", async () => {
  const { agent, mesh, events } = await started();
  mesh.stop();
  mesh.stop();
  agent.put(node("b"));
  expect(events).toEqual([]);
});
