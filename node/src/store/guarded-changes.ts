// Argument checks of what changes people and rooms.

import { MAX_TEXT_CHARS, type RoomChanges, type UserChanges } from "./archive.ts";
import { bad, POSITIVE, requireId, requireInteger, requireOneOf, requireText, storableText } from "./checks.ts";

const NAME = { min: 0, max: 1024 } as const;
const KEY = { min: 1, max: 1024 } as const;
const DESCRIPTION = { min: 0, max: MAX_TEXT_CHARS } as const;

export function checkedUserChanges(changes: UserChanges): UserChanges {
  const { displayName, passwordHash, pictureId } = changes;
  if (displayName !== undefined) requireText(displayName, "displayName", NAME);
  if (passwordHash !== undefined) requireText(passwordHash, "passwordHash", KEY);
  if (pictureId !== undefined && pictureId !== null) requireId(pictureId, "pictureId");
  requireSomething(changes);
  return displayName === undefined ? changes : { ...changes, displayName: storableText(displayName) };
}

export function checkedRoomChanges(changes: RoomChanges): RoomChanges {
  const { names, title, description, pictureId, access, capacity, ownerId } = changes;
  if (names !== undefined)
    for (const name of ["slug", "slugKey", "skeleton"] as const) requireText(names[name], name, KEY);
  if (title !== undefined) requireText(title, "title", NAME);
  if (description !== undefined) requireText(description, "description", DESCRIPTION);
  if (pictureId !== undefined && pictureId !== null) requireId(pictureId, "pictureId");
  if (access !== undefined) requireOneOf(access, "access", ["open", "invite"]);
  if (capacity !== undefined) requireInteger(capacity, "capacity", POSITIVE);
  if (ownerId !== undefined) requireId(ownerId, "ownerId");
  requireSomething(changes);
  return {
    ...changes,
    ...(names !== undefined && {
      names: {
        slug: storableText(names.slug),
        slugKey: storableText(names.slugKey),
        skeleton: storableText(names.skeleton),
      },
    }),
    ...(title !== undefined && { title: storableText(title) }),
    ...(description !== undefined && { description: storableText(description) }),
  };
}

function requireSomething(changes: object): void {
  if (Object.values(changes).every((value) => value === undefined)) throw bad("nothing is to be changed");
}
