/**
 * Asks the media plane every 2 s how well each client of this node is connected, tells the room what changed, and the other
 * nodes of the room too, best effort. Rules: SPEC.md [P110…P114].
 */
import type { MediaPlane, PeerStats } from "../media/control.ts";
import { qualityScore } from "../media/quality-score.ts";
import type { Clock } from "../mesh/clock.ts";
import { type Mesh, MeshError } from "../mesh/mesh.ts";
import { isFields, isListOf, isText } from "../mesh/shape.ts";
import { QualityBoard, type Score } from "./quality-board.ts";
import type { Member, RoomRegistry } from "./registry.ts";
import { MAX_LOCAL_PARTICIPANTS, type RoomRefusal } from "./room-state.ts";

export const QUALITY_TOPIC = "room.quality";
export const QUALITY_EVERY_MS = 2_000;
/** All scores again, for whoever missed some. */
export const QUALITY_REPEAT_MS = 30_000;
const TIMEOUT_MS = 1_000;
/** What a client said of its pictures holds this long. */
const REPORT_MS = 15_000;
const MAX_ID = 128;
const MAX_ROOM_ID = 256;

export interface QualityParts {
  readonly mesh: Mesh;
  readonly media: MediaPlane;
  readonly clock: Clock;
  readonly registry: RoomRegistry;
  readonly peersOf: (roomId: string) => readonly string[];
  readonly refused: (code: RoomRefusal, from: string) => void;
}

export class QualityWatch {
  readonly #parts: QualityParts;
  readonly #boards = new Map<string, QualityBoard>();
  readonly #reports = new WeakMap<Member, { readonly frozenRatio: number; readonly atMs: number }>();
  readonly #greeted = new WeakSet<Member>();
  readonly #busy = new Set<string>();
  #observe: (score: number) => void = () => undefined;
  #repeatAtMs = 0;
  #stops: (() => void)[] = [];

  constructor(parts: QualityParts) {
    this.#parts = parts;
  }

  start(): void {
    const { mesh } = this.#parts;
    this.#stops = [mesh.handle(QUALITY_TOPIC, (from, body) => this.#receive(from, body))];
    this.#arm();
  }

  stop(): void {
    for (const stop of this.#stops) stop();
    this.#stops = [];
    this.#boards.clear();
  }

  /** Every score of this node's people, for a histogram. */
  onScore(observe: (score: number) => void): void {
    this.#observe = observe;
  }

  report(member: Member, frozenRatio: number): void {
    this.#reports.set(member, { frozenRatio, atMs: this.#parts.clock.nowMs() });
  }

  scores(roomId: string): readonly Score[] {
    return this.#boards.get(roomId)?.all() ?? [];
  }

  /** Of this node's people, in tenths; undefined while nobody was looked at. */
  mean(): number | undefined {
    const scores = this.#parts.registry.members().flatMap(({ roomId, entry }) => {
      const known = this.scores(roomId).find((score) => score.participantId === entry.participantId);
      return known === undefined ? [] : [known.score];
    });
    if (scores.length === 0) return undefined;
    return Math.round((10 * scores.reduce((sum, score) => sum + score, 0)) / scores.length) / 10;
  }

  forget(roomId: string): void {
    this.#boards.delete(roomId);
  }

  #arm(): void {
    let cancel: () => void = () => undefined;
    cancel = this.#parts.clock.after(QUALITY_EVERY_MS, () => {
      this.#stops = this.#stops.filter((stop) => stop !== cancel);
      const goOn = (): void => {
        if (this.#stops.length > 0) this.#arm();
      };
      this.#look().then(goOn, goOn);
    });
    this.#stops.push(cancel);
  }

  async #look(): Promise<void> {
    const { registry, clock } = this.#parts;
    const nowMs = clock.nowMs();
    const repeats = nowMs >= this.#repeatAtMs;
    if (repeats) this.#repeatAtMs = nowMs + QUALITY_REPEAT_MS;
    for (const room of registry.rooms()) {
      const members = registry.members().filter((member) => member.roomId === room.roomId);
      const scores = (await Promise.all(members.map((member) => this.#score(member)))).filter(isScore);
      if (this.#stops.length === 0 || registry.find(room.roomId) !== room) continue;
      const board = this.#boards.get(room.roomId) ?? new QualityBoard();
      this.#boards.set(room.roomId, board);
      board.keep((participantId) => room.nodeOf(participantId) !== undefined);
      const news = board.note(scores);
      this.#tellClients(room.roomId, news);
      const here = new Set(scores.map((score) => score.participantId));
      this.#tellNodes(room.roomId, repeats ? board.all().filter((score) => here.has(score.participantId)) : news);
    }
  }

  async #score(member: Member): Promise<Score | undefined> {
    const stats = await this.#parts.media.peerStats(member.sessionId).catch(() => undefined);
    if (stats === undefined) return undefined;
    const report = this.#reports.get(member);
    const isFresh = report !== undefined && this.#parts.clock.nowMs() - report.atMs < REPORT_MS;
    const score = scoreOf(stats, isFresh ? report.frozenRatio : 0);
    this.#observe(score);
    return { participantId: member.entry.participantId, score };
  }

  /** Whoever is new hears everything. */
  #tellClients(roomId: string, news: readonly Score[]): void {
    for (const member of this.#parts.registry.members()) {
      if (member.roomId !== roomId) continue;
      const scores = this.#greeted.has(member) ? news : this.scores(roomId);
      if (scores.length === 0) continue;
      this.#greeted.add(member);
      member.client.notify({ type: "quality", scores });
    }
  }

  #tellNodes(roomId: string, scores: readonly Score[]): void {
    const { mesh, peersOf } = this.#parts;
    if (scores.length === 0) return;
    for (const node of peersOf(roomId)) {
      const key = JSON.stringify([node, roomId]);
      if (this.#busy.has(key) || mesh.node(node) === undefined) continue;
      this.#busy.add(key);
      const over = (): void => void this.#busy.delete(key);
      // What is lost is told again with the next round of all.
      mesh.request(node, QUALITY_TOPIC, { roomId, scores }, { timeoutMs: TIMEOUT_MS }).then(over, over);
    }
  }

  #receive(from: string, body: unknown): { readonly ok: true } {
    if (!isFields(body) || !isText(body["roomId"], MAX_ROOM_ID)) throw this.#refuse("bad_shape", from);
    const { roomId, scores } = body;
    if (!isListOf(scores, MAX_LOCAL_PARTICIPANTS, isToldScore)) throw this.#refuse("bad_shape", from);
    const room = this.#parts.registry.find(roomId);
    if (room === undefined) return { ok: true };
    const board = this.#boards.get(roomId) ?? new QualityBoard();
    this.#boards.set(roomId, board);
    const own = scores
      .filter(({ participantId }) => room.nodeOf(participantId) === from)
      .map(({ participantId, score }) => ({ participantId, score }));
    this.#tellClients(roomId, board.note(own));
    return { ok: true };
  }

  #refuse(code: RoomRefusal, from: string): MeshError {
    this.#parts.refused(code, from);
    return new MeshError(code, "the scores were refused; nothing changed");
  }
}

/** The worse of both directions, brought down by what its pictures suffer. */
export function scoreOf(stats: PeerStats, frozenRatio: number): number {
  const { up, down, rttMs, slots } = stats;
  const paused = slots.filter((slot) => slot.state === "paused").length;
  const delays = {
    ...(rttMs === undefined ? {} : { rttMs }),
    ...(up.jitterMs === undefined ? {} : { jitterMs: up.jitterMs }),
  };
  // What was lost on the way to the client is mostly repaired; its own score of 1 to 5 knows of that.
  const shownRatio = slots.length === 0 ? 1 : 1 - paused / slots.length;
  const both = qualityScore({ lossRatio: up.lossRatio, ...delays, video: { frozenRatio, shownRatio } });
  return Math.min(both, up.quality, down.quality);
}

function isScore(score: Score | undefined): score is Score {
  return score !== undefined;
}

function isToldScore(value: unknown): value is Score {
  if (!isFields(value) || !isText(value["participantId"], MAX_ID)) return false;
  const { score } = value;
  return typeof score === "number" && score >= 1 && score <= 5;
}
