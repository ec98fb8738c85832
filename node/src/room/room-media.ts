/** Everything in the live rooms that listens to the media plane, or is carried by it besides tracks. */
import type { MediaEvent, MediaPlane } from "../media/control.ts";
import type { Clock } from "../mesh/clock.ts";
import type { Log } from "../mesh/log.ts";
import type { Mesh } from "../mesh/mesh.ts";
import { Adaptation } from "./adaptation.ts";
import { MediaPresence } from "./media-presence.ts";
import { type ModeratedRooms, Moderation } from "./moderation.ts";
import { QualityWatch } from "./quality-watch.ts";
import type { RoomRegistry } from "./registry.ts";
import { RoomData } from "./room-data.ts";

export interface RoomMediaParts {
  readonly mesh: Mesh;
  readonly media: MediaPlane;
  readonly clock: Clock;
  readonly log: Log;
  readonly registry: RoomRegistry;
  /** Of this run of the node. */
  readonly boot: string;
  /** Other nodes that serve the room. */
  readonly peersOf: (roomId: string) => readonly string[];
}

export interface MediaRooms extends ModeratedRooms {
  mediaGone(sessionId: string): void;
}

export class RoomMedia {
  readonly presence: MediaPresence;
  readonly data: RoomData;
  readonly moderation: Moderation;
  readonly quality: QualityWatch;
  readonly #parts: RoomMediaParts;
  readonly #adaptation: Adaptation;
  readonly #rooms: MediaRooms;

  constructor(parts: RoomMediaParts, rooms: MediaRooms) {
    const { registry, clock } = parts;
    this.#parts = parts;
    this.#rooms = rooms;
    const refused: MediaRooms["refused"] = (code, from) => rooms.refused(code, from);
    this.presence = new MediaPresence(registry, clock, (sessionId) => rooms.mediaGone(sessionId));
    this.#adaptation = new Adaptation(registry, clock);
    this.data = new RoomData({ ...parts, refused });
    this.quality = new QualityWatch({ ...parts, refused });
    this.moderation = new Moderation(parts, rooms);
  }

  start(): void {
    for (const part of [this.data, this.moderation, this.quality]) part.start();
  }

  stop(): void {
    for (const part of [this.data, this.moderation, this.quality]) part.stop();
  }

  handle(event: MediaEvent): void {
    const { registry, clock, mesh, log } = this.#parts;
    switch (event.kind) {
      case "peerState": {
        const member = this.presence.changed(event);
        if (member !== undefined) this.#rooms.update(member);
        return;
      }
      case "levels":
        registry.find(event.roomId)?.hear(mesh.self.name, event.levels, clock.nowMs());
        registry.arm(event.roomId);
        return;
      case "localDemand":
        this.#adaptation.demanded(event);
        return;
      case "slotState":
        this.#adaptation.slotChanged(event);
        return;
      case "data":
        this.data.said(event);
        return;
      case "workerFailed":
        log.error({ message: event.message }, "a media worker ended; its peers must offer again");
        return;
      // The relay's.
      case "demand":
      case "trunkState":
      case "dataOpen":
    }
  }
}
