/** A full room and what its people do while a store is away. */
import { expect } from "@jest/globals";
import type { TestClient } from "../app/test-client.ts";
import { fakeOffer } from "../fakes/fake-media-plane.ts";
import type { FlakyProxy } from "./flaky-proxy.ts";
import { type OutageWorld, SLUG, type Visit } from "./outage-world.ts";

/** A way in which a server that lies behind a proxy goes and comes back. */
export interface Outage<Server> {
  readonly what: string;
  begin(server: Server, proxy: FlakyProxy): Promise<void>;
  readonly holdMs: number;
  end(server: Server, proxy: FlakyProxy): Promise<void>;
}

export const halfOpenFor = (holdMs: number): Outage<unknown> => ({
  what: "accepts and answers nothing (half open lines) and then resets them all",
  begin: async (_server, proxy) => proxy.stall(),
  holdMs,
  end: async (_server, proxy) => {
    await proxy.stop();
    await proxy.heal();
  },
});

/** Everybody of the room, in a full house; and Eve, who waits outside. */
export async function fullHouse(world: OutageWorld) {
  const { mesh, ada, bell } = world;
  const owner = await mesh.user(bell, "owner");
  const room = await mesh.room(bell, owner.token, { slug: SLUG, capacity: 5 });
  const guest = (name: string) => mesh.guest(ada, name);
  const people = { ann: await guest("Ann"), bob: await guest("Bob"), eve: await guest("Eve") };
  const [cyd, dee] = [await guest("Cyd"), await guest("Dee")];
  const visits = {
    owner: await world.enter(bell, owner.token),
    ann: await world.enter(ada, people.ann.token),
    bob: await world.enter(bell, people.bob.token),
    cyd: await world.enter(ada, cyd.token),
    dee: await world.enter(bell, dee.token),
  };
  await world.expectInside(room, Object.values(visits));
  return { room, owner, ...people, visits };
}

export type House = Awaited<ReturnType<typeof fullHouse>>;

/** Media goes on: an offer is answered. */
export async function expectMedia({ client }: Visit): Promise<void> {
  const tracks = [{ mid: "0", kind: "audio", source: "microphone" }] as const;
  const sdp = fakeOffer({ tracks: [{ mid: "0", kind: "audio" }] });
  expect(await client.request({ type: "offer", sdp, tracks })).toMatchObject({ type: "answer" });
}

/** Meanwhile a line breaks and is back, one leaves by the button, one closes the page. Answers Bob's new socket. */
export async function comeAndGo({ mesh, bell }: OutageWorld, { visits }: House): Promise<TestClient> {
  const { owner, bob, cyd, dee } = visits;
  const { lastSeq } = bob.client;
  bob.client.cut();
  const again = await mesh.client(bell);
  expect(await again.hello(bob.session.token, lastSeq)).toMatchObject({ resumed: true });
  again.keepAlive(500);
  expect(await cyd.client.request({ type: "leave" })).toMatchObject({ type: "ok" });
  cyd.client.close();
  dee.client.close();
  for (const { participantId } of [cyd, dee])
    await owner.client.until("a leave", (m) => m.type === "participantLeft" && m.participantId === participantId);
  return again;
}
