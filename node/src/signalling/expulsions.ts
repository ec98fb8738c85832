/**
 * Ends live sessions on every node: of a person who signed out everywhere or is no more, of somebody who was removed from a
 * room, of everybody in a room that is no more. A notice that is lost does no lasting harm: the records behind it refuse
 * whatever such a session asks for next.
 */
import { type Clock, pause } from "../mesh/clock.ts";
import type { Log } from "../mesh/log.ts";
import { type Mesh, MeshError } from "../mesh/mesh.ts";
import { isCount, isFields, isText } from "../mesh/shape.ts";
import type { SessionHub } from "./hub.ts";

const TOPIC_REVOKED = "session.revoked";
const TOPIC_EXPELLED = "session.expelled";
const NOTICE_TIMEOUT_MS = 5_000;
const RETRY_AFTER_MS = 1_000;
const ATTEMPTS = 2;
const MAX_ID = 128;

export class Expulsions {
  readonly #parts: {
    readonly mesh: Mesh;
    readonly hub: Pick<SessionHub, "revoke" | "expel">;
    readonly clock: Clock;
    readonly log: Log;
  };
  #unhandle: (() => void)[] = [];

  constructor(parts: {
    readonly mesh: Mesh;
    readonly hub: Pick<SessionHub, "revoke" | "expel">;
    readonly clock: Clock;
    readonly log: Log;
  }) {
    this.#parts = parts;
  }

  start(): void {
    const { mesh } = this.#parts;
    this.#unhandle = [
      mesh.handle(TOPIC_REVOKED, (_from, body) => this.#onRevoked(body)),
      mesh.handle(TOPIC_EXPELLED, (_from, body) => this.#onExpelled(body)),
    ];
  }

  stop(): void {
    for (const unhandle of this.#unhandle) unhandle();
    this.#unhandle = [];
  }

  /** Every session that began with a token of the person below `version`. */
  revoke(userId: string, version: number): void {
    this.#parts.hub.revoke(userId, version);
    this.#tellAll(TOPIC_REVOKED, { userId, version });
  }

  /** Sessions in a room: those of one person, or all. */
  expel(roomId: string, userId?: string): void {
    this.#parts.hub.expel(roomId, userId);
    this.#tellAll(TOPIC_EXPELLED, { roomId, ...(userId === undefined ? {} : { userId }) });
  }

  #tellAll(topic: string, body: object): void {
    const { mesh, log } = this.#parts;
    for (const { name } of mesh.nodes())
      if (name !== mesh.self.name)
        this.#tell(name, topic, body).catch((error: unknown) =>
          log.warn({ node: name, topic, error: String(error) }, "a notice to end sessions was lost"),
        );
  }

  async #tell(node: string, topic: string, body: object): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#parts.mesh.request(node, topic, body, { timeoutMs: NOTICE_TIMEOUT_MS });
        return;
      } catch (error) {
        if (attempt >= ATTEMPTS || !(error instanceof MeshError) || error.code !== "timeout") throw error;
        await pause(this.#parts.clock, RETRY_AFTER_MS);
      }
    }
  }

  #onRevoked(body: unknown): null {
    if (isFields(body) && isText(body["userId"], MAX_ID) && isCount(body["version"]))
      this.#parts.hub.revoke(body["userId"], body["version"]);
    return null;
  }

  #onExpelled(body: unknown): null {
    if (!isFields(body) || !isText(body["roomId"], MAX_ID)) return null;
    const { roomId, userId } = body;
    if (userId === undefined || isText(userId, MAX_ID)) this.#parts.hub.expel(roomId, userId);
    return null;
  }
}
