/** The ways in over HTTP: who one is, which node, a session and a ticket. Rooms, text and the rest have files of their own. */
import { Http, roomPath } from "./http.ts";
import type {
  Credentials,
  JoinTicket,
  MeshResponse,
  NodesResponse,
  PlaceRequest,
  PlaceResponse,
  SessionCredentials,
  UserInfo,
} from "./protocol/messages.ts";

export class Api extends Http {
  /** The person of the token, as soon as a node told. */
  user: UserInfo | undefined;

  register(body: { handle: string; displayName: string; password: string }): Promise<UserInfo> {
    return this.#enter("/v1/users", body);
  }
  login(body: { handle: string; password: string }): Promise<UserInfo> {
    return this.#enter("/v1/login", body);
  }
  guest(body: { displayName: string }): Promise<UserInfo> {
    return this.#enter("/v1/guests", body);
  }
  async me(): Promise<UserInfo> {
    this.user = await this.get<UserInfo>("/v1/me");
    return this.user;
  }
  /** From now on the client acts for this person. */
  use(credentials: Credentials): UserInfo {
    this.token = credentials.token;
    this.user = credentials.user;
    return credentials.user;
  }

  async nodes(): Promise<NodesResponse> {
    const answer = await this.get<NodesResponse>("/v1/nodes");
    this.remember(answer.nodes);
    return answer;
  }
  mesh(): Promise<MeshResponse> {
    return this.get("/v1/mesh");
  }

  session(deviceId: string): Promise<SessionCredentials> {
    return this.send("POST", "/v1/sessions", { deviceId }, { repeatable: true });
  }
  place(slug: string, body: PlaceRequest): Promise<PlaceResponse> {
    return this.send("POST", roomPath(slug, "/place"), body, { repeatable: true });
  }
  ticket(slug: string, sessionToken: string): Promise<JoinTicket> {
    return this.send("POST", roomPath(slug, "/join"), {}, { repeatable: true, token: sessionToken });
  }

  async #enter(path: string, body: unknown): Promise<UserInfo> {
    return this.use(await this.send<Credentials>("POST", path, body));
  }
}
