/**
 * Which worker serves which room: pinned with its first client or trunk stream, free again after the last. Pure.
 */

/** `Worker` is compared by identity. */
export class RoomPins<Worker> {
  readonly #workers: readonly Worker[];
  readonly #roomOfUser = new Map<string, string>();
  readonly #rooms = new Map<string, { readonly worker: Worker; readonly users: Set<string> }>();

  /** The first worker takes a room when several have equally few. */
  constructor(workers: readonly Worker[]) {
    this.#workers = workers;
  }

  workerOf(roomId: string): Worker | undefined {
    return this.#rooms.get(roomId)?.worker;
  }

  roomOf(userId: string): string | undefined {
    return this.#roomOfUser.get(userId);
  }

  /** A user (client or stream) enters a room; leaves any other. `wanted` decides only when the room is not pinned yet. */
  enter(userId: string, roomId: string, wanted?: Worker): Worker {
    if (this.#roomOfUser.get(userId) !== roomId) this.leave(userId);
    const room = this.#rooms.get(roomId) ?? { worker: wanted ?? this.#leastLoaded(), users: new Set<string>() };
    this.#rooms.set(roomId, room);
    room.users.add(userId);
    this.#roomOfUser.set(userId, roomId);
    return room.worker;
  }

  leave(userId: string): void {
    const roomId = this.#roomOfUser.get(userId);
    if (roomId === undefined) return;
    this.#roomOfUser.delete(userId);
    const room = this.#rooms.get(roomId);
    room?.users.delete(userId);
    if (room?.users.size === 0) this.#rooms.delete(roomId);
  }

  /** All users whose name starts so leave. */
  leaveAll(prefix: string): void {
    for (const userId of [...this.#roomOfUser.keys()]) if (userId.startsWith(prefix)) this.leave(userId);
  }

  /** Users of a worker that has died; none of them is pinned any more. */
  evict(worker: Worker): string[] {
    const users: string[] = [];
    for (const [roomId, room] of this.#rooms) {
      if (room.worker !== worker) continue;
      users.push(...room.users);
      this.#rooms.delete(roomId);
    }
    for (const userId of users) this.#roomOfUser.delete(userId);
    return users;
  }

  #leastLoaded(): Worker {
    const load = new Map<Worker, number>(this.#workers.map((worker) => [worker, 0]));
    for (const { worker, users } of this.#rooms.values()) load.set(worker, (load.get(worker) ?? 0) + users.size);
    const [best] = [...load].reduce((least, entry) => (entry[1] < least[1] ? entry : least));
    return best;
  }
}
