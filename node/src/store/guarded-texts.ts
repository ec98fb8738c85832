// The part of the contract of texts that does not depend on the server: argument checks, storable text, words.

import { MAX_MENTIONS, MAX_PAGE, MAX_TEXT_CHARS } from "./archive.ts";
import {
  ANY_COUNT,
  bad,
  requireId,
  requireInteger,
  requireOneOf,
  requireOptionalId,
  requireText,
  storableText,
} from "./checks.ts";
import { MAX_SEARCH_WORDS, type SearchQuery, type SearchResult, type TextChange, type Texts } from "./texts.ts";
import { searchWordsOf } from "./words.ts";

/** What an adapter supplies: arguments are checked, searches are words. */
export interface TextsAdapter extends Omit<Texts, "search"> {
  search(query: Omit<SearchQuery, "text"> & { readonly words: readonly string[] }): Promise<SearchResult>;
}

const PAGE = { min: 1, max: MAX_PAGE } as const;

export function guardTexts(open: () => TextsAdapter): Texts {
  return {
    change: async (key, change) => {
      requireId(key.roomId, "roomId");
      requireId(key.id, "id");
      return await open().change(key, checkedChange(change));
    },
    listChanged: async (roomId, page) => {
      requireId(roomId, "roomId");
      requireOptionalId(page.after, "after");
      requireInteger(page.limit, "limit", PAGE);
      return await open().listChanged(roomId, page);
    },
    newestChangeId: async (roomId) => {
      requireId(roomId, "roomId");
      return await open().newestChangeId(roomId);
    },
    threadSizes: async (roomId, ids) => {
      requireId(roomId, "roomId");
      if (ids.length > MAX_PAGE) throw bad("too many ids");
      for (const id of ids) requireId(id, "ids");
      return ids.length === 0 ? new Map() : await open().threadSizes(roomId, ids);
    },
    search: async ({ text, ...query }) => {
      requireId(query.roomId, "roomId");
      for (const name of ["authorId", "after", "before"] as const) requireOptionalId(query[name], name);
      requireInteger(query.limit, "limit", PAGE);
      requireText(text, "text", { min: 0, max: MAX_TEXT_CHARS });
      const words = searchWordsOf(storableText(text), MAX_SEARCH_WORDS);
      // A text of which no word is left (blanks, punctuation) is in no message.
      if (words.length === 0 && text !== "") return { messages: [] };
      return await open().search({ ...query, words });
    },
    unread: async (query) => {
      for (const name of ["roomId", "userId", "after"] as const) requireId(query[name], name);
      return await open().unread(query);
    },
  };
}

function checkedChange(change: TextChange): TextChange {
  requireOneOf(change.kind, "kind", ["edit", "delete", "react", "move"]);
  requireId(change.changeId, "changeId");
  switch (change.kind) {
    case "edit":
      requireText(change.text, "text", { min: 0, max: MAX_TEXT_CHARS });
      requireMentions(change.mentions);
      requireInteger(change.atMs, "atMs", ANY_COUNT);
      return { ...change, text: storableText(change.text) };
    case "delete":
      requireInteger(change.atMs, "atMs", ANY_COUNT);
      return change;
    case "react":
      requireId(change.userId, "userId");
      requireText(change.reaction, "reaction", { min: 1, max: 64 });
      if (typeof change.on !== "boolean") throw bad("on is not a boolean");
      return { ...change, reaction: storableText(change.reaction) };
    case "move":
      if (change.threadId !== null) requireId(change.threadId, "threadId");
      return change;
  }
}

export function requireMentions(mentions: unknown): void {
  if (mentions === undefined) return;
  if (!Array.isArray(mentions) || mentions.length > MAX_MENTIONS) throw bad("mentions is not a short list");
  for (const id of mentions) requireId(id, "mentions");
}
