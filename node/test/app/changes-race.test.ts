import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { ChangesPage, ChatMessage, Credentials, MessagePage } from "#protocol";
import { call, expectStatus, TestMesh, type TestNode } from "./harness.ts";

const mesh = new TestMesh();
const path = "/v1/rooms/market";
let nodes: [TestNode, TestNode];
let people: Credentials[];

beforeAll(async () => {
  nodes = [await mesh.start("ada"), await mesh.start("bell")];
  people = [];
  for (let index = 0; index < 5; index++) people.push(await mesh.user(nodes[0], `person-${index}`));
  const [owner, ...others] = people as [Credentials, ...Credentials[]];
  await mesh.room(nodes[0], owner.token, { slug: "market" });
  for (const { token } of others) {
    const session = await mesh.session(nodes[0], token);
    const client = await mesh.client(nodes[0]);
    await client.hello(session.token);
    expectStatus(200, await mesh.ticket(nodes[0], session, "market"));
  }
});
afterAll(() => mesh.stop());

const nodeFor = (index: number): TestNode => nodes[index % 2 === 0 ? 0 : 1];

/** Ten messages of one person, by turns through both nodes, each edited and reacted to at once by whoever comes. */
async function talk(index: number): Promise<void> {
  const { token } = people[index] as Credentials;
  for (let count = 0; count < 10; count++) {
    const body = { text: `${index} says ${count}`, clientId: `c${count}` };
    const said = await call<ChatMessage>(nodeFor(index + count), "POST", `${path}/messages`, { token, body });
    const { id } = expectStatus(201, said);
    const one = `${path}/messages/${id}`;
    await Promise.all([
      call(nodeFor(count), "PATCH", one, { token, body: { text: `${index} says ${count}!` } }),
      call(nodeFor(count + 1), "PUT", `${one}/reactions/%F0%9F%91%8D`, { token }),
    ]);
  }
}

test("[A95] a reader who asks all the while, on changing nodes, ends with every message as it is", async () => {
  const { token } = people[0] as Credentials;
  const known = new Map<string, ChatMessage>();
  const ask = async (node: TestNode, query: string) =>
    expectStatus(200, await call<ChangesPage>(node, "GET", `${path}/changes${query}`, { token }));
  let { cursor } = await ask(nodes[0], "");
  const look = async (node: TestNode): Promise<void> => {
    for (let more = true; more; ) {
      const page = await ask(node, `?after=${cursor}&limit=7`);
      for (const message of page.messages) {
        const before = known.get(message.id);
        if (before === undefined || (message.changeId ?? "") >= (before.changeId ?? "")) known.set(message.id, message);
      }
      ({ cursor, more } = page);
    }
  };
  let isOver = false;
  const talking = Promise.all(people.map((_, index) => talk(index))).finally(() => {
    isOver = true;
  });
  for (let round = 0; !isOver; round++) await look(nodeFor(round));
  await talking;
  await look(nodes[1]);

  const all = expectStatus(
    200,
    await call<MessagePage>(nodes[0], "GET", `${path}/messages?limit=100`, { token }),
  ).messages;
  expect(all).toHaveLength(50);
  for (const message of all)
    expect(message).toMatchObject({ text: expect.stringMatching(/!$/), reactions: [{ kind: "👍", count: 1 }] });
  const seen = [...known.values()].sort((one, other) => (one.id < other.id ? -1 : 1));
  expect(seen).toEqual(all);
  const changeIds = all.map(({ changeId }) => changeId);
  expect(new Set(changeIds).size).toBe(50);
});
