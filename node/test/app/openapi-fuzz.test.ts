import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { seededRandom } from "#gossip";
import type { Credentials } from "#protocol";
import { PROBLEMS } from "../../src/http/problems.ts";
import { type Answer, call, expectStatus, TestMesh, type TestNode } from "./harness.ts";
import { type ApiDocument, type Operation, RequestMaker } from "./openapi-fuzz.ts";

const SEED = 20_261_122;
const ROUNDS = 20;

/** The machine's limits are an answer, and no fault. */
const LIMITS: ReadonlySet<string> = new Set(["busy", "store_unavailable"]);

function isGood({ status, body: { code = "" } }: Answer): boolean {
  if (status < 400) return true;
  return Object.hasOwn(PROBLEMS, code) && (status < 500 || LIMITS.has(code));
}

describe("requests made from the API's own description", () => {
  const mesh = new TestMesh();
  const random = seededRandom(SEED);
  const known = new Map<string, string[]>();
  let node: TestNode;
  let document: ApiDocument;
  let people: Credentials[] = [];
  let handles = 0;
  const statuses = new Map<number, number>();

  beforeAll(async () => {
    node = await mesh.start("ada");
    document = (await call<ApiDocument>(node, "GET", "/v1/openapi.json")).body;
    await populate();
  });
  afterAll(() => mesh.stop());

  const remember = (id: string | undefined, ...names: readonly string[]): void => {
    for (const name of names) if (id !== undefined) known.set(name, [...(known.get(name) ?? []), id].slice(-6));
  };

  /** Somebody with a room in which there is something of everything. */
  async function populate(): Promise<void> {
    handles += 1;
    const owner = await mesh.user(node, `fuzzer-${handles}`);
    const { token, user } = owner;
    const slug = `room-of-fuzzer-${handles}`;
    const make = async (path: string, body: object) =>
      expectStatus(201, await call<Record<string, string>>(node, "POST", path, { token, body }));
    await mesh.room(node, token, { slug });
    const opener = await make(`/v1/rooms/${slug}/messages`, { text: "an opener" });
    const inside = await make(`/v1/rooms/${slug}/messages`, { text: "inside", threadId: opener["id"] });
    const invite = await make(`/v1/rooms/${slug}/invites`, {});
    const guest = await mesh.guest(node, "A guest");
    people = [owner, guest];
    remember(slug, "slug");
    remember(opener["id"], "messageId", "threadId", "replyTo", "before", "after", "around", "thread");
    remember(inside["id"], "messageId", "threadId", "replyTo", "before", "after");
    remember(invite["inviteId"], "inviteId");
    remember(invite["code"], "code");
    remember(user.userId, "userId", "author", "after");
    remember("👍", "kind");
    remember(user.handle, "handle");
  }

  /** A request that was right may have ended a person or a room. */
  async function restore(): Promise<void> {
    for (const { token } of people)
      if ((await call(node, "GET", "/v1/me", { token })).status !== 200) return populate();
    const path = `/v1/rooms/${known.get("slug")?.at(-1)}`;
    if ((await call(node, "GET", path)).status !== 200) return populate();
  }

  /** Answers what is wrong about the answer; empty: nothing. */
  async function tryOnce(maker: RequestMaker, method: string, template: string, operation: Operation): Promise<string> {
    const schema = operation.requestBody?.content["application/json"]?.schema;
    const raw = schema === undefined ? undefined : maker.body(schema);
    const token = maker.pick([...Array(6).fill(people[0]?.token), people[1]?.token, undefined, "garbled"]);
    const path = maker.path(template) + maker.query(operation.parameters ?? []);
    const answer = await call(node, method.toUpperCase(), path, {
      ...(token === undefined ? {} : { token }),
      ...(raw === undefined ? {} : { raw }),
    });
    statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
    rememberIds(answer.body);
    if (isGood(answer)) return "";
    return `${method} ${path} ${raw?.slice(0, 300)} -> ${answer.status} ${JSON.stringify(answer.body).slice(0, 300)}`;
  }

  function rememberIds(body: object): void {
    for (const [name, id] of Object.entries(body))
      if (typeof id === "string" && /Id$|^id$/.test(name)) remember(id, name === "id" ? "messageId" : name);
  }

  test("[A49] no request, right or wrong, finds a fault of the node", async () => {
    const maker = new RequestMaker(random.fork("requests"), document, (name) => known.get(name) ?? []);
    const faults: string[] = [];
    let answered = 0;
    for (const [method, template, operation] of operationsOf(document)) {
      await restore();
      for (let round = 0; round < ROUNDS; round++) {
        const fault = await tryOnce(maker, method, template, operation);
        answered += 1;
        if (fault !== "") faults.push(fault);
      }
    }
    expect(answered).toBeGreaterThan(ROUNDS * 40);
    expect({ seed: SEED, faults }).toEqual({ seed: SEED, faults: [] });
    // It is worth nothing unless a good part of the requests was right.
    expect((statuses.get(200) ?? 0) + (statuses.get(201) ?? 0)).toBeGreaterThan(answered / 6);
    expect((await call(node, "GET", "/readyz")).status).toBe(200);
  }, 120_000);
});

function operationsOf({ paths }: ApiDocument): readonly (readonly [string, string, Operation])[] {
  return Object.entries(paths).flatMap(([template, operations]) =>
    Object.entries(operations).map(([method, operation]) => [method, template, operation] as const),
  );
}
