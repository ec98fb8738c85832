/** The person of the token: profile, password, and the way out. */
import type { Api } from "./api.ts";
import type { UploadOptions } from "./http.ts";
import type { ChangeMe, Credentials, UserInfo } from "./protocol/messages.ts";
import { addPicture } from "./rooms.ts";

export class Account {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  get(): Promise<UserInfo> {
    return this.#api.me();
  }
  async rename(displayName: string): Promise<UserInfo> {
    return this.#change({ displayName });
  }
  /** null takes it away. */
  async setPicture(picture: Blob | null, options: UploadOptions = {}): Promise<UserInfo> {
    return this.#change({ pictureId: picture === null ? null : await addPicture(this.#api, picture, options) });
  }
  /** Ends every other token and session of this person; `client.token` is a new one. Rejects with "bad_credentials". */
  async changePassword(current: string, next: string): Promise<UserInfo> {
    return this.#change({ password: { current, next } });
  }
  /** Everywhere but here; `client.token` is a new one. */
  async signOutEverywhere(): Promise<UserInfo> {
    return this.#change({ signOutEverywhere: true });
  }
  /** For good; what was said stays, by someone who left. Guests have no password. */
  async delete(password?: string): Promise<void> {
    await this.#api.send("DELETE", "/v1/me", password === undefined ? {} : { password }, { repeatable: false });
    this.#api.token = undefined;
    this.#api.user = undefined;
  }

  async #change(changes: ChangeMe): Promise<UserInfo> {
    return this.#api.use(await this.#api.send<Credentials>("PATCH", "/v1/me", changes));
  }
}
