/** Several nodes in one process, each with a memory mesh, a fake media plane and the real rooms and relay. */
import { seededRandom } from "#gossip";
import type { ChatMessage, ParticipantInfo, Unsequenced } from "#protocol";
import { silentLog } from "../../src/mesh/log.ts";
import { type MemoryMesh, MemoryNetwork, type MemoryNetworkOptions } from "../../src/mesh/memory-mesh.ts";
import { createRelay, type Relay } from "../../src/relay/relay.ts";
import type { VersionRange } from "../../src/relay/trunk-messages.ts";
import { createRoomService, type LiveRooms } from "../../src/room/live-rooms.ts";
import type { RoomClient, RoomJoin } from "../../src/room/room-service.ts";
import { FakeMediaNetwork, FakeMediaPlane, fakeOffer } from "./fake-media-plane.ts";
import { ManualClock } from "./manual-clock.ts";

export const ROOM = "room-1";

export class FakeClient implements RoomClient {
  readonly messages: Unsequenced[] = [];

  notify(message: Unsequenced): void {
    this.messages.push(message);
  }

  ofType<T extends Unsequenced["type"]>(type: T): readonly Extract<Unsequenced, { readonly type: T }>[] {
    return this.messages.filter(
      (message): message is Extract<Unsequenced, { readonly type: T }> => message.type === type,
    );
  }
}

export interface WorldNode {
  readonly name: string;
  readonly mesh: MemoryMesh;
  readonly media: FakeMediaPlane;
  readonly rooms: LiveRooms;
  readonly relay: Relay;
}

export class RoomWorld {
  readonly clock = new ManualClock();
  readonly network: MemoryNetwork;
  readonly planes = new FakeMediaNetwork();
  readonly nodes = new Map<string, WorldNode>();
  /** Nodes that forward for others, when they are booted. */
  readonly forwarders = new Set<string>();
  /** Trunk versions of nodes that speak others than this program. */
  readonly versions = new Map<string, VersionRange>();
  #boots = 0;

  constructor(options: Omit<MemoryNetworkOptions, "clock"> = {}) {
    this.network = new MemoryNetwork({ ...options, clock: this.clock });
  }

  async boot(...names: readonly string[]): Promise<void> {
    for (const name of names) {
      this.#boots += 1;
      const mesh = this.network.add({ name, ...(this.forwarders.has(name) ? { forwards: true } : {}) });
      const media = new FakeMediaPlane(name, this.planes);
      const random = seededRandom(1_000 + this.#boots);
      const shared = { mesh, media, log: silentLog, random, clock: this.clock };
      const rooms = createRoomService(shared);
      const versions = this.versions.get(name);
      const relay = createRelay({ ...shared, tracks: rooms, ...(versions === undefined ? {} : { versions }) });
      await media.start();
      await rooms.start();
      await relay.start();
      this.nodes.set(name, { name, mesh, media, rooms, relay });
    }
  }

  at(name: string): WorldNode {
    const node = this.nodes.get(name);
    if (node === undefined) throw new Error(`no node ${name}`);
    return node;
  }

  /** As SIGKILL: nothing is said, the others hear of it after the detection time. */
  async kill(name: string): Promise<void> {
    const node = this.at(name);
    this.nodes.delete(name);
    this.network.kill(name);
    await node.relay.stop();
    await node.rooms.stop();
    await node.media.stop();
  }

  /** Joins as `person`; the session is called after the person unless given. */
  async join(
    node: string,
    person: string,
    options: Partial<RoomJoin> = {},
  ): Promise<{ readonly client: FakeClient; readonly others: readonly ParticipantInfo[]; readonly sessionId: string }> {
    const client = new FakeClient();
    const input: RoomJoin = {
      roomId: ROOM,
      sessionId: `s-${person}`,
      epoch: 1,
      participantId: `p-${person}`,
      userId: `u-${person}`,
      displayName: person,
      role: "member",
      grants: { publish: true, subscribe: true, chat: true, moderate: false },
      otherNodes: [...this.nodes.keys()].filter((name) => name !== node),
      ...options,
    };
    const others = await this.clock.resolve(this.at(node).rooms.join(input, client));
    return { client, others, sessionId: input.sessionId };
  }

  /** Microphone and camera up, slots down; answers the track ids. */
  async publish(
    node: string,
    sessionId: string,
    options: {
      readonly fresh?: boolean;
      readonly layers?: readonly string[];
      readonly videoSlots?: number;
      readonly audioSlots?: number;
    } = {},
  ): Promise<{ readonly audio: string; readonly video: string }> {
    const sdp = fakeOffer({
      tracks: [
        { mid: "0", kind: "audio" },
        { mid: "1", kind: "video", ...(options.layers === undefined ? {} : { layers: options.layers }) },
      ],
      videoSlots: options.videoSlots ?? 4,
      audioSlots: options.audioSlots ?? 3,
    });
    const tracks = [
      { mid: "0", kind: "audio" as const, source: "microphone" as const },
      { mid: "1", kind: "video" as const, source: "camera" as const },
    ];
    const offer = this.at(node).rooms.offer(sessionId, { sdp, tracks, fresh: options.fresh ?? true });
    const answer = await this.clock.resolve(offer);
    const [audio, video] = answer.tracks;
    if (audio === undefined || video === undefined) throw new Error("the answer lacks tracks");
    return { audio: audio.trackId, video: video.trackId };
  }

  /** Names of those a node shows, ascending, with "~" before those who are reconnecting. */
  seenAt(node: string, roomId = ROOM): readonly string[] {
    return this.at(node)
      .rooms.participants(roomId)
      .map(
        (participant) => `${participant.state === "active" ? "" : "~"}${participant.displayName}@${participant.node}`,
      )
      .sort();
  }
}

export function chat(id: string, text = "hello"): ChatMessage {
  return { id, authorId: "u-a", authorName: "a", text, sentAtMs: 1 };
}
