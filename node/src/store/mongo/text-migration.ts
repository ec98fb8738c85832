// The step of the schema that lets messages change and be found: every earlier message gets its words and its first change.

import { wordsOf } from "../words.ts";
import type { ArchiveModels, MessageDocument } from "./schemas.ts";

const BATCH = 500;

/** May be ended by a crash and done again: what has a changeId already is left alone. */
export async function addTextChanges({ messages }: ArchiveModels): Promise<void> {
  for (;;) {
    const rest = await messages
      .find({ changeId: { $exists: false } })
      .limit(BATCH)
      .lean<MessageDocument[]>();
    if (rest.length === 0) break;
    for (const { _id, id, text } of rest)
      await messages.updateOne({ _id }, { $set: { changeId: id, words: wordsOf(text) } });
  }
  await messages.createIndexes();
}
