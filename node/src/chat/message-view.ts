/** From a stored message to what clients are told. */
import type { ChatMessage, Reaction } from "#protocol";
import type { Archive, MessageRecord, ReactionRecord } from "../store/archive.ts";
import { linksOf } from "./links.ts";

/** How authors are called whose account is no more. */
export const SOMEONE_WHO_LEFT = "someone who left";
/** People named with a reaction; the count tells of the others. */
export const MAX_TOLD_REACTORS = 20;

export interface View {
  /** Who reads, where the words are for one reader. */
  readonly viewerId?: string;
  /** Sizes of threads by their opener. */
  readonly threadSizes?: ReadonlyMap<string, number>;
  /** Authors without an account. */
  readonly gone?: ReadonlySet<string>;
}

export function toChatMessage(record: MessageRecord, view: View = {}): ChatMessage {
  const { id, authorId, text, sentAtMs, clientId, replyTo, threadId, mentions, editedAtMs, deletedAtMs } = record;
  const hasLeft = view.gone?.has(authorId) === true;
  const links = linksOf(text);
  const threadSize = view.threadSizes?.get(id);
  return {
    id,
    authorId,
    authorName: hasLeft ? SOMEONE_WHO_LEFT : record.authorName,
    text,
    sentAtMs,
    clientId,
    changeId: record.changeId ?? id,
    ...(replyTo === undefined ? {} : { replyTo }),
    ...(threadId === undefined ? {} : { threadId }),
    ...(threadSize === undefined ? {} : { threadSize }),
    ...(editedAtMs === undefined ? {} : { editedAtMs }),
    ...(deletedAtMs === undefined ? {} : { deletedAtMs }),
    ...(mentions === undefined ? {} : { mentions }),
    ...(links.length === 0 ? {} : { links }),
    ...(record.reactions === undefined
      ? {}
      : { reactions: record.reactions.map((reaction) => toReaction(reaction, view.viewerId)) }),
    ...(hasLeft ? { authorLeft: true } : {}),
  };
}

function toReaction({ kind, userIds }: ReactionRecord, viewerId: string | undefined): Reaction {
  const told = { kind, count: userIds.length, userIds: userIds.slice(0, MAX_TOLD_REACTORS) };
  return viewerId === undefined ? told : { ...told, mine: userIds.includes(viewerId) };
}

/** Which of the authors have no account any more. One question to the store, whatever the page. */
export async function goneAmong(
  archive: Pick<Archive, "getUsers">,
  messages: readonly Pick<MessageRecord, "authorId">[],
): Promise<ReadonlySet<string>> {
  const authorIds = [...new Set(messages.map((message) => message.authorId))];
  const users = await archive.getUsers(authorIds);
  return new Set(users.filter((user) => user.deletedAtMs !== undefined).map((user) => user.id));
}
