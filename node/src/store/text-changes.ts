// What a change makes of a message: the same for every store. Pure.

import type { MessageRecord, ReactionRecord } from "./archive.ts";
import { MAX_EDITS, MAX_REACTION_KINDS, MAX_REACTIONS, type TextChange } from "./texts.ts";

export type Applied =
  | { readonly kind: "changed" | "same"; readonly message: MessageRecord }
  | { readonly kind: "deleted" | "too_many" };

/** Whether the thread of a "move" is one, the store has looked up before. */
export function applyChange(message: MessageRecord, change: TextChange): Applied {
  if (message.deletedAtMs !== undefined && change.kind !== "delete") return { kind: "deleted" };
  switch (change.kind) {
    case "delete":
      return remove(message, change);
    case "edit":
      return edit(message, change);
    case "react":
      return react(message, change);
    case "move":
      return move(message, change);
  }
}

function edit(message: MessageRecord, change: Extract<TextChange, { kind: "edit" }>): Applied {
  if (message.text === change.text) return { kind: "same", message };
  const edits = (message.edits ?? 0) + 1;
  if (edits > MAX_EDITS) return { kind: "too_many" };
  const { mentions: _, ...rest } = message;
  const mentions = change.mentions.length === 0 ? {} : { mentions: change.mentions };
  return changed({ ...rest, ...mentions, text: change.text, edits, editedAtMs: change.atMs }, change);
}

/** Its place, author, time and thread stay; what it said goes. */
function remove(message: MessageRecord, change: Extract<TextChange, { kind: "delete" }>): Applied {
  if (message.deletedAtMs !== undefined) return { kind: "same", message };
  const { mentions: _mentions, reactions: _reactions, editedAtMs: _at, edits: _edits, ...rest } = message;
  return changed({ ...rest, text: "", deletedAtMs: change.atMs }, change);
}

function react(message: MessageRecord, change: Extract<TextChange, { kind: "react" }>): Applied {
  const { reaction: kind, userId, on } = change;
  const { reactions: before = [], ...rest } = message;
  const known = before.find((reaction) => reaction.kind === kind);
  if ((known?.userIds.includes(userId) ?? false) === on) return { kind: "same", message };
  if (on && isFull(before, known)) return { kind: "too_many" };
  const after = on ? withReaction(before, kind, userId) : withoutReaction(before, kind, userId);
  return changed(after.length === 0 ? rest : { ...rest, reactions: after }, change);
}

function isFull(reactions: readonly ReactionRecord[], known: ReactionRecord | undefined): boolean {
  const total = reactions.reduce((sum, reaction) => sum + reaction.userIds.length, 0);
  return total >= MAX_REACTIONS || (known === undefined && reactions.length >= MAX_REACTION_KINDS);
}

function withReaction(reactions: readonly ReactionRecord[], kind: string, userId: string): readonly ReactionRecord[] {
  if (!reactions.some((reaction) => reaction.kind === kind)) return [...reactions, { kind, userIds: [userId] }];
  return reactions.map((reaction) =>
    reaction.kind === kind ? { kind, userIds: [...reaction.userIds, userId] } : reaction,
  );
}

function withoutReaction(
  reactions: readonly ReactionRecord[],
  kind: string,
  userId: string,
): readonly ReactionRecord[] {
  return reactions
    .map((reaction) =>
      reaction.kind === kind ? { kind, userIds: reaction.userIds.filter((id) => id !== userId) } : reaction,
    )
    .filter((reaction) => reaction.userIds.length > 0);
}

function move(message: MessageRecord, change: Extract<TextChange, { kind: "move" }>): Applied {
  const { threadId, ...rest } = message;
  if (threadId === (change.threadId ?? undefined)) return { kind: "same", message };
  return changed(change.threadId === null ? rest : { ...rest, threadId: change.threadId }, change);
}

function changed(message: MessageRecord, { changeId }: TextChange): Applied {
  return { kind: "changed", message: { ...message, changeId } };
}
