// Changes of messages, and ways to find them, in MongoDB.

import type { MessageList } from "../archive.ts";
import type { TextsAdapter } from "../guarded-texts.ts";
import { applyChange } from "../text-changes.ts";
import { type ChangeOutcome, MAX_UNREAD, type TextChange } from "../texts.ts";
import { wordsOf } from "../words.ts";
import type { MongoConnection } from "./connection.ts";
import { isDuplicate } from "./duplicates.ts";
import { documentId, messageOf } from "./mongo-messages.ts";
import type { ArchiveModels, MessageDocument } from "./schemas.ts";

type MessageKey = { readonly roomId: string; readonly id: string };
type Search = Parameters<TextsAdapter["search"]>[0];

/** Others change the same message at the same moment. */
const MAX_ATTEMPTS = 20;

export function mongoTexts(db: MongoConnection): TextsAdapter {
  return {
    change: (key, change) => db.run("changeMessage", (models) => changeMessage(models, key, change)),
    listChanged: (roomId, page) => db.run("listChanged", (models) => listChanged(models, roomId, page)),
    newestChangeId: (roomId) =>
      db.run("newestChangeId", async ({ messages }) => {
        const newest = messages.find({ roomId }, { changeId: 1 }).sort({ changeId: -1 }).limit(1);
        return (await newest.lean<MessageDocument[]>())[0]?.changeId;
      }),
    threadSizes: (roomId, ids) => db.run("threadSizes", (models) => threadSizes(models, roomId, ids)),
    search: (query) => db.run("search", (models) => search(models, query)),
    unread: (query) => db.run("unread", (models) => unread(models, query)),
  };
}

async function changeMessage(models: ArchiveModels, key: MessageKey, change: TextChange): Promise<ChangeOutcome> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const outcome = await tryChange(models, key, change);
    if (outcome !== "raced") return outcome;
  }
  // As if the change had come a little later: the caller mints a new id and tries again.
  return { kind: "id_taken" };
}

/** A message is replaced by who knows its last change, whose id nothing else has. */
async function tryChange(models: ArchiveModels, key: MessageKey, change: TextChange): Promise<ChangeOutcome | "raced"> {
  const { messages } = models;
  const before = await messages.findById(documentId(key)).lean<MessageDocument>();
  if (before === null) return { kind: "unknown" };
  const applied = applyChange(messageOf(before), change);
  if (applied.kind !== "changed") return applied;
  if (change.kind === "move" && !(await mayMove(models, key, change.threadId))) return { kind: "bad_thread" };
  const { message } = applied;
  const words = message.text === before.text ? before.words : wordsOf(message.text);
  try {
    const { changeId = message.id } = message;
    const { matchedCount } = await messages.replaceOne(
      { _id: before._id, changeId: before.changeId },
      { ...message, changeId, words },
    );
    return matchedCount === 1 ? applied : "raced";
  } catch (error) {
    if (!isDuplicate(error)) throw error;
    return { kind: "id_taken" };
  }
}

async function mayMove({ messages }: ArchiveModels, key: MessageKey, threadId: string | null): Promise<boolean> {
  if (threadId === null) return true;
  if (threadId === key.id) return false;
  const { roomId } = key;
  const opener = await messages.findById(documentId({ roomId, id: threadId })).lean<MessageDocument>();
  if (opener === null || opener.threadId !== undefined || opener.deletedAtMs !== undefined) return false;
  return (await messages.find({ roomId, threadId: key.id }).limit(1).lean<MessageDocument[]>()).length === 0;
}

async function listChanged(
  { messages }: ArchiveModels,
  roomId: string,
  page: { readonly after?: string; readonly limit: number },
): Promise<MessageList> {
  const found = await messages
    .find(page.after === undefined ? { roomId } : { roomId, changeId: { $gt: page.after } })
    .sort({ changeId: 1 })
    .limit(page.limit + 1)
    .lean<MessageDocument[]>();
  return { messages: found.slice(0, page.limit).map(messageOf), more: found.length > page.limit };
}

async function threadSizes(
  { messages }: ArchiveModels,
  roomId: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const groups = await messages.aggregate<{ readonly _id: string; readonly size: number }>([
    { $match: { roomId, threadId: { $in: [...ids] } } },
    { $group: { _id: "$threadId", size: { $sum: 1 } } },
  ]);
  return new Map(groups.map((group) => [group._id, group.size]));
}

async function search(
  { messages }: ArchiveModels,
  query: Search,
): Promise<Awaited<ReturnType<TextsAdapter["search"]>>> {
  const { roomId, words, authorId, after, before, limit } = query;
  const range = { ...(after !== undefined && { $gt: after }), ...(before !== undefined && { $lt: before }) };
  const found = await messages
    .find({
      roomId,
      ...(words.length > 0 && { words: { $all: [...words] } }),
      ...(authorId !== undefined && { authorId }),
      ...(Object.keys(range).length > 0 && { id: range }),
      deletedAtMs: { $exists: false },
    })
    .sort({ id: -1 })
    .limit(limit + 1)
    .lean<MessageDocument[]>();
  const shown = found.slice(0, limit).map(messageOf);
  const last = shown.at(-1);
  return { messages: shown, ...(found.length > limit && last !== undefined && { next: last.id }) };
}

async function unread(
  { messages }: ArchiveModels,
  query: { readonly roomId: string; readonly userId: string; readonly after: string },
): Promise<{ readonly messages: number; readonly mentions: number }> {
  const found = await messages
    .find({ roomId: query.roomId, id: { $gt: query.after } }, { authorId: 1, deletedAtMs: 1, mentions: 1 })
    .sort({ id: 1 })
    .limit(MAX_UNREAD)
    .lean<MessageDocument[]>();
  const ofOthers = found.filter((one) => one.authorId !== query.userId && one.deletedAtMs === undefined);
  return {
    messages: ofOthers.length,
    mentions: ofOthers.filter((one) => one.mentions?.includes(query.userId) === true).length,
  };
}
