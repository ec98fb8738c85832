// The step of the schema that lets rooms be picked by chance and end.

import { diceOf } from "../dice.ts";
import type { ArchiveModels, RoomDocument } from "./schemas.ts";

const BATCH = 500;

/** May be ended by a crash and done again. */
export async function addRoomChanges({ rooms }: ArchiveModels): Promise<void> {
  for (;;) {
    const rest = await rooms
      .find({ dice: { $exists: false } }, { _id: 1 })
      .limit(BATCH)
      .lean<RoomDocument[]>();
    if (rest.length === 0) break;
    for (const { _id } of rest) await rooms.updateOne({ _id }, { $set: { dice: diceOf(_id) } });
  }
  await rooms.createIndexes();
}
