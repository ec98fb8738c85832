/**
 * What the nodes of a room tell each other besides who is there: the loudness of their loudest tracks, best effort.
 * Shell over Mesh and Clock. Rules: SPEC.md [P52].
 */
import type { Clock } from "../mesh/clock.ts";
import { type Mesh, MeshError } from "../mesh/mesh.ts";
import type { Level } from "./room.ts";
import { type RoomLevelsBody, type RoomRefusal, readRoomLevels } from "./room-state.ts";

export const LEVELS_TOPIC = "room.levels";
/** Unchanged levels are told again, because what was told holds for 5 s only. */
export const LEVELS_REPEAT_MS = 2_000;
const LEVELS_TIMEOUT_MS = 1_000;
/** Tellings of levels to one node at a time; while none of them is answered the newest goes again every 200 ms. */
const MAX_LEVELS_UNDER_WAY = 3;
/** Rooms and nodes whose last level number is remembered. */
const MAX_LEVEL_SOURCES = 4_096;

export interface FanoutRooms {
  hear(roomId: string, node: string, levels: readonly Level[]): void;
  refused(code: RoomRefusal, from: string): void;
}

interface TellingLevels {
  told: string;
  toldAtMs: number;
  body: RoomLevelsBody | undefined;
  readonly nodes: Map<string, { ackedSeq: number; underWay: number }>;
}

export class RoomFanout {
  readonly #mesh: Mesh;
  readonly #clock: Clock;
  readonly #rooms: FanoutRooms;
  readonly #telling = new Map<string, TellingLevels>();
  readonly #heard = new Map<string, { readonly boot: string; readonly seq: number }>();
  #unhandle: () => void = () => undefined;
  #seq = 0;

  constructor(parts: { readonly mesh: Mesh; readonly clock: Clock }, rooms: FanoutRooms) {
    this.#mesh = parts.mesh;
    this.#clock = parts.clock;
    this.#rooms = rooms;
  }

  start(): void {
    this.#unhandle = this.#mesh.handle(LEVELS_TOPIC, (from, body) => this.#receiveLevels(from, body));
  }

  stop(): void {
    this.#unhandle();
    this.#telling.clear();
    this.#heard.clear();
  }

  /**
   * Tells the loudness of this node's loudest tracks, when it changed or was told long ago, and again to whoever has not
   * answered; to be called every 200 ms while anything is heard.
   */
  tellLevels(
    roomId: string,
    input: { readonly boot: string; readonly levels: readonly Level[]; readonly nodes: readonly string[] },
  ): void {
    const nowMs = this.#clock.nowMs();
    const unsaid = { told: "[]", toldAtMs: Number.NEGATIVE_INFINITY, body: undefined, nodes: new Map() };
    const telling = this.#telling.get(roomId) ?? unsaid;
    this.#telling.set(roomId, telling);
    const told = JSON.stringify(input.levels);
    const isDue = input.levels.length > 0 && nowMs - telling.toldAtMs >= LEVELS_REPEAT_MS;
    if (told !== telling.told || isDue) {
      telling.told = told;
      telling.toldAtMs = nowMs;
      this.#seq += 1;
      telling.body = { roomId, boot: input.boot, seq: this.#seq, levels: input.levels };
    }
    if (telling.body === undefined) return;
    for (const node of [...telling.nodes.keys()]) if (!input.nodes.includes(node)) telling.nodes.delete(node);
    for (const node of input.nodes) this.#tellLevelsTo(telling, node, telling.body);
  }

  forget(roomId: string): void {
    this.#telling.delete(roomId);
  }

  #tellLevelsTo(telling: TellingLevels, node: string, body: RoomLevelsBody): void {
    const link = telling.nodes.get(node) ?? { ackedSeq: 0, underWay: 0 };
    telling.nodes.set(node, link);
    if (link.ackedSeq >= body.seq || link.underWay >= MAX_LEVELS_UNDER_WAY) return;
    if (this.#mesh.node(node) === undefined) return;
    link.underWay += 1;
    const arrived = (): void => {
      link.underWay -= 1;
      link.ackedSeq = Math.max(link.ackedSeq, body.seq);
    };
    const lost = (): void => {
      link.underWay -= 1;
    };
    this.#mesh.request(node, LEVELS_TOPIC, body, { timeoutMs: LEVELS_TIMEOUT_MS }).then(arrived, lost);
  }

  #receiveLevels(from: string, body: unknown): { readonly ok: true } {
    const read = readRoomLevels(body);
    if (!read.ok) return this.#refuse(read.code, from);
    const { roomId, boot, seq, levels } = read.value;
    const key = JSON.stringify([from, roomId]);
    const last = this.#heard.get(key);
    // Levels that were overtaken on the way are acknowledged and dropped.
    if (last?.boot === boot && seq <= last.seq) return { ok: true };
    this.#heard.delete(key);
    this.#heard.set(key, { boot, seq });
    const [oldest] = this.#heard.keys();
    if (this.#heard.size > MAX_LEVEL_SOURCES && oldest !== undefined) this.#heard.delete(oldest);
    this.#rooms.hear(roomId, from, levels);
    return { ok: true };
  }

  #refuse(code: RoomRefusal, from: string): never {
    this.#rooms.refused(code, from);
    throw new MeshError(code, "the message was refused; nothing changed");
  }
}
