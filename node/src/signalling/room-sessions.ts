/** Which live sessions of this node are in which room, for words that everybody in a room hears. */
import type { Unsequenced } from "#protocol";

export interface RoomListener {
  readonly userId: string;
  notify(message: Unsequenced): void;
}

export class RoomSessions<Session extends RoomListener> {
  readonly #rooms = new Map<string, Set<Session>>();

  enter(roomId: string, session: Session): void {
    const inside = this.#rooms.get(roomId);
    if (inside === undefined) this.#rooms.set(roomId, new Set([session]));
    else inside.add(session);
  }

  leave(roomId: string, session: Session): void {
    const inside = this.#rooms.get(roomId);
    inside?.delete(session);
    if (inside?.size === 0) this.#rooms.delete(roomId);
  }

  /** A copy: whoever is told may leave at that. */
  in(roomId: string): readonly Session[] {
    return [...(this.#rooms.get(roomId) ?? [])];
  }

  /** Everybody here hears it, but for the sessions of `exceptUserId`. */
  tell(roomId: string, message: Unsequenced, exceptUserId?: string): void {
    for (const session of this.in(roomId)) if (session.userId !== exceptUserId) session.notify(message);
  }
}
