/**
 * The HTTP side: every route of DESIGN section 9 that the SDK uses, on whichever node answers. All nodes are
 * equal, so a request that may be repeated goes to the next known node when one cannot be reached.
 */
import { failure, HearsayError } from "./errors.ts";
import type { ResolvedOptions } from "./options.ts";
import type {
  ChatMessage,
  Credentials,
  JoinTicket,
  MeshResponse,
  MessagePage,
  NodeInfo,
  NodesResponse,
  PlaceRequest,
  PlaceResponse,
  PostMessage,
  Problem,
  RoomInfo,
  RoomsResponse,
  SessionCredentials,
  UserInfo,
} from "./protocol/messages.ts";

/** Nodes remembered for the case that the first one dies; at the bound the newest are left out. */
const MAX_NODES = 32;

interface Call {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly body?: unknown;
  readonly token?: string;
  /** Doing it twice is harmless, so another node may be asked when one does not answer. */
  readonly repeatable: boolean;
}

export interface CreateRoom {
  readonly slug: string;
  readonly title?: string;
  readonly capacity?: number;
  readonly access?: "open" | "invite";
}
export interface HistoryQuery {
  readonly before?: string;
  readonly after?: string;
  /** 1 to 100. */
  readonly limit?: number;
}

const roomPath = (slug: string, rest = ""): string => `/v1/rooms/${encodeURIComponent(slug)}${rest}`;

export class Api {
  readonly #options: ResolvedOptions;
  #urls: readonly string[];
  /** User token; undefined before anybody entered. */
  token: string | undefined;

  constructor(options: ResolvedOptions) {
    this.#options = options;
    this.#urls = [options.url];
    this.token = options.token;
  }

  /** Base URLs that are asked, in this order. */
  get urls(): readonly string[] {
    return this.#urls;
  }

  /** The node that serves us now is asked first. */
  prefer(url: string): void {
    this.#urls = [url, ...this.#urls.filter((other) => other !== url)].slice(0, MAX_NODES);
  }

  /** These did not answer lately: they are asked last. */
  demote(urls: readonly string[]): void {
    const last = new Set(urls);
    this.#urls = [...this.#urls.filter((url) => !last.has(url)), ...this.#urls.filter((url) => last.has(url))];
  }

  remember(nodes: readonly NodeInfo[]): void {
    this.#urls = [...new Set([...this.#urls, ...nodes.map((node) => node.url.replace(/\/+$/, ""))])].slice(
      0,
      MAX_NODES,
    );
  }

  async register(body: { handle: string; displayName: string; password: string }): Promise<UserInfo> {
    return this.#enter("/v1/users", body);
  }
  async login(body: { handle: string; password: string }): Promise<UserInfo> {
    return this.#enter("/v1/login", body);
  }
  async guest(body: { displayName: string }): Promise<UserInfo> {
    return this.#enter("/v1/guests", body);
  }
  async me(): Promise<UserInfo> {
    // Some answer the bare person, some wrap it.
    const answer = await this.#get<UserInfo | { readonly user: UserInfo }>("/v1/me");
    return "user" in answer ? answer.user : answer;
  }

  async nodes(): Promise<NodesResponse> {
    const answer = await this.#get<NodesResponse>("/v1/nodes");
    this.remember(answer.nodes);
    return answer;
  }
  async mesh(): Promise<MeshResponse> {
    return this.#get("/v1/mesh");
  }

  async createRoom(body: CreateRoom): Promise<RoomInfo> {
    return this.#call({ method: "POST", path: "/v1/rooms", body, repeatable: false, ...this.#auth() });
  }
  async room(slug: string): Promise<RoomInfo> {
    return this.#get(roomPath(slug));
  }
  async myRooms(): Promise<readonly RoomInfo[]> {
    const answer = await this.#get<RoomsResponse>("/v1/rooms?mine=true");
    return answer.rooms;
  }

  async session(deviceId: string): Promise<SessionCredentials> {
    return this.#call({ method: "POST", path: "/v1/sessions", body: { deviceId }, repeatable: true, ...this.#auth() });
  }
  async place(slug: string, body: PlaceRequest): Promise<PlaceResponse> {
    return this.#call({ method: "POST", path: roomPath(slug, "/place"), body, repeatable: true, ...this.#auth() });
  }
  async ticket(slug: string, sessionToken: string): Promise<JoinTicket> {
    const path = roomPath(slug, "/join");
    return this.#call({ method: "POST", path, body: {}, repeatable: true, token: sessionToken });
  }

  async history(slug: string, query: HistoryQuery): Promise<MessagePage> {
    const search = new URLSearchParams(Object.entries(query).map(([key, value]) => [key, String(value)]));
    return this.#get(roomPath(slug, `/messages?${search}`));
  }
  async post(slug: string, body: PostMessage): Promise<ChatMessage> {
    // The client id makes it the same message however often it is sent.
    const path = roomPath(slug, "/messages");
    const answer = await this.#call<ChatMessage | { readonly message: ChatMessage }>({
      method: "POST",
      path,
      body,
      repeatable: true,
      ...this.#auth(),
    });
    return "message" in answer ? answer.message : answer;
  }

  async #enter(path: string, body: unknown): Promise<UserInfo> {
    const credentials = await this.#call<Credentials>({ method: "POST", path, body, repeatable: false });
    this.token = credentials.token;
    return credentials.user;
  }

  #auth(): { readonly token?: string } {
    return this.token === undefined ? {} : { token: this.token };
  }

  async #get<T>(path: string): Promise<T> {
    return this.#call({ method: "GET", path, repeatable: true, ...this.#auth() });
  }

  async #call<T>(call: Call): Promise<T> {
    const urls = call.repeatable ? this.#urls : this.#urls.slice(0, 1);
    let unreachable = new HearsayError("network", "No node could be reached.");
    for (const url of urls) {
      try {
        return await this.#fetch<T>(url, call);
      } catch (error) {
        if (!(error instanceof HearsayError) || error.status !== undefined) throw error;
        unreachable = error;
      }
    }
    throw unreachable;
  }

  async #fetch<T>(url: string, call: Call): Promise<T> {
    const abort = new AbortController();
    const cancel = this.#options.schedule(() => abort.abort(), this.#options.requestTimeoutMs);
    const headers: Record<string, string> = { accept: "application/json" };
    if (call.body !== undefined) headers["content-type"] = "application/json";
    if (call.token !== undefined) headers["authorization"] = `Bearer ${call.token}`;
    const body = call.body === undefined ? {} : { body: JSON.stringify(call.body) };
    try {
      const init = {
        method: call.method,
        headers,
        signal: abort.signal,
        credentials: "omit",
        cache: "no-store",
        ...body,
      };
      const response = await this.#options.fetch(`${url}${call.path}`, init as RequestInit);
      return await decode<T>(response);
    } catch (error) {
      if (error instanceof HearsayError) throw error;
      const code = abort.signal.aborted ? "timeout" : "network";
      throw failure(code, `${call.method} ${call.path.split("?")[0]} was not answered.`, { cause: error });
    } finally {
      cancel();
    }
  }
}

async function decode<T>(response: Response): Promise<T> {
  const text = await response.text();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw failure("bad_response", `A node answered ${response.status} without JSON.`, {
      cause: error,
      status: response.status,
    });
  }
  if (typeof value !== "object" || value === null)
    throw new HearsayError("bad_response", "A node answered something unexpected.", { status: response.status });
  if (response.ok) return value as T;
  throw problemError(value as Partial<Problem>, response);
}

function problemError(problem: Partial<Problem>, response: Response): HearsayError {
  const retryAfterS = Number(response.headers.get("retry-after") ?? Number.NaN);
  return new HearsayError(
    typeof problem.code === "string" ? problem.code : "bad_response",
    problem.detail ?? problem.title ?? `A node answered ${response.status}.`,
    {
      status: response.status,
      ...(Number.isFinite(retryAfterS) ? { retryAfterMs: retryAfterS * 1_000 } : {}),
      ...(Array.isArray(problem.errors) ? { fields: problem.errors } : {}),
    },
  );
}
