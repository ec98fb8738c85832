/** A locked room takes nobody in but its owner, its moderators and whoever is inside already. */
import type { Archive } from "../store/archive.ts";

export class RoomLock {
  readonly #archive: Pick<Archive, "records">;

  constructor(archive: Pick<Archive, "records">) {
    this.#archive = archive;
  }

  async isLocked(roomId: string): Promise<boolean> {
    return (await this.#archive.records.get({ kind: "lock", id: roomId })) !== undefined;
  }

  /** Idempotent. */
  async set(roomId: string, locked: boolean): Promise<void> {
    const { records } = this.#archive;
    if (locked) await records.add({ kind: "lock", id: roomId, owner: roomId, value: {} });
    else await records.remove({ kind: "lock", id: roomId });
  }
}
