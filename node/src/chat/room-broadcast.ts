/**
 * Tells everybody in a room: those on this node at once, those on its other nodes by direct messages, acknowledged and sent
 * once more when that fails. What is told was stored before; who misses it reads it from the store (GET …/changes). Shell
 * over Mesh, Presence and Clock.
 */
import type { Unsequenced } from "#protocol";
import { type Clock, pause } from "../mesh/clock.ts";
import type { Log } from "../mesh/log.ts";
import { type Mesh, MeshError } from "../mesh/mesh.ts";
import { isFields, isText } from "../mesh/shape.ts";
import { RecentIds } from "../room/recent-ids.ts";
import { isStoreUnavailable } from "../store/errors.ts";
import type { Presence } from "../store/presence.ts";

export const ROOM_WORD_TOPIC = "room.word";
const TIMEOUT_MS = 2_000;
const RETRY_AFTER_MS = 500;
/** Words under way to other nodes; beyond it they are left to the store. */
const MAX_UNDER_WAY = 1_000;
/** Words whose repetition is recognised: the last ones, for longer than any is sent again. */
const RECENT = { max: 4_096, keptMs: 120_000 };
const MAX_ID = 128;

/** Messages of the socket that travel this way. Another node's word of any other type is refused. */
const TYPES = ["message", "messageUpdated", "read", "typing", "roomUpdated", "memberUpdated", "roomLife"] as const;
export type RoomWord = Unsequenced & { readonly type: (typeof TYPES)[number] };

export interface RoomBroadcastParts {
  readonly mesh: Mesh;
  readonly presence: Presence;
  readonly clock: Clock;
  readonly log: Log;
  /** In [0, 1). */
  readonly random: () => number;
  /** Nodes that serve the room as far as this one knows without asking a store. */
  readonly nodesOf: (roomId: string) => readonly string[];
  /** To this node's people in the room; `exceptUserId` need not hear it. */
  readonly deliver: (roomId: string, word: RoomWord, exceptUserId?: string) => void;
  /** Hears each word once in the mesh: on the node that says it first. Never throws. */
  readonly said?: (roomId: string, word: RoomWord) => void;
}

interface WordBody {
  readonly roomId: string;
  readonly wordId: string;
  readonly word: RoomWord;
  readonly exceptUserId?: string;
}

export class RoomBroadcast {
  readonly #parts: RoomBroadcastParts;
  readonly #recent = new RecentIds(RECENT);
  readonly #counters = { sent: 0, failed: 0, skipped: 0, refused: 0 };
  #unhandle: () => void = () => undefined;
  #underWay = 0;
  #count = 0;
  readonly #boot: string;

  constructor(parts: RoomBroadcastParts) {
    this.#parts = parts;
    this.#boot = Math.floor(parts.random() * 2 ** 48).toString(36);
  }

  start(): void {
    this.#unhandle = this.#parts.mesh.handle(ROOM_WORD_TOPIC, (from, body) => this.#receive(from, body));
  }

  stop(): void {
    this.#unhandle();
  }

  /** Words to other nodes: acknowledged, given up, not tried for want of room; and words of others that made no sense. */
  counters(): Readonly<Record<"sent" | "failed" | "skipped" | "refused", number>> {
    return { ...this.#counters };
  }

  /** Resolves when the words are on their way. */
  async tell(roomId: string, word: RoomWord): Promise<void> {
    this.#parts.deliver(roomId, word);
    this.#parts.said?.(roomId, word);
    this.#send(await this.#nodes(roomId), this.#body(roomId, word));
  }

  /** For what is worthless later: no store is asked, and nothing is sent twice. `exceptUserId` is who said it. */
  hint(roomId: string, word: RoomWord, exceptUserId: string): void {
    this.#parts.deliver(roomId, word, exceptUserId);
    const body = { ...this.#body(roomId, word), exceptUserId };
    for (const node of this.#known(this.#parts.nodesOf(roomId)))
      this.#parts.mesh.request(node, ROOM_WORD_TOPIC, body, { timeoutMs: TIMEOUT_MS }).catch(() => {
        this.#counters.failed += 1;
      });
  }

  #body(roomId: string, word: RoomWord): WordBody {
    this.#count += 1;
    return { roomId, wordId: `${this.#parts.mesh.self.name}/${this.#boot}/${this.#count}`, word };
  }

  /** Nodes with occupants of the room; when Presence is away, all: a node without the room drops what it is told. */
  async #nodes(roomId: string): Promise<readonly string[]> {
    const { presence, mesh } = this.#parts;
    try {
      const occupants = await presence.occupants(roomId);
      return this.#known([...occupants.map((occupant) => occupant.node), ...this.#parts.nodesOf(roomId)]);
    } catch (error) {
      if (!isStoreUnavailable(error)) throw error;
      return this.#known(mesh.nodes().map((node) => node.name));
    }
  }

  #known(names: readonly string[]): readonly string[] {
    const { mesh } = this.#parts;
    return [...new Set(names)].filter((name) => name !== mesh.self.name && mesh.node(name) !== undefined);
  }

  #send(nodes: readonly string[], body: WordBody): void {
    for (const node of nodes) {
      if (this.#underWay >= MAX_UNDER_WAY) {
        this.#counters.skipped += 1;
        continue;
      }
      this.#underWay += 1;
      this.#sendTo(node, body).then(
        () => {
          this.#underWay -= 1;
          this.#counters.sent += 1;
        },
        (error: unknown) => {
          this.#underWay -= 1;
          this.#counters.failed += 1;
          const { roomId } = body;
          this.#parts.log.warn({ roomId, node, error: String(error) }, "a word to a room did not reach a node");
        },
      );
    }
  }

  async #sendTo(node: string, body: WordBody): Promise<void> {
    const { mesh, clock } = this.#parts;
    try {
      await mesh.request(node, ROOM_WORD_TOPIC, body, { timeoutMs: TIMEOUT_MS });
    } catch (error) {
      if (!(error instanceof MeshError) || error.code !== "timeout") throw error;
      await pause(clock, RETRY_AFTER_MS);
      await mesh.request(node, ROOM_WORD_TOPIC, body, { timeoutMs: TIMEOUT_MS });
    }
  }

  #receive(from: string, body: unknown): { readonly ok: true } {
    const read = readWord(body);
    if (read === undefined) {
      this.#counters.refused += 1;
      this.#parts.log.debug({ from }, "another node's word to a room was refused");
      throw new MeshError("bad_shape", "the word was refused; nobody was told");
    }
    if (this.#recent.add(read.wordId, this.#parts.clock.nowMs()))
      this.#parts.deliver(read.roomId, read.word, read.exceptUserId);
    return { ok: true };
  }
}

/** Nodes of a mesh hold one key and trust each other; this keeps out what a client could not read. */
function readWord(body: unknown): WordBody | undefined {
  if (!isFields(body) || !isFields(body["word"])) return undefined;
  const { roomId, wordId, word, exceptUserId } = body;
  if (!isText(roomId, MAX_ID) || !isText(wordId, MAX_ID)) return undefined;
  if (exceptUserId !== undefined && !isText(exceptUserId, MAX_ID)) return undefined;
  if (!TYPES.some((type) => type === word["type"])) return undefined;
  const told = word as unknown as RoomWord;
  return { roomId, wordId, word: told, ...(exceptUserId === undefined ? {} : { exceptUserId }) };
}
