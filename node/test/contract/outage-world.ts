/** People in a room on two whole nodes whose stores are real servers, and what must hold after a server was away. */
import { expect } from "@jest/globals";
import type { Credentials, RoomInfo, ServerMessage, SessionCredentials } from "#protocol";
import type { SessionTimes } from "../../src/session/session-machine.ts";
import type { Stores } from "../../src/store/open-stores.ts";
import type { Occupant } from "../../src/store/presence.ts";
import { type Answer, call, expectStatus, TestMesh, type TestNode, until } from "../app/harness.ts";
import type { TestClient } from "../app/test-client.ts";

/** Long enough for a busy machine to come back in, short enough to wait for. */
const TIMES: SessionTimes = { silenceMs: 20_000, resumeMs: 6_000, pageGoneMs: 2_000 };
const REFRESH_MS = 400;
/** Nothing here depends on how soon something is; this is for machines that are very busy. */
export const SETTLE_MS = 40_000;
export const SLUG = "sturdy";

export interface Visit {
  readonly client: TestClient;
  /** Its socket before it resumed: what was told there is not told again. */
  readonly before?: TestClient;
  readonly session: SessionCredentials;
  readonly participantId: string;
  readonly node: string;
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export function expectAway(answer: Answer): void {
  expect([answer.status, answer.body.code]).toEqual([503, "store_unavailable"]);
  expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
}

export class OutageWorld {
  readonly mesh: TestMesh;
  readonly ada: TestNode;
  readonly bell: TestNode;
  readonly #occupants: (roomId: string) => Promise<readonly Occupant[]>;

  static async make(
    stores: (dataDir: string) => Promise<Stores>,
    occupants: (roomId: string) => Promise<readonly Occupant[]>,
  ): Promise<OutageWorld> {
    const mesh = new TestMesh();
    const boot = async (name: string): Promise<TestNode> =>
      mesh.start(name, { parts: { stores: await stores(mesh.dataDir), times: TIMES, refreshMs: REFRESH_MS } });
    return new OutageWorld(mesh, [await boot("ada"), await boot("bell")], occupants);
  }

  private constructor(
    mesh: TestMesh,
    nodes: readonly [TestNode, TestNode],
    occupants: (roomId: string) => Promise<readonly Occupant[]>,
  ) {
    this.mesh = mesh;
    [this.ada, this.bell] = nodes;
    this.#occupants = occupants;
  }

  async stop(): Promise<void> {
    await this.mesh.stop();
  }

  async enter(node: TestNode, token: string): Promise<Visit> {
    const visit = await this.mesh.enter(node, { token, slug: SLUG });
    visit.client.keepAlive(500);
    return { ...visit, node: node.name };
  }

  /** As a page does: tries until it is in, while a store is away or for the `reasons`; any other refusal is a failure. */
  async enterAtLast(node: TestNode, token: string, reasons: readonly string[] = []): Promise<Visit> {
    const again = new Set<unknown>(["store_unavailable", ...reasons]);
    const give = async <T>(ask: () => Promise<Answer<T>>, status: number): Promise<T> => {
      for (;;) {
        const answer = await ask();
        if (!again.has(answer.body.code)) return expectStatus(status, answer);
        await pause(200);
      }
    };
    const body = { deviceId: "device" };
    const session = await give<SessionCredentials>(() => call(node, "POST", "/v1/sessions", { token, body }), 201);
    const client = await this.#hello(node, session.token);
    client.keepAlive(500);
    for (;;) {
      const ticket = await give(() => this.mesh.ticket(node, session, SLUG), 200);
      const reply = await client.request({ type: "join", token: ticket.token });
      if (reply.type === "joined") return { client, session, participantId: reply.participantId, node: node.name };
      // The place may have been asked for by a request of which nobody heard that it was carried out.
      expect(reply).toMatchObject({ code: expect.stringMatching(/^(store_unavailable|token_used)$/) });
      await pause(200);
    }
  }

  async #hello(node: TestNode, token: string): Promise<TestClient> {
    for (;;) {
      const client = await this.mesh.client(node);
      const reply = await client.request({ type: "hello", protocol: 1, token });
      if (reply.type === "welcome") return client;
      expect(reply).toMatchObject({ code: "store_unavailable" });
      await pause(200);
    }
  }

  /** The store and what both nodes tell newcomers speak of these people and no others. */
  async expectInside(room: RoomInfo, visits: readonly Visit[]): Promise<void> {
    const real = visits.map(({ session, node }) => `${session.sessionId}@${node}`).sort();
    let stored: readonly string[] = [];
    const look = async (): Promise<boolean> => {
      stored = (await this.#occupants(room.roomId)).map((one) => `${one.sessionId}@${one.node}`).sort();
      return stored.join() === real.join();
    };
    await until("the store knows who is here", look, SETTLE_MS).catch((error: unknown) => {
      throw new Error(`occupants ${stored.join()} instead of ${real.join()}`, { cause: error });
    });
    for (const visit of visits) {
      const others = visits.filter((one) => one !== visit).map((one) => `${one.participantId}@${one.node} active`);
      const wanted = others.sort().join();
      const told = (): string => shownTo(visit).join();
      await until("everybody sees everybody", () => told() === wanted, SETTLE_MS).catch((error: unknown) => {
        throw new Error(`${visit.participantId} on ${visit.node} sees ${told()} instead of ${wanted}`, {
          cause: error,
        });
      });
    }
  }
}

/** Whom a client was told of and not told to be gone. */
function shownTo({ client, before, participantId }: Visit): readonly string[] {
  const people = new Map<string, string>();
  const put = (p: { readonly participantId: string; readonly node: string; readonly state: string }): void => {
    people.set(p.participantId, `${p.participantId}@${p.node} ${p.state}`);
  };
  for (const message of [...(before?.messages ?? []), ...client.messages]) {
    if (message.type === "joined") {
      people.clear();
      for (const participant of message.participants) put(participant);
    } else if (message.type === "participantJoined" || message.type === "participantUpdated") put(message.participant);
    else if (message.type === "participantLeft") people.delete(message.participantId);
  }
  people.delete(participantId);
  return [...people.values()].sort();
}

/** Says something again and again; what is refused is repeated under its id until it is acknowledged. */
export class Talker {
  readonly acknowledged: string[] = [];
  readonly refusals = new Set<string>();
  readonly #where: { readonly node: TestNode; readonly person: Credentials };
  #isOver = false;
  #talk: Promise<void> = Promise.resolve();

  constructor(node: TestNode, person: Credentials) {
    this.#where = { node, person };
  }

  start(): void {
    this.#talk = this.#run();
  }

  async heard(count: number): Promise<void> {
    const goal = this.acknowledged.length + count;
    await until("more messages are acknowledged", () => this.acknowledged.length >= goal, SETTLE_MS).catch(
      (error: unknown) => {
        const [done, refused] = [this.acknowledged.length, [...this.refusals].join()];
        throw new Error(`${done} of ${goal} messages are acknowledged; refused: ${refused}`, { cause: error });
      },
    );
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#talk;
  }

  async #run(): Promise<void> {
    const { node, person } = this.#where;
    for (let count = 1; !this.#isOver; count++) {
      const body = { text: `${person.user.displayName} ${count}`, clientId: `c-${count}` };
      while (!(await this.#say(node, person.token, body)) && !this.#isOver) await pause(200);
      await pause(250);
    }
  }

  async #say(node: TestNode, token: string, body: { readonly text: string }): Promise<boolean> {
    const answer = await call(node, "POST", `/v1/rooms/${SLUG}/messages`, { token, body }).catch((error: unknown) => {
      // After a test that failed the node may be gone.
      this.#isOver = true;
      this.refusals.add(String(error));
      return { status: 0, body: { code: "gone" } };
    });
    if (answer.status === 200 || answer.status === 201) {
      this.acknowledged.push(body.text);
      return true;
    }
    this.refusals.add(`${answer.status} ${answer.body.code}`);
    return false;
  }
}

interface History {
  readonly messages: readonly { readonly id: string; readonly text: string }[];
}

/** Every acknowledged message stands in the history once, and nothing stands there twice. Answers the history. */
export async function expectNothingLost(
  node: TestNode,
  token: string,
  talkers: readonly Talker[],
): Promise<readonly string[]> {
  const texts: string[] = [];
  for (let before: string | undefined, goesOn = true; goesOn; ) {
    const query: string = before === undefined ? "" : `&before=${before}`;
    const page: History = expectStatus(
      200,
      await call<History>(node, "GET", `/v1/rooms/${SLUG}/messages?limit=100${query}`, { token }),
    );
    texts.push(...page.messages.map((message) => message.text));
    before = page.messages[0]?.id;
    goesOn = page.messages.length === 100;
  }
  expect(texts.length).toBe(new Set(texts).size);
  const acknowledged = talkers.flatMap((talker) => talker.acknowledged);
  expect(acknowledged.filter((text) => !texts.includes(text))).toEqual([]);
  return texts;
}

/** What a client that stayed was told live: each message once. */
export function expectNoEcho(client: TestClient): void {
  const ids = client.of("message").map((m) => m.message.id);
  expect(ids.length).toBe(new Set(ids).size);
}

export const closings = (client: TestClient): readonly ServerMessage[] => client.of("closing");
