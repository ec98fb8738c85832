/** Nodes, devices of people and their pages in one room, in virtual time, and what must hold when all is quiet. */
import type { Random } from "#gossip";
import { seededRandom } from "#gossip";
import { MemoryNetwork } from "../../src/mesh/memory-mesh.ts";
import { participantIdOf } from "../../src/session/participant-id.ts";
import type { SessionClaims } from "../../src/session/tokens.ts";
import { Tokens } from "../../src/session/tokens.ts";
import type { RoomRecord, UserRecord } from "../../src/store/archive.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import type { LineEnd } from "./sim-line.ts";
import { SimLine } from "./sim-line.ts";
import { makeSigner, SimNode } from "./sim-node.ts";
import { type Goodbye, Page } from "./sim-page.ts";
import { SimStore } from "./sim-presence.ts";

export interface Device {
  readonly name: string;
  readonly user: UserRecord;
  readonly deviceId: string;
  page: Page | undefined;
}

export class SimWorld {
  readonly clock = new ManualClock();
  readonly random: Random;
  readonly store: SimStore;
  readonly network: MemoryNetwork;
  readonly devices: readonly Device[];
  readonly complaints: string[] = [];
  readonly #nodes = new Map<string, SimNode>();
  readonly #lines = new Map<SimNode, SimLine[]>();
  readonly #room: RoomRecord;
  readonly #signer: Awaited<ReturnType<typeof makeSigner>>;
  readonly #tokens: Tokens;

  static async make(input: {
    readonly seed: number;
    readonly people: readonly (readonly string[])[];
  }): Promise<SimWorld> {
    return new SimWorld(input, await makeSigner());
  }

  /** `people`: the devices of each. The room has place for exactly them. */
  private constructor(
    { seed, people }: { readonly seed: number; readonly people: readonly (readonly string[])[] },
    signer: Awaited<ReturnType<typeof makeSigner>>,
  ) {
    this.random = seededRandom(seed);
    this.#signer = signer;
    const delayMs = { min: 1, max: 30 };
    this.network = new MemoryNetwork({ clock: this.clock, random: this.random.fork("mesh"), delayMs });
    this.store = new SimStore(this.clock, this.random.fork("store"));
    const keys = [new Uint8Array(32).fill(7)];
    this.#tokens = new Tokens({ signer, keys, nowMs: () => Math.floor(this.clock.wallMs()) });
    this.#room = {
      ...{ id: "room-1", slug: "full", slugKey: "full", skeleton: "full", title: "Full", access: "open" },
      ...{ capacity: people.length, ownerId: "nobody", createdAtMs: 1, version: 1 },
    };
    this.devices = people.flatMap((devices, index) =>
      devices.map((deviceId) => ({
        name: `person${index}/${deviceId}`,
        user: { id: `person${index}`, displayName: `Person ${index}`, guest: false, tokenVersion: 1 } as UserRecord,
        deviceId,
        page: undefined,
      })),
    );
  }

  complain(text: string): void {
    this.complaints.push(`${Math.round(this.clock.nowMs())} ms: ${text}`);
  }

  async boot(name: string): Promise<void> {
    if (this.isRunning(name)) return;
    const node = new SimNode(name, { ...this, signer: this.#signer });
    this.#nodes.set(name, node);
    this.#lines.set(node, []);
    await node.start();
  }

  at(name: string): SimNode | undefined {
    return this.#nodes.get(name);
  }

  async kill(name: string, areLinesReset: boolean): Promise<void> {
    const node = this.#nodes.get(name);
    if (node === undefined || node.state === "gone") return;
    for (const line of this.#lines.get(node) ?? []) {
      if (areLinesReset) line.reset();
      else line.fallSilent();
    }
    await node.kill();
  }

  isRunning(name: string): boolean {
    return (this.#nodes.get(name)?.state ?? "gone") !== "gone";
  }

  /** Nodes that serve, at random; `likely` more often than the others. */
  pickNode(likely: SimNode | undefined): SimNode {
    const up = [...this.#nodes.values()].filter((node) => node.state === "up");
    if (likely?.state === "up" && this.random.next() < 0.6) return likely;
    const found = up[this.random.below(up.length)];
    if (found === undefined) throw new Error("a scenario leaves one node up");
    return found;
  }

  connect(node: SimNode, end: LineEnd): SimLine {
    const line = new SimLine({ clock: this.clock, random: this.random }, end);
    this.#lines.get(node)?.push(line);
    if (node.state === "gone") line.reset();
    else node.gateway.accept(line);
    return line;
  }

  roomOf(_device: Device, token: string): { readonly claims: SessionClaims; readonly room: RoomRecord } {
    return { claims: this.#tokens.verifySession(token), room: this.#room };
  }

  /** The device loads the page (again); what was open there goes with that goodbye, a little earlier or later. */
  refresh(device: Device, goodbye: Goodbye): void {
    const older = device.page;
    const page = new Page(this, device);
    device.page = page;
    // One that has not entered yet is gone at once: what it still asked for arrives, but nobody goes on with it.
    const isInside = older?.state === "in";
    const closesAfterMs = !isInside || this.random.next() < 0.5 ? 0 : this.random.next() * 400;
    const opensAfterMs = this.random.next() < 0.5 ? 0 : this.random.next() * 400;
    this.clock.after(closesAfterMs, () => older?.close(goodbye));
    this.clock.after(opensAfterMs, () => {
      page.run().catch((error: unknown) => this.complain(`a page broke: ${String(error)}`));
    });
  }

  /** Everything that is not as it should be now that nothing happens any more. */
  async disorder(): Promise<readonly string[]> {
    const wrong = [...this.complaints];
    const inside = this.devices.filter((device) => device.page !== undefined && !device.page.isClosed);
    const say = (what: string, real: readonly string[], told: readonly string[]): void => {
      if (real.join() !== told.join()) wrong.push(`${what}: ${told.join()} instead of ${real.join()}`);
    };
    for (const { name, page } of inside) if (page?.state !== "in") wrong.push(`${name} is ${page?.state}`);
    const real = inside.map(({ page }) => `${page?.session?.sessionId}@${page?.node?.name}`).sort();
    const stored = this.store.tables.occupants(this.#room.id).map((one) => `${one.sessionId}@${one.node}`);
    say("the store's occupants", real, [...stored].sort());
    const shown = inside.map((device) => `${this.participant(device)}@${device.page?.node?.name} active`).sort();
    for (const node of this.#nodes.values()) {
      if (node.state !== "up") continue;
      const here = inside.filter(({ page }) => page?.node === node).length;
      if (node.hub.size !== here) wrong.push(`${node.name} holds ${node.hub.size} sessions for ${here} pages`);
      if (node.keeper.size !== here) wrong.push(`${node.name} keeps ${node.keeper.size} sessions for ${here} pages`);
      const told = node.rooms.participants(this.#room.id).map((p) => `${p.participantId}@${p.node} ${p.state}`);
      say(`${node.name} shows`, here === 0 ? [] : shown, [...told].sort());
    }
    for (const device of inside) {
      const own = this.participant(device);
      const others = [...(device.page?.others.values() ?? [])].map((p) => `${p.participantId}@${p.node} ${p.state}`);
      say(
        `${device.name} sees`,
        shown.filter((one) => !one.startsWith(own)),
        others.filter((one) => !one.startsWith(own)).sort(),
      );
    }
    return wrong;
  }

  participant({ user, deviceId }: Device): string {
    return participantIdOf({ userId: user.id, deviceId });
  }
}
