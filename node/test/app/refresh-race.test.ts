import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type Random, seededRandom } from "#gossip";
import type { SessionCredentials } from "#protocol";
import { expectStatus, TestMesh, type TestNode, until } from "./harness.ts";
import type { TestClient } from "./test-client.ts";

const REFRESHES = 30;

interface Visit {
  readonly client: TestClient;
  readonly session: SessionCredentials;
}

/** The page's last words, if it has any; some come late, after the next page is in already. */
const GOODBYES: readonly ((visit: Visit) => void)[] = [
  (visit) => visit.client.close(),
  (visit) => visit.client.cut(),
  (visit) => visit.client.send({ type: "leave", id: "bye" }),
  (visit) => {
    visit.client.send({ type: "leave", id: "bye" });
    visit.client.close();
  },
  () => undefined,
];

describe("refreshing in a room of two", () => {
  let mesh: TestMesh;
  let nodes: readonly [TestNode, TestNode];

  beforeAll(async () => {
    mesh = new TestMesh();
    nodes = [await mesh.start("ada"), await mesh.start("bell")];
  });
  afterAll(() => mesh.stop());

  test.each([1, 2, 3, 4, 5, 6])("[A30] whatever the order (seed %i): never refused, never a ghost", async (seed) => {
    const random = seededRandom(seed);
    const owner = await mesh.user(nodes[0], `owner${seed}`);
    const slug = `pair-${seed}`;
    const room = await mesh.room(nodes[0], owner.token, { slug, capacity: 2 });
    const stays = await mesh.enter(pick(nodes, random), { token: owner.token, slug });
    stays.client.keepAlive(500);
    const guest = await mesh.guest(nodes[0], "Refresher");
    let visit: Visit = await mesh.enter(pick(nodes, random), { token: guest.token, slug });
    let takeovers = 0;
    for (let i = 0; i < REFRESHES; i++) {
      const [older, goodbye] = [visit, pick(GOODBYES, random)];
      const [next] = await Promise.all([
        arrive({ mesh, nodes, random, slug }, guest.token),
        turns(random).then(() => (older.client.isOpen ? goodbye(older) : undefined)),
      ]);
      visit = next;
      takeovers += older.client.of("closing").filter((m) => m.reason === "superseded").length;
    }
    // Otherwise the orders that matter never happened.
    expect(takeovers).toBeGreaterThan(3);
    // Long enough for every late goodbye: the resume time of the last page but one is over.
    await until("one session of the refresher is left", async () => {
      const sessions = (await mesh.occupantsOf(room.roomId)).filter((one) => one.userId === guest.user.userId);
      return sessions.length === 1 && sessions[0]?.sessionId === visit.session.sessionId;
    });
    await until("both nodes show the two, active", async () => {
      const shown = stays.client.messages.findLast(
        (m) => "participant" in m && m.participant.userId === guest.user.userId,
      );
      return shown !== undefined && "participant" in shown && shown.participant.state === "active";
    });
    expect(new Set((await mesh.occupantsOf(room.roomId)).map((one) => one.userId)).size).toBe(2);
    const left = stays.client.of("participantLeft").filter((m) => m.reason !== "left");
    expect(left).toEqual([]);
    const lastWord = stays.client.messages.findLast(
      (m) => m.type === "participantLeft" || m.type === "participantJoined",
    );
    expect(lastWord?.type).toBe("participantJoined");
    visit.client.close();
    stays.client.close();
  });
});

async function arrive(
  where: {
    readonly mesh: TestMesh;
    readonly nodes: readonly TestNode[];
    readonly random: Random;
    readonly slug: string;
  },
  token: string,
): Promise<Visit> {
  const { mesh, nodes, random, slug } = where;
  await turns(random);
  const session = await mesh.session(pick(nodes, random), token);
  await turns(random);
  const client = await mesh.client(pick(nodes, random));
  await client.hello(session.token);
  await turns(random);
  const ticket = expectStatus(200, await mesh.ticket(pick(nodes, random), session, slug));
  await turns(random);
  const reply = await client.request({ type: "join", token: ticket.token });
  expect(reply.type).toBe("joined");
  return { client, session };
}

function pick<T>(items: readonly T[], random: Random): T {
  const item = items[Math.floor(random.next() * items.length)];
  if (item === undefined) throw new RangeError("nothing to pick from");
  return item;
}

/** Lets the event loop turn a few times: other promises and sockets get their chance. */
async function turns(random: Random): Promise<void> {
  const count = Math.floor(random.next() * 8);
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}
