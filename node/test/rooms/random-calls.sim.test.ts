/**
 * Random lives of a call: people join, refresh, resume elsewhere and leave, nodes die, restart and are cut off, messages are
 * lost; then everything heals. Whatever happened, in the end every node shows exactly the people who are there, and
 * everybody gets everybody's tracks. A seed repeats its run.
 */
import { expect, test } from "@jest/globals";
import { type Random, seededRandom } from "#gossip";
import type { ParticipantInfo } from "#protocol";
import { type FakeClient, ROOM, RoomWorld } from "../fakes/room-world.ts";

const NODES = ["a", "b", "c", "d"];
const PEOPLE = ["ann", "bob", "cid", "dee", "eve"];

interface Presence {
  node: string;
  sessionId: string;
  generation: number;
  epoch: number;
}

class RandomCall {
  readonly world: RoomWorld;
  readonly #random: Random;
  /** What the store would know: who is where with which claim. */
  readonly #here = new Map<string, Presence>();
  /** Every session that ever was on a node. */
  readonly #placed = new Map<string, { readonly node: string; readonly sessionId: string }>();
  readonly #views = new Map<string, { readonly client: FakeClient; readonly others: readonly ParticipantInfo[] }>();
  #generation = 0;
  readonly counts = { joins: 0, resumes: 0, refreshes: 0, leaves: 0, kills: 0, cuts: 0 };

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    const delayMs = { min: 1, max: 1 + this.#random.below(120) };
    this.world = new RoomWorld({ random: this.#random.fork("net"), delayMs, lossRatio: 0.1 * this.#random.next() });
  }

  async run(steps: number): Promise<void> {
    await this.world.boot(...NODES);
    for (let i = 0; i < steps; i += 1) {
      await this.#step();
      await this.world.clock.advance(this.#random.below(3_000));
    }
  }

  async heal(): Promise<void> {
    this.world.network.heal();
    this.world.network.setLossRatio(0);
    for (const name of NODES) if (!this.world.nodes.has(name)) await this.world.boot(name);
    this.#refresh();
    await this.world.clock.advance(120_000);
  }

  /** As every node does with the store every 10 s: sessions whose place is another's are ended. */
  #refresh(): void {
    const valid = new Set([...this.#here.values()].map(({ node, sessionId }) => `${node} ${sessionId}`));
    for (const { node, sessionId } of this.#placed.values())
      if (!valid.has(`${node} ${sessionId}`)) this.world.nodes.get(node)?.rooms.leave(sessionId, "superseded");
  }

  expectAgreement(): void {
    const present = [...this.#here].map(([person, { node }]) => `${person}@${node}`).sort();
    const serving = new Set([...this.#here.values()].map(({ node }) => node));
    for (const node of NODES) expect(this.world.seenAt(node)).toEqual(serving.has(node) ? present : []);
  }

  /** What a client was answered and told, one after the other, makes sense and ends as its node sees the room. */
  expectStories(): void {
    for (const [person, { node }] of this.#here) {
      const view = this.#views.get(person);
      const told = new Map(view?.others.map((other) => [other.participantId, other]));
      for (const message of view?.client.messages ?? []) {
        if (message.type === "participantJoined") {
          expect(told.has(message.participant.participantId)).toBe(false);
          told.set(message.participant.participantId, message.participant);
        } else if (message.type === "participantUpdated") {
          expect(told.has(message.participant.participantId)).toBe(true);
          told.set(message.participant.participantId, message.participant);
        } else if (message.type === "participantLeft") expect(told.delete(message.participantId)).toBe(true);
      }
      const seen = this.world
        .at(node)
        .rooms.participants(ROOM)
        .filter((p) => p.displayName !== person);
      const byId = (a: ParticipantInfo, b: ParticipantInfo): number => (a.participantId < b.participantId ? -1 : 1);
      expect([...told.values()].sort(byId)).toEqual([...seen].sort(byId));
    }
  }

  expectMedia(): void {
    const tracks = new Map<string, readonly string[]>();
    for (const [person, { node, sessionId }] of this.#here)
      tracks.set(person, [...(this.world.at(node).media.peers.get(sessionId)?.tracks.keys() ?? [])]);
    for (const [person, { node, sessionId }] of this.#here) {
      const others = [...tracks].filter(([other]) => other !== person).flatMap(([, ids]) => ids);
      expect(this.world.at(node).media.delivered(sessionId)).toEqual(others.sort());
    }
  }

  async #step(): Promise<void> {
    const choice = this.#random.below(20);
    if (choice < 6) await this.#enter(this.#pick(PEOPLE));
    else if (choice < 10) await this.#resume();
    else if (choice < 13) this.#leave();
    else if (choice < 15) await this.#kill();
    else if (choice < 18) this.#cut();
    else this.world.network.heal();
  }

  #pick<T>(items: readonly T[]): T {
    return items[this.#random.below(items.length)] as T;
  }

  #live(): readonly string[] {
    return [...this.world.nodes.keys()];
  }

  /** A first join, or a refresh: a new session of the same device, anywhere. */
  async #enter(person: string): Promise<void> {
    if (this.#here.has(person)) this.counts.refreshes += 1;
    else this.counts.joins += 1;
    this.#generation += 1;
    const sessionId = `s${this.#generation}`;
    await this.#come(person, { node: this.#pick(this.#live()), sessionId, generation: this.#generation, epoch: 1 });
  }

  /** The same session on any node, perhaps the same. */
  async #resume(): Promise<void> {
    const [person, presence] = this.#pick([...this.#here, ["", undefined] as const]);
    if (presence === undefined) return;
    this.counts.resumes += 1;
    await this.#come(person, { ...presence, node: this.#pick(this.#live()), epoch: presence.epoch + 1 });
  }

  async #come(person: string, presence: Presence): Promise<void> {
    const { node, sessionId, generation, epoch } = presence;
    // Presence names the nodes of all occupants, dead ones too.
    const otherNodes = [...new Set([...this.#here.values()].map((other) => other.node))];
    this.#here.set(person, presence);
    this.#placed.set(`${node} ${sessionId}`, { node, sessionId });
    this.#views.set(person, await this.world.join(node, person, { sessionId, generation, epoch, otherNodes }));
    await this.world.publish(node, sessionId, { videoSlots: 8, audioSlots: 8 });
  }

  #leave(): void {
    const [person, presence] = this.#pick([...this.#here, ["", undefined] as const]);
    if (presence === undefined) return;
    this.counts.leaves += 1;
    this.world.nodes.get(presence.node)?.rooms.leave(presence.sessionId, "left");
    this.#here.delete(person);
  }

  async #kill(): Promise<void> {
    const live = this.#live();
    if (live.length < 3) return;
    this.counts.kills += 1;
    const victim = this.#pick(live);
    await this.world.kill(victim);
    for (const [person, { node }] of [...this.#here]) if (node === victim) this.#here.delete(person);
    if (this.#random.below(2) === 0) {
      await this.world.clock.advance(this.#random.below(4_000));
      await this.world.boot(victim);
    }
  }

  #cut(): void {
    this.counts.cuts += 1;
    this.world.network.partition(this.#pick(NODES), this.#pick(NODES));
  }
}

test.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])(
  "[P18, Y62] seed %i: after any life of a call all agree and all is seen",
  async (seed) => {
    const call = new RandomCall(seed);
    await call.run(40);
    await call.heal();
    call.expectAgreement();
    call.expectStories();
    call.expectMedia();
    const { joins, refreshes, resumes, leaves, kills, cuts } = call.counts;
    expect(Math.min(joins, refreshes + resumes, leaves, kills + cuts)).toBeGreaterThan(0);
  },
);
