import { createHash } from "node:crypto";

/** The same person on the same device is one participant, over refreshes, sessions and nodes; neither can be read from it. */
export function participantIdOf(who: { readonly userId: string; readonly deviceId: string }): string {
  return createHash("sha256").update(`${who.userId}\n${who.deviceId}`).digest("base64url").slice(0, 16);
}
