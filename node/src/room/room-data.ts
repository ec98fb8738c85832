/**
 * Messages of applications over the data channels: from one client of this node to everybody else in the room, here and on
 * the other nodes. Reliable ones reach another node in order, each once, or are given up when it does not answer; lossy ones are
 * sent once. Rules: SPEC.md [P90…P97].
 */
import { MAX_DATA_BYTES, withSender } from "#protocol";
import type { DataChannelName, MediaEvent, MediaPlane } from "../media/control.ts";
import type { Clock } from "../mesh/clock.ts";
import type { Log } from "../mesh/log.ts";
import { type Mesh, MeshError } from "../mesh/mesh.ts";
import { isCount, isFields, isListOf, isOneOf, isText } from "../mesh/shape.ts";
import { TokenBucket } from "../signalling/token-bucket.ts";
import { type DataItem, DataQueue, MAX_BATCH_ITEMS } from "./data-queue.ts";
import type { Member, RoomRegistry } from "./registry.ts";
import type { RoomRefusal } from "./room-state.ts";

export const DATA_TOPIC = "room.data";
export const MESSAGES_PER_SECOND = 100;
export const BYTES_PER_SECOND = 65_536;
const UNIT = 256;
/** For one request; the mesh repeats it within this time. */
export const DATA_TIMEOUT_MS = 5_000;
const LOSSY_TIMEOUT_MS = 1_000;
/** Lossy messages under way to one node; more are dropped, as a full link would drop them. */
export const MAX_LOSSY_UNDER_WAY = 64;
const MAX_ID = 128;
const MAX_ROOM_ID = 256;
/** Base64 of MAX_DATA_BYTES. */
const MAX_DATA_CHARS = Math.ceil(MAX_DATA_BYTES / 3) * 4;

/** What became of messages; closed list. */
export const DATA_OUTCOMES = [
  "delivered",
  "sent",
  "not_allowed",
  "rate_limited",
  "bad_frame",
  "queue_full",
  "unreachable",
  "not_taken",
] as const;
export type DataOutcome = (typeof DATA_OUTCOMES)[number];

interface DataBody {
  readonly boot: string;
  readonly channel: DataChannelName;
  readonly items: readonly DataItem[];
}

interface Allowance {
  readonly messages: TokenBucket;
  /** Of UNIT bytes, begun ones whole. */
  readonly units: TokenBucket;
}
interface Link {
  readonly queue: DataQueue;
  lossyUnderWay: number;
}

export interface RoomDataParts {
  readonly mesh: Mesh;
  readonly media: MediaPlane;
  readonly clock: Clock;
  readonly log: Log;
  readonly registry: RoomRegistry;
  /** Of this run of the node. */
  readonly boot: string;
  readonly peersOf: (roomId: string) => readonly string[];
  readonly refused: (code: RoomRefusal, from: string) => void;
}

export class RoomData {
  readonly #parts: RoomDataParts;
  readonly #allowances = new WeakMap<Member, Allowance>();
  readonly #links = new Map<string, Link>();
  readonly #heard = new Map<string, { readonly boot: string; readonly seq: number }>();
  readonly #counts = new Map<DataOutcome, number>(DATA_OUTCOMES.map((outcome) => [outcome, 0]));
  #seq = 0;
  #unhandle: () => void = () => undefined;
  #stopped = true;

  constructor(parts: RoomDataParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#stopped = false;
    this.#unhandle = this.#parts.mesh.handle(DATA_TOPIC, (from, body) => this.#receive(from, body));
  }

  stop(): void {
    this.#stopped = true;
    this.#unhandle();
    this.#links.clear();
    this.#heard.clear();
  }

  forgetNode(node: string): void {
    this.#links.delete(node);
    this.#heard.delete(node);
  }

  counters(): Readonly<Record<DataOutcome, number>> {
    return Object.fromEntries(this.#counts) as Record<DataOutcome, number>;
  }

  /** A client said something. */
  said({ peerId, channel, data }: Extract<MediaEvent, { readonly kind: "data" }>): void {
    const member = this.#parts.registry.member(peerId);
    if (member === undefined) return;
    const frame = frameOf(member, data);
    if (typeof data === "string" || frame === undefined) this.#count("bad_frame");
    else if (!member.grants.chat) this.#count("not_allowed");
    else if (!this.#mayGoOn(member, data.length)) this.#count("rate_limited");
    else {
      this.#deliver(member.roomId, channel, frame, member);
      this.#sendOn(member, channel, data);
    }
  }

  // ---------------------------------------------------------------- to clients of this node

  #deliver(roomId: string, channel: DataChannelName, frame: Uint8Array, except?: Member): void {
    const { registry, media, log } = this.#parts;
    const peerIds = registry
      .members()
      .filter((member) => member.roomId === roomId && member !== except)
      .map((member) => member.sessionId);
    if (peerIds.length === 0) return;
    media.sendData({ peerIds, channel, data: frame }).then(
      (missed) => {
        this.#count("delivered", peerIds.length - missed.length);
        this.#count("not_taken", missed.length);
      },
      (error: unknown) => log.warn({ roomId, error: String(error) }, "the media plane took no data message"),
    );
  }

  #mayGoOn(member: Member, bytes: number): boolean {
    const nowMs = this.#parts.clock.nowMs();
    const allowance = this.#allowances.get(member) ?? {
      messages: new TokenBucket({ burst: 2 * MESSAGES_PER_SECOND, perSecond: MESSAGES_PER_SECOND }, nowMs),
      units: new TokenBucket({ burst: (2 * BYTES_PER_SECOND) / UNIT, perSecond: BYTES_PER_SECOND / UNIT }, nowMs),
    };
    this.#allowances.set(member, allowance);
    if (!allowance.messages.take(nowMs)) return false;
    for (let taken = 0; taken < bytes; taken += UNIT) if (!allowance.units.take(nowMs)) return false;
    return true;
  }

  // ---------------------------------------------------------------- to other nodes

  #sendOn({ roomId, entry }: Member, channel: DataChannelName, data: Uint8Array): void {
    const { mesh, peersOf } = this.#parts;
    const nodes = peersOf(roomId).filter((node) => node !== mesh.self.name && mesh.node(node) !== undefined);
    if (nodes.length === 0) return;
    this.#seq += 1;
    const item = { roomId, from: entry.participantId, seq: this.#seq, data: Buffer.from(data).toString("base64") };
    for (const node of nodes) {
      const link = this.#links.get(node) ?? { queue: new DataQueue(), lossyUnderWay: 0 };
      this.#links.set(node, link);
      if (channel === "lossy") this.#sendLossy(node, link, item);
      else if (link.queue.add(item)) this.#pump(node, link);
      else this.#count("queue_full");
    }
  }

  #sendLossy(node: string, link: Link, item: DataItem): void {
    if (link.lossyUnderWay >= MAX_LOSSY_UNDER_WAY) {
      this.#count("queue_full");
      return;
    }
    link.lossyUnderWay += 1;
    const over = (outcome: DataOutcome) => (): void => {
      link.lossyUnderWay -= 1;
      this.#count(outcome);
    };
    this.#request(node, "lossy", [item]).then(over("sent"), over("unreachable"));
  }

  #pump(node: string, link: Link): void {
    const batch = this.#stopped || this.#links.get(node) !== link ? undefined : link.queue.take();
    if (batch === undefined) return;
    const over = (outcome: DataOutcome) => (): void => {
      link.queue.done();
      this.#count(outcome, batch.length);
      this.#pump(node, link);
    };
    this.#request(node, "events", batch).then(over("sent"), over("unreachable"));
  }

  async #request(node: string, channel: DataChannelName, items: readonly DataItem[]): Promise<void> {
    const body: DataBody = { boot: this.#parts.boot, channel, items };
    const timeoutMs = channel === "lossy" ? LOSSY_TIMEOUT_MS : DATA_TIMEOUT_MS;
    await this.#parts.mesh.request(node, DATA_TOPIC, body, { timeoutMs });
  }

  // ---------------------------------------------------------------- from other nodes

  #receive(from: string, value: unknown): { readonly ok: true } {
    const body = readData(value);
    if (body === undefined) throw this.#refuse("bad_shape", from);
    const { registry } = this.#parts;
    for (const item of body.items)
      if ((registry.find(item.roomId)?.nodeOf(item.from) ?? from) !== from) throw this.#refuse("foreign_node", from);
    for (const item of body.items) if (this.#isNew(from, body, item.seq)) this.#hear(body.channel, item);
    return { ok: true };
  }

  #hear(channel: DataChannelName, { roomId, from, data }: DataItem): void {
    const room = this.#parts.registry.find(roomId);
    // Nobody here knows the sender yet (or any more): nobody could tell whose words these are.
    const frame = withSender(from, Buffer.from(data, "base64"));
    if (room?.nodeOf(from) === undefined) this.#count("not_taken");
    else if (frame === undefined || frame.length > MAX_DATA_BYTES) this.#count("bad_frame");
    else this.#deliver(roomId, channel, frame);
  }

  /** Reliable messages come in order, so a number that is not greater is a repetition. */
  #isNew(from: string, { boot, channel }: DataBody, seq: number): boolean {
    if (channel === "lossy") return true;
    const last = this.#heard.get(from);
    if (last?.boot === boot && seq <= last.seq) return false;
    this.#heard.set(from, { boot, seq });
    return true;
  }

  #refuse(code: RoomRefusal, from: string): MeshError {
    this.#parts.refused(code, from);
    return new MeshError(code, "the messages were refused; nothing was delivered");
  }

  #count(outcome: DataOutcome, by = 1): void {
    this.#counts.set(outcome, (this.#counts.get(outcome) ?? 0) + by);
  }
}

/** A topic that reaches beyond the message is no frame. */
function frameOf({ entry }: Member, data: string | Uint8Array): Uint8Array | undefined {
  if (typeof data === "string" || (data[0] ?? data.length) >= data.length) return undefined;
  const frame = withSender(entry.participantId, data);
  return frame !== undefined && frame.length <= MAX_DATA_BYTES ? frame : undefined;
}

function readData(value: unknown): DataBody | undefined {
  if (!isFields(value) || !isText(value["boot"], MAX_ID)) return undefined;
  const { boot, channel, items } = value;
  if (!isOneOf(channel, ["events", "lossy"]) || !isListOf(items, MAX_BATCH_ITEMS, isItem)) return undefined;
  return { boot, channel, items: items.map(({ roomId, from, seq, data }) => ({ roomId, from, seq, data })) };
}

function isItem(value: unknown): value is DataItem {
  if (!isFields(value) || !isText(value["roomId"], MAX_ROOM_ID) || !isText(value["from"], MAX_ID)) return false;
  return isCount(value["seq"]) && isText(value["data"], MAX_DATA_CHARS);
}
