// Messages in MongoDB.

import type { AppendMessageOutcome, MessageList, MessagePage, MessageRecord, NewMessageRecord } from "../archive.ts";
import { isDuplicate } from "./duplicates.ts";
import type { ArchiveModels, MessageDocument } from "./schemas.ts";

type MessageKey = { readonly roomId: string; readonly id: string };

export async function appendMessage(
  { messages }: ArchiveModels,
  message: NewMessageRecord,
  words: readonly string[],
): Promise<AppendMessageOutcome> {
  try {
    await messages.create({ _id: documentId(message), ...message, changeId: message.id, words });
    return { kind: "appended", message };
  } catch (error) {
    if (!isDuplicate(error)) throw error;
  }
  const { roomId, authorId, clientId } = message;
  const earlier = await messages.findOne({ roomId, authorId, clientId }).lean<MessageDocument>();
  return earlier === null ? { kind: "id_taken" } : { kind: "duplicate", message: messageOf(earlier) };
}

export async function getMessage({ messages }: ArchiveModels, key: MessageKey): Promise<MessageRecord | undefined> {
  const found = await messages.findById(documentId(key)).lean<MessageDocument>();
  return found === null ? undefined : messageOf(found);
}

export async function listMessages(
  { messages }: ArchiveModels,
  roomId: string,
  page: MessagePage,
): Promise<MessageList> {
  const range = {
    ...(page.after !== undefined && { $gt: page.after }),
    ...(page.before !== undefined && { $lt: page.before }),
  };
  const forward = page.after !== undefined;
  const found = await messages
    .find({
      roomId,
      ...(page.threadId !== undefined && { threadId: page.threadId }),
      ...(Object.keys(range).length > 0 && { id: range }),
    })
    .sort({ id: forward ? 1 : -1 })
    .limit(page.limit + 1)
    .lean<MessageDocument[]>();
  const listed = found.slice(0, page.limit).map(messageOf);
  return { messages: forward ? listed : listed.reverse(), more: found.length > page.limit };
}

export async function newestMessageId({ messages }: ArchiveModels, roomId: string): Promise<string | undefined> {
  const found = await messages.find({ roomId }).sort({ id: -1 }).limit(1).lean<MessageDocument[]>();
  return found[0]?.id;
}

export function documentId(key: MessageKey): string {
  return `${key.roomId} ${key.id}`;
}

export function messageOf({ _id, words: _, changeId, ...message }: MessageDocument): MessageRecord {
  return changeId === message.id ? message : { ...message, changeId };
}
