/** A page of the web client: gets a session, says hello, enters the room, and comes back through any node when it loses its line. */
import type { JoinTicket, ParticipantInfo, ServerMessage, SessionCredentials } from "#protocol";
import { PROTOCOL_VERSION } from "#protocol";
import { ApiError } from "../../src/http/problems.ts";
import { pause } from "../../src/mesh/clock.ts";
import { isStoreUnavailable } from "../../src/store/errors.ts";
import type { SimLine } from "./sim-line.ts";
import type { SimNode } from "./sim-node.ts";
import type { Device, SimWorld } from "./sim-world.ts";

const REPLY_WITHIN_MS = 10_000;
const PING_EVERY_MS = 5_000;
const AGAIN_AFTER_MS = 700;

export const GOODBYES = ["close", "nothing", "leave", "lateLeave", "leaveAndClose", "mediaGone"] as const;
export type Goodbye = (typeof GOODBYES)[number];

/** Why an attempt to get in did not work; the next one may. */
class Refused extends Error {
  readonly code: string;
  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

export class Page {
  readonly device: Device;
  readonly others = new Map<string, ParticipantInfo>();
  /** What it was told of people that left, for those who watch. */
  readonly heardLeaving: string[] = [];
  session: SessionCredentials | undefined;
  node: SimNode | undefined;
  state: "arriving" | "in" | "over" = "arriving";
  isClosed = false;
  readonly #world: SimWorld;
  #line: SimLine | undefined;
  #lastSeq: number | undefined;
  #wasIn = false;
  #requests = 0;
  #heardAtMs = 0;
  readonly #waiting = new Map<string, (message: ServerMessage | undefined) => void>();

  constructor(world: SimWorld, device: Device) {
    this.#world = world;
    this.device = device;
  }

  /** Runs until the page is closed or superseded. */
  async run(): Promise<void> {
    while (!this.#isDone()) {
      try {
        await this.#arrive();
        await this.#stay();
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        this.#refused(error.code);
      }
      if (!this.#isDone()) await pause(this.#world.clock, this.#world.random.next() * AGAIN_AFTER_MS);
    }
  }

  /** The page goes, with last words that may come late. */
  close(goodbye: Goodbye): void {
    this.isClosed = true;
    const [line, node, sessionId] = [this.#line, this.node, this.session?.sessionId];
    this.#hangLine();
    if (line === undefined) return;
    if (goodbye === "leave") line.say({ type: "leave", id: "bye" });
    else if (goodbye === "lateLeave") line.say({ type: "leave", id: "bye" }, this.#world.random.next() * 12_000);
    else if (goodbye === "leaveAndClose") {
      line.say({ type: "leave", id: "bye" });
      line.hangUp(1000);
    } else if (goodbye === "close") line.hangUp(1001);
    else {
      line.fallSilent();
      if (goodbye === "mediaGone" && node !== undefined && sessionId !== undefined)
        node.media.emit({ kind: "peerState", peerId: sessionId, state: "gone" });
    }
  }

  /** The person leaves by the button. */
  async leave(): Promise<string> {
    const reply = await this.#request({ type: "leave" });
    return reply.type === "error" ? reply.code : reply.type;
  }

  /** The line breaks; the page notices at once, or by silence. */
  cut(isNoticed: boolean): void {
    this.#line?.fallSilent();
    if (isNoticed) this.#hangLine();
  }

  #isDone(): boolean {
    return this.isClosed || this.state === "over";
  }

  async #arrive(): Promise<void> {
    this.state = "arriving";
    const node = this.#world.pickNode(this.node);
    this.session ??= await this.#http((at) => at.joining.createSession(this.device.user, this.device.deviceId));
    const line = this.#world.connect(node, {
      // A line that was given up says nothing to the page any more.
      message: (message) => (this.#line === line ? this.#hear(message) : undefined),
      closed: () => (this.#line === line ? this.#hangLine() : undefined),
    });
    this.#line = line;
    this.node = node;
    this.#heardAtMs = this.#world.clock.nowMs();
    const { token } = this.session;
    const lastSeq = this.#lastSeq === undefined ? {} : { lastSeq: this.#lastSeq };
    const welcome = await this.#request({ type: "hello", protocol: PROTOCOL_VERSION, token, ...lastSeq });
    if (welcome.type !== "welcome") throw new Refused(welcome.type === "error" ? welcome.code : welcome.type);
    if (!welcome.resumed || !this.#wasIn) await this.#enter(token);
    this.state = "in";
    this.#wasIn = true;
  }

  async #enter(token: string): Promise<void> {
    this.#wasIn = false;
    const ticket = await this.#http((at) => this.#ticket(at, token));
    const joined = await this.#request({ type: "join", token: ticket.token });
    if (joined.type !== "joined") throw new Refused(joined.type === "error" ? joined.code : joined.type);
  }

  #ticket(at: SimNode, token: string): Promise<JoinTicket> {
    const { claims, room } = this.#world.roomOf(this.device, token);
    return at.joining.join(room, this.device.user, claims);
  }

  /** Heartbeats until the line is lost. */
  async #stay(): Promise<void> {
    const { clock } = this.#world;
    const line = this.#line;
    while (this.#line === line && line !== undefined && !this.#isDone()) {
      line.say({ type: "ping", sentAtMs: 0 });
      await pause(clock, PING_EVERY_MS);
      if (this.#line === line && clock.nowMs() - this.#heardAtMs > 3 * PING_EVERY_MS) this.#hangLine();
    }
  }

  #refused(code: string): void {
    this.#hangLine();
    if (code === "session_superseded" || code === "superseded") this.#superseded();
    else if (code === "room_full") this.#world.complain(`${this.device.name} found the room full`);
    else if (code === "token_expired" || code === "token_invalid")
      this.#world.complain(`${this.device.name} was refused: ${code}`);
  }

  #superseded(): void {
    this.state = "over";
    if (!this.isClosed && this.device.page === this)
      this.#world.complain(`the newest page of ${this.device.name} was superseded`);
  }

  #hear(message: ServerMessage): void {
    if (this.isClosed) return;
    this.#heardAtMs = this.#world.clock.nowMs();
    if (message.type !== "welcome" || message.resumed || this.#lastSeq === undefined) this.#checkSeq(message);
    this.#lastSeq = message.seq;
    this.#follow(message);
    if ("replyTo" in message && message.replyTo !== undefined) {
      const resolve = this.#waiting.get(message.replyTo);
      this.#waiting.delete(message.replyTo);
      resolve?.(message);
    }
  }

  /** No hole and no step back on one line. */
  #checkSeq(message: ServerMessage): void {
    if (this.#lastSeq !== undefined && message.seq !== this.#lastSeq + 1 && message.type !== "error")
      if (message.type !== "closing")
        this.#world.complain(`${this.device.name} heard ${message.type} ${message.seq} after ${this.#lastSeq}`);
  }

  #follow(message: ServerMessage): void {
    switch (message.type) {
      case "joined":
        this.others.clear();
        for (const participant of message.participants) this.others.set(participant.participantId, participant);
        break;
      case "participantJoined":
      case "participantUpdated":
        this.others.set(message.participant.participantId, message.participant);
        break;
      case "participantLeft":
        this.others.delete(message.participantId);
        this.heardLeaving.push(`${message.participantId} ${message.reason}`);
        break;
      case "closing":
        this.#closing(message.reason);
        break;
      default:
    }
  }

  #closing(reason: string): void {
    if (reason === "superseded") this.#superseded();
    else if (reason === "removed" || reason === "expired")
      this.#world.complain(`${this.device.name} was thrown out: ${reason}`);
  }

  #hangLine(): void {
    this.#line = undefined;
    for (const resolve of [...this.#waiting.values()]) resolve(undefined);
    this.#waiting.clear();
  }

  async #request(message: object): Promise<ServerMessage> {
    const line = this.#line;
    if (line === undefined) throw new Refused("line_lost");
    this.#requests += 1;
    const id = `q${this.#requests}`;
    line.say({ ...message, id });
    const reply = await new Promise<ServerMessage | undefined>((resolve) => {
      this.#waiting.set(id, resolve);
      this.#world.clock.after(REPLY_WITHIN_MS, () => {
        if (!this.#waiting.delete(id)) return;
        if (this.#line === line) this.#hangLine();
        resolve(undefined);
      });
    });
    if (reply === undefined || this.isClosed) throw new Refused("line_lost");
    return reply;
  }

  /** A request to any node; one that dies meanwhile never answers. */
  async #http<T>(work: (at: SimNode) => Promise<T>): Promise<T> {
    const { clock, random } = this.#world;
    await pause(clock, random.next() * 60);
    const node = this.#world.pickNode(undefined);
    const outcome = await Promise.race([
      work(node).catch((error: unknown) => {
        if (error instanceof ApiError) return new Refused(error.code);
        if (isStoreUnavailable(error)) return new Refused("store_unavailable");
        throw error;
      }),
      pause(clock, REPLY_WITHIN_MS).then(() => new Refused("no_answer")),
    ]);
    await pause(clock, random.next() * 60);
    if (outcome instanceof Refused) throw outcome;
    if (this.isClosed) throw new Refused("closed");
    return outcome;
  }
}
