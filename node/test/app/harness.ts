/**
 * Whole nodes in one process for scenario tests: real HTTP and WebSocket on loopback, the embedded stores in one temporary
 * folder, a mesh and media planes in memory.
 */
import "reflect-metadata";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededRandom } from "#gossip";
import type { Credentials, JoinTicket, RoomInfo, SessionCredentials } from "#protocol";
import { type App, type AppParts, createApp } from "../../src/app.ts";
import { type NodeConfig, resolveConfig } from "../../src/config.ts";
import { type Clock, systemClock } from "../../src/mesh/clock.ts";
import { MemoryNetwork } from "../../src/mesh/memory-mesh.ts";
import type { SessionTimes } from "../../src/session/session-machine.ts";
import type { Occupant } from "../../src/store/presence.ts";
import { openSqlitePresence } from "../../src/store/sqlite/sqlite-presence.ts";
import { FakeMediaNetwork, FakeMediaPlane } from "../fakes/fake-media-plane.ts";
import { TestClient } from "./test-client.ts";

/** Short, so that tests need not wait; long enough for a busy machine. */
export const TIMES: SessionTimes = { silenceMs: 3_000, resumeMs: 700 };
const TOKEN_KEY = new Uint8Array(32).fill(7);

export interface TestNode {
  readonly name: string;
  readonly app: App;
  readonly media: FakeMediaPlane;
}

export interface Answer<T = unknown> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T & { readonly code?: string; readonly errors?: readonly { readonly path: string }[] };
}

export class TestMesh {
  readonly network: MemoryNetwork;
  readonly dataDir = mkdtempSync(join(tmpdir(), "hearsay-app-"));
  readonly #media = new FakeMediaNetwork();
  readonly #nodes: TestNode[] = [];
  readonly #clients: TestClient[] = [];

  readonly #parts: AppParts;

  /** With a clock of its own, sessions live as long by it as they do for users. */
  constructor(options: { readonly clock?: Clock } = {}) {
    const { clock } = options;
    this.#parts = clock === undefined ? { times: TIMES, refreshMs: 250 } : { clock };
    const detectMs = clock === undefined ? 50 : 2_000;
    this.network = new MemoryNetwork({ detectMs, random: seededRandom(11), ...(clock === undefined ? {} : { clock }) });
  }

  async start(
    name: string,
    options: { readonly config?: Partial<NodeConfig>; readonly parts?: AppParts } = {},
  ): Promise<TestNode> {
    const media = new FakeMediaPlane(name, this.#media);
    const config = resolveConfig({
      name,
      httpPort: 0,
      dataDir: this.dataDir,
      tokenKeys: [TOKEN_KEY],
      webDir: join(this.dataDir, "no-web-client"),
      ...options.config,
    });
    const app = createApp(config, {
      media,
      ...this.#parts,
      random: seededRandom(name.length),
      mesh: async (self) => ({
        mesh: this.network.add(self),
        isJoined: () => true,
        leave: async () => this.network.leave(name),
        stop: async () => this.network.leave(name),
        stats: () => ({ packets_in: 3 }),
      }),
      ...options.parts,
    });
    await app.start();
    const node = { name, app, media };
    this.#nodes.push(node);
    return node;
  }

  /** As kill -9: nobody is told, nothing is cleared. */
  async kill(node: TestNode): Promise<void> {
    this.network.kill(node.name);
    await node.app.crash();
  }

  async client(node: TestNode): Promise<TestClient> {
    const client = await TestClient.connect(node.app.url);
    this.#clients.push(client);
    return client;
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.cut();
    await Promise.all(this.#nodes.map((node) => node.app.stop()));
    rmSync(this.dataDir, { recursive: true, force: true });
  }

  /** What the store says, past all nodes. */
  async occupantsOf(roomId: string): Promise<readonly Occupant[]> {
    const presence = openSqlitePresence({ path: join(this.dataDir, "hearsay.sqlite") });
    const occupants = await presence.occupants(roomId);
    await presence.close();
    return occupants;
  }

  /** A person with a user token. */
  async guest(node: TestNode, displayName: string): Promise<Credentials> {
    return expectStatus(201, await call<Credentials>(node, "POST", "/v1/guests", { body: { displayName } }));
  }

  async user(node: TestNode, handle: string): Promise<Credentials> {
    const body = { handle, password: "a long enough password" };
    return expectStatus(201, await call<Credentials>(node, "POST", "/v1/users", { body }));
  }

  async room(node: TestNode, token: string, body: object): Promise<RoomInfo> {
    return expectStatus(201, await call<RoomInfo>(node, "POST", "/v1/rooms", { token, body }));
  }

  async session(node: TestNode, token: string, deviceId = "device"): Promise<SessionCredentials> {
    return expectStatus(
      201,
      await call<SessionCredentials>(node, "POST", "/v1/sessions", { token, body: { deviceId } }),
    );
  }

  ticket(node: TestNode, session: SessionCredentials, slug: string): Promise<Answer<JoinTicket>> {
    return call<JoinTicket>(node, "POST", `/v1/rooms/${encodeURIComponent(slug)}/join`, { token: session.token });
  }

  /** A new session says hello and enters the room; `via` serves the HTTP half. */
  async enter(
    node: TestNode,
    input: { readonly token: string; readonly slug: string; readonly deviceId?: string; readonly via?: TestNode },
  ): Promise<{ readonly client: TestClient; readonly session: SessionCredentials; readonly participantId: string }> {
    const session = await this.session(input.via ?? node, input.token, input.deviceId);
    const client = await this.client(node);
    await client.hello(session.token);
    const ticket = expectStatus(200, await this.ticket(input.via ?? node, session, input.slug));
    const joined = await client.request({ type: "join", token: ticket.token });
    if (joined.type !== "joined") throw new Error(`not joined: ${JSON.stringify(joined)}`);
    return { client, session, participantId: joined.participantId };
  }
}

export function expectStatus<T>(status: number, answer: Answer<T>): T {
  if (answer.status !== status) throw new Error(`status ${answer.status}: ${JSON.stringify(answer.body)}`);
  return answer.body;
}

export async function call<T = unknown>(
  node: TestNode,
  method: string,
  path: string,
  options: {
    readonly token?: string;
    readonly body?: unknown;
    readonly raw?: string;
    readonly headers?: Record<string, string>;
  } = {},
): Promise<Answer<T>> {
  const text = options.raw ?? (options.body === undefined ? undefined : JSON.stringify(options.body));
  const response = await fetch(`${node.app.url}${path}`, {
    method,
    headers: {
      ...(text === undefined ? {} : { "content-type": "application/json" }),
      ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
      ...options.headers,
    },
    ...(text === undefined ? {} : { body: text }),
  });
  const body: unknown = await response.json().catch(() => ({}));
  return { status: response.status, headers: response.headers, body: body as Answer<T>["body"] };
}

/** Real timers, but time runs `factor` times as fast. */
export function fastClock(factor: number): Clock {
  const startMs = performance.now();
  const nowMs = (): number => (performance.now() - startMs) * factor;
  const originMs = Date.now();
  return {
    nowMs,
    wallMs: () => Math.floor(originMs + nowMs()),
    after: (delayMs, run) => systemClock.after(delayMs / factor, run),
  };
}

/** Polls; fails with `what` when it does not become true. */
export async function until(what: string, condition: () => boolean | Promise<boolean>, limitMs = 8_000): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error(`not within ${limitMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
}
