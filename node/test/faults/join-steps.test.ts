/** A node that dies or shuts down during each step of a join: who comes back is in once, and nobody is there twice. */
import { afterEach, describe, expect, test } from "@jest/globals";
import type { SessionCredentials } from "#protocol";
import { expectStatus, TestMesh, type TestNode, until } from "../app/harness.ts";
import type { TestClient } from "../app/test-client.ts";
import { fakeOffer } from "../fakes/fake-media-plane.ts";

const SLUG = "threshold";
const TRACKS = [{ mid: "0", kind: "audio", source: "microphone" }] as const;
const LIMIT_MS = 20_000;

/** A join as far as it has come. */
interface Attempt {
  readonly node: TestNode;
  readonly token: string;
  session?: SessionCredentials;
  client?: TestClient;
  ticket?: string;
  participantId?: string;
}

type Step = (attempt: Attempt) => Promise<void>;

let mesh: TestMesh;

const STEPS: Readonly<Record<string, Step>> = {
  "session create": async (attempt) => {
    attempt.session ??= await mesh.session(attempt.node, attempt.token);
  },
  "socket open": async (attempt) => {
    attempt.client = await mesh.client(attempt.node);
  },
  hello: async ({ client, session }) => {
    await client?.hello(session?.token ?? "");
    client?.keepAlive(300);
  },
  "room token": async (attempt) => {
    const { node, session } = attempt;
    if (session !== undefined) attempt.ticket = expectStatus(200, await mesh.ticket(node, session, SLUG)).token;
  },
  "join frame": async (attempt) => {
    const reply = await attempt.client?.request({ type: "join", token: attempt.ticket ?? "" });
    if (reply?.type !== "joined") throw new Error(`not joined: ${JSON.stringify(reply)}`);
    attempt.participantId = reply.participantId;
  },
  "offer and answer": async ({ client }) => {
    const sdp = fakeOffer({ tracks: [{ mid: "0", kind: "audio" }] });
    const reply = await client?.request({ type: "offer", sdp, tracks: TRACKS, fresh: true });
    if (reply?.type !== "answer") throw new Error(`not answered: ${JSON.stringify(reply)}`);
  },
  "first media": async ({ node }) => {
    const [peerId] = node.media.peers.keys();
    if (peerId === undefined) throw new Error("nobody has media here");
    node.media.emit({ kind: "peerState", peerId, state: "connected" });
  },
};
const NAMES = Object.keys(STEPS);

/** How the node goes, and where its client then comes in. */
const ENDS: Readonly<Record<string, (node: TestNode) => Promise<void>>> = {
  dies: (node) => mesh.kill(node),
  "shuts down": (node) => node.app.stop(),
};

afterEach(() => mesh.stop());

/** Walks through the steps; during `lastStep` the node goes. Answers what the client has by then. */
async function interrupted(attempt: Attempt, lastStep: string, end: () => Promise<void>): Promise<void> {
  for (const name of NAMES) {
    const step = STEPS[name] as Step;
    if (name !== lastStep) {
      await step(attempt);
      continue;
    }
    // It may be carried out or not; whether its answer arrives is chance.
    const underWay = step(attempt).catch(() => undefined);
    await end();
    await underWay;
    return;
  }
}

const statesOf = (watcher: TestClient, participantId: string): readonly string[] =>
  watcher.messages.flatMap((m) =>
    "participant" in m && m.participant.participantId === participantId
      ? [`${m.participant.node} ${m.participant.state}`]
      : [],
  );

async function expectOnce(watcher: { client: TestClient; session: SessionCredentials }, back: Attempt, roomId: string) {
  const wanted = [`${watcher.session.sessionId}@ada`, `${back.session?.sessionId}@${back.node.name}`].sort();
  const inside = async () => (await mesh.occupantsOf(roomId)).map((one) => `${one.sessionId}@${one.node}`).sort();
  await until("the store names the two", async () => `${await inside()}` === `${wanted}`, LIMIT_MS);
  const id = back.participantId ?? "";
  await until(
    "the watcher sees it",
    () => statesOf(watcher.client, id).at(-1) === `${back.node.name} active`,
    LIMIT_MS,
  );
  // Nobody else came, and whoever was seen leaving is back.
  const { messages } = watcher.client;
  expect(new Set(watcher.client.of("participantJoined").map((m) => m.participant.participantId)).size).toBe(1);
  const last = messages.findLast((m) => m.type === "participantLeft" || m.type === "participantJoined");
  expect(last?.type).toBe("participantJoined");
  const held = async (node: TestNode): Promise<string | undefined> =>
    (await (await fetch(`${node.app.url}/metrics`)).text())
      .split("\n")
      .find((line) => line.startsWith("hearsay_sessions "));
  const here = back.node.name === "ada" ? 2 : 1;
  await until("no session lingers", async () => (await held(back.node)) === `hearsay_sessions ${here}`, LIMIT_MS);
}

/** Somebody joins through bell, which goes during that step; then they come in at another node, or at a new bell. */
async function expectBack(
  lastStep: string,
  end: (bell: TestNode) => Promise<void>,
  nodeAfter: (ada: TestNode) => Promise<TestNode>,
): Promise<void> {
  mesh = new TestMesh();
  const [ada, bell] = [await mesh.start("ada"), await mesh.start("bell")];
  const owner = await mesh.user(ada, "owner");
  const room = await mesh.room(ada, owner.token, { slug: SLUG, capacity: 2 });
  const watcher = await mesh.enter(ada, { token: owner.token, slug: SLUG });
  watcher.client.keepAlive(300);
  const { token } = await mesh.guest(ada, "Jo");
  const attempt: Attempt = { node: bell, token };
  await interrupted(attempt, lastStep, () => end(bell));
  const node = await nodeAfter(ada);
  const back: Attempt = { node, token, ...(attempt.session === undefined ? {} : { session: attempt.session }) };
  for (const name of NAMES) await (STEPS[name] as Step)(back);
  await expectOnce(watcher, back, room.roomId);
}

describe.each(Object.keys(ENDS))("a node that %s during a join", (how) => {
  test.each(NAMES)("[A33] at %s: the client comes in through another node, once", async (lastStep) => {
    const end = ENDS[how] as (node: TestNode) => Promise<void>;
    await expectBack(lastStep, end, async (ada) => ada);
  });
});

test.each(NAMES)(
  "[A27] a node that dies at %s and is started again lets its client in again, once",
  async (lastStep) => {
    await expectBack(
      lastStep,
      (bell) => mesh.kill(bell),
      () => mesh.start("bell"),
    );
  },
);
