/**
 * A mesh of nodes in memory: the server side of the protocol as PROTOCOL.md tells it, with sockets and fetch
 * that reach it. Nodes can be killed, restarted, made to refuse or to babble.
 */
import type { SocketConstructor, SocketLike } from "../../src/options.ts";
import type {
  ChatMessage,
  ClientMessage,
  ParticipantInfo,
  RoomInfo,
  ServerMessage,
  Unsequenced,
} from "../../src/protocol/messages.ts";

type Answered = { readonly status: number; readonly body: unknown; readonly headers?: Record<string, string> };

export class FakeSocket implements SocketLike {
  onopen: (() => void) | null = null;
  onclose: (() => void) | null = null;
  onerror: (() => void) | null = null;
  onmessage: ((event: { readonly data: unknown }) => void) | null = null;
  readonly received: ClientMessage[] = [];
  readonly #node: FakeNode | undefined;
  readonly #echo: boolean;
  open = false;

  constructor(url: string, node: FakeNode | undefined) {
    this.#node = node;
    this.#echo = url.endsWith("/v1/echo");
    queueMicrotask(() => {
      if (node === undefined || !node.alive) {
        this.onclose?.();
        return;
      }
      this.open = true;
      if (!this.#echo) node.sockets.push(this);
      this.onopen?.();
    });
  }
  send(text: string): void {
    if (!this.open) return;
    if (this.#echo) {
      queueMicrotask(() => this.onmessage?.({ data: text }));
      return;
    }
    const message = JSON.parse(text) as ClientMessage;
    this.received.push(message);
    this.#node?.handle(this, message);
  }
  close(): void {
    this.open = false;
  }
  /** The node or the network ends it. */
  drop(): void {
    this.open = false;
    this.onclose?.();
  }
  text(text: string): void {
    if (this.open) queueMicrotask(() => this.onmessage?.({ data: text }));
  }
}

export class FakeNode {
  readonly name: string;
  readonly url: string;
  readonly mesh: FakeMesh;
  readonly sockets: FakeSocket[] = [];
  alive = true;
  /** Whether a hello with lastSeq resumes. */
  resumes = true;
  seq = 0;
  offers = 0;

  constructor(name: string, mesh: FakeMesh) {
    this.name = name;
    this.url = `http://${name}.test`;
    this.mesh = mesh;
  }
  get socket(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (socket === undefined) throw new Error(`nobody is connected to ${this.name}`);
    return socket;
  }
  say(message: Unsequenced, socket = this.socket): void {
    this.seq += 1;
    socket.text(JSON.stringify({ ...message, seq: this.seq } as ServerMessage));
  }
  kill(): void {
    this.alive = false;
    for (const socket of this.sockets) if (socket.open) socket.drop();
  }
  requests<T extends ClientMessage["type"]>(type: T): readonly Extract<ClientMessage, { type: T }>[] {
    return this.sockets
      .flatMap((socket) => socket.received)
      .filter((m): m is Extract<ClientMessage, { type: T }> => m.type === type);
  }

  handle(socket: FakeSocket, message: ClientMessage): void {
    switch (message.type) {
      case "hello": {
        const resumed = message.lastSeq !== undefined && this.resumes && this.seq >= message.lastSeq && this.seq > 0;
        if (!resumed) this.seq = 0;
        this.say({ type: "welcome", replyTo: message.id, sessionId: "s1", epoch: 1, node: this.name, resumed }, socket);
        break;
      }
      case "join":
        this.say(
          {
            type: "joined",
            replyTo: message.id,
            room: { roomId: "r1", slug: "kitchen", title: "Kitchen" },
            participantId: "me",
            role: "member",
            grants: { publish: true, subscribe: true, chat: true, moderate: false },
            participants: this.mesh.people,
          },
          socket,
        );
        break;
      case "offer":
        this.offers += 1;
        if (this.mesh.silentOffers) return;
        this.say(
          {
            type: "answer",
            replyTo: message.id,
            sdp: `answer ${this.offers}`,
            tracks: message.tracks.map(({ mid, source }) => ({ mid, trackId: `${source}@${this.name}` })),
          },
          socket,
        );
        break;
      case "mute":
      case "leave":
        this.say({ type: "ok", replyTo: message.id }, socket);
        break;
      case "view":
        if (message.id !== undefined) this.say({ type: "ok", replyTo: message.id }, socket);
        break;
      case "ping":
        this.say({ type: "pong", sentAtMs: message.sentAtMs }, socket);
        break;
      case "moderate":
        this.say({ type: "ok", replyTo: message.id }, socket);
        break;
      case "typing":
      case "report":
        break;
    }
  }
}

export class FakeMesh {
  readonly nodes: readonly FakeNode[];
  people: readonly ParticipantInfo[] = [];
  silentOffers = false;
  messages: ChatMessage[] = [];
  ownRooms: readonly Partial<RoomInfo>[] = [];
  /** Takes a request before the mesh does; undefined lets it pass. */
  intercept: ((method: string, path: string, body: unknown) => Answered | undefined) | undefined;
  readonly requests: string[] = [];

  constructor(...names: readonly string[]) {
    this.nodes = names.map((name) => new FakeNode(name, this));
  }
  node(name: string): FakeNode {
    const node = this.nodes.find((candidate) => candidate.name === name);
    if (node === undefined) throw new Error(`no node ${name}`);
    return node;
  }

  get WebSocket(): SocketConstructor {
    const find = (url: string): FakeNode | undefined =>
      this.nodes.find((node) => url.startsWith(node.url.replace("http", "ws")));
    return class extends FakeSocket {
      constructor(url: string) {
        super(url, find(url));
      }
    };
  }

  readonly fetch = async (input: unknown, init?: RequestInit): Promise<Response> => {
    const url = new URL(String(input));
    const node = this.nodes.find((candidate) => candidate.url === url.origin);
    if (node === undefined || !node.alive) throw new TypeError("fetch failed");
    const path = `${decodeURIComponent(url.pathname)}${url.search}`;
    this.requests.push(`${init?.method} ${path} @${node.name}`);
    const body: unknown = init?.body === undefined ? undefined : JSON.parse(String(init.body));
    const answered = this.intercept?.(init?.method ?? "GET", path, body) ?? this.#answer(node, path, body);
    const headers = { "content-type": "application/json", ...answered.headers };
    return new Response(JSON.stringify(answered.body), { status: answered.status, headers });
  };

  #answer(node: FakeNode, path: string, body: unknown): Answered {
    const infos = this.nodes.map(({ name, url }) => ({ name, url, region: "", draining: false }));
    const ok = (answer: unknown): Answered => ({ status: 200, body: answer });
    if (path === "/v1/nodes") return ok({ nodes: infos, self: node.name });
    if (path === "/v1/sessions") return ok({ sessionId: "s1", token: "session-token", expiresAtMs: 1 });
    if (path.endsWith("/place"))
      return ok({
        chosen: { node: infos[0], rttMs: 1 },
        alternatives: infos.slice(1).map((info) => ({ node: info })),
        why: "It is the nearest.",
      });
    if (path.endsWith("/join")) return ok({ token: "room-token", expiresAtMs: 1, room: {} });
    if (path.startsWith("/v1/rooms?mine")) return ok({ rooms: this.ownRooms });
    if (path === "/v1/me") return ok({ userId: "u1", displayName: "Me", guest: true });
    if (path.includes("/changes")) return ok(this.#changes(path));
    if (path.includes("/messages?")) return ok(this.#page(path));
    if (path.endsWith("/messages")) return ok(this.#store(body as { text: string; clientId: string }));
    return { status: 404, body: { type: "about:blank", title: "Not found", status: 404, code: "not_found" } };
  }

  #changes(path: string): unknown {
    const after = new URLSearchParams(path.split("?")[1]).get("after");
    const newest = this.messages.at(-1)?.id ?? "0";
    const messages = after === null ? [] : this.messages.filter((message) => message.id > after);
    return { messages, cursor: newest, more: false };
  }

  #page(path: string): unknown {
    const after = new URLSearchParams(path.split("?")[1]).get("after") ?? "";
    return { messages: this.messages.filter((message) => message.id > after) };
  }

  #store(body: { text: string; clientId: string }): ChatMessage {
    const known = this.messages.find((message) => message.clientId === body.clientId);
    if (known !== undefined) return known;
    const id = `m${String(this.messages.length + 1).padStart(3, "0")}`;
    const message = { id, authorId: "u1", authorName: "Me", sentAtMs: 1, ...body };
    this.messages.push(message);
    return message;
  }
}

export function person(participantId: string, tracks: ParticipantInfo["tracks"] = []): ParticipantInfo {
  return {
    participantId,
    userId: `user-${participantId}`,
    displayName: participantId,
    role: "member",
    node: "a",
    tracks,
    state: "active",
    joinedAtMs: 1,
  };
}
