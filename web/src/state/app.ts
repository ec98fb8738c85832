/** The client of this page and the person who uses it. */
import { signal } from "@preact/signals";
import { codeOf, Hearsay, type RoomInfo, type UserInfo } from "../../../client-sdk/src/index.ts";
import { maybe, t } from "./i18n.ts";

const TOKEN_KEY = "hearsay.user";

export const client = new Hearsay({ url: location.origin });
/** Undefined until it is known; null when nobody came in yet. */
export const user = signal<UserInfo | null | undefined>(undefined);

export async function startUser(): Promise<void> {
  const token = localStorage.getItem(TOKEN_KEY);
  if (token === null) {
    user.value = null;
    return;
  }
  client.token = token;
  try {
    user.value = await client.me();
  } catch (error) {
    // A node that is away says nothing about the token: it is kept, and the person asked again.
    if (/^token_|unauthenticated/.test(codeOf(error))) logout();
    else user.value = null;
  }
}

async function enter(work: () => Promise<UserInfo>): Promise<void> {
  const entered = await work();
  if (client.token !== undefined) localStorage.setItem(TOKEN_KEY, client.token);
  user.value = entered;
}
/** After a change of the account: the person anew, and perhaps another token. */
export const renew = enter;
/** Without being known one becomes a guest of the room. */
export async function acceptInvite(code: string, displayName: string): Promise<RoomInfo> {
  const isKnown = user.value !== null && user.value !== undefined;
  const room = await client.invites.accept(code, isKnown ? {} : { displayName });
  if (!isKnown) await enter(() => client.account.get());
  return room;
}
export const enterAsGuest = (displayName: string): Promise<void> => enter(() => client.guest({ displayName }));
export const login = (handle: string, password: string): Promise<void> =>
  enter(() => client.login({ handle, password }));
export const register = (handle: string, displayName: string, password: string): Promise<void> =>
  enter(() => client.register({ handle, displayName, password }));

export function logout(): void {
  localStorage.removeItem(TOKEN_KEY);
  client.token = undefined;
  user.value = null;
}

/** What went wrong, in words. */
export function messageOf(error: unknown): string {
  const code = codeOf(error);
  return maybe(`error.${code}`) ?? t("error.other", { code });
}
