/** Whom a text names: "@handle" of people of the room. What looks like a handle is asked of the store. */
import type { Archive } from "../store/archive.ts";
import { handleKeyOf } from "../store/case-fold.ts";

/** Handles looked up for one message; further ones name nobody. */
export const MAX_NAMED = 20;
/** No letter before the @, or mail addresses would name people. */
const NAMED = /(?<![\p{L}\p{N}\p{M}._-])@([\p{L}\p{N}\p{M}._-]{2,64})/gu;
const TRAILING = /[._-]+$/;

/** Spellings without the @, each handle once. Pure. */
export function handlesIn(text: string): readonly string[] {
  const handles = new Map<string, string>();
  for (const [, named = ""] of text.matchAll(NAMED)) {
    if (handles.size === MAX_NAMED) break;
    const key = handleKeyOf(named);
    if (!handles.has(key)) handles.set(key, named);
  }
  return [...handles.values()];
}

/** Ids of members of the room, in the order in which the text names them. */
export async function mentionsOf(archive: Archive, roomId: string, text: string): Promise<readonly string[]> {
  const found = await Promise.all(handlesIn(text).map((handle) => memberCalled(archive, roomId, handle)));
  return [...new Set(found.filter((userId) => userId !== undefined))];
}

async function memberCalled(archive: Archive, roomId: string, handle: string): Promise<string | undefined> {
  // "@anna." ends a sentence, unless somebody is called "anna.".
  const short = handle.replace(TRAILING, "");
  const user =
    (await archive.findUserByHandle(handle)) ??
    (short === handle || short === "" ? undefined : await archive.findUserByHandle(short));
  if (user === undefined) return undefined;
  const member = await archive.getMember({ roomId, userId: user.id });
  return member === undefined ? undefined : user.id;
}
