// The step of the schema that lets people and rooms change and end.

import type Libsql from "libsql";
import { diceOf } from "../dice.ts";

const COLUMNS = `
  ALTER TABLE user ADD COLUMN picture_id TEXT;
  ALTER TABLE user ADD COLUMN deleted_at_ms INTEGER;
  ALTER TABLE room ADD COLUMN description TEXT NOT NULL DEFAULT '';
  ALTER TABLE room ADD COLUMN picture_id TEXT;
  ALTER TABLE room ADD COLUMN deleted_at_ms INTEGER;
  -- Whether anything is left of a deleted room.
  ALTER TABLE room ADD COLUMN purged INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE room ADD COLUMN dice REAL NOT NULL DEFAULT 0;
`;

const INDEXES = `
  CREATE INDEX room_by_dice ON room (dice) WHERE access = 'open' AND deleted_at_ms IS NULL;
  CREATE INDEX room_to_purge ON room (deleted_at_ms) WHERE deleted_at_ms IS NOT NULL AND purged = 0;
`;

export function addRoomChanges(db: Libsql.Database): void {
  db.exec(COLUMNS);
  const throwDice = db.prepare("UPDATE room SET dice = ? WHERE id = ?");
  for (const { id } of db.prepare("SELECT id FROM room").all() as { id: string }[]) throwDice.run(diceOf(id), id);
  db.exec(INDEXES);
}
