/** Whether each client's media is there: told to the client, shown to the room, and after 30 s the third door. */
import type { MediaEvent } from "../media/control.ts";
import type { Clock } from "../mesh/clock.ts";
import type { Member, RoomRegistry } from "./registry.ts";

/** The third door: media gone this long ends a session. */
export const MEDIA_GONE_MS = 30_000;

export class MediaPresence {
  readonly #registry: RoomRegistry;
  readonly #clock: Clock;
  readonly #gone: (sessionId: string) => void;
  /** Number of the media transport that last answered. */
  readonly #transports = new WeakMap<Member, number>();

  constructor(registry: RoomRegistry, clock: Clock, gone: (sessionId: string) => void) {
    this.#registry = registry;
    this.#clock = clock;
    this.#gone = gone;
  }

  answered(member: Member, transport: number | undefined): void {
    if (transport !== undefined) this.#transports.set(member, transport);
  }

  returned(member: Member): void {
    member.mediaLost = false;
    member.cancelGone?.();
    member.cancelGone = undefined;
  }

  /** The member whose state changed, to be shown. */
  changed(event: Extract<MediaEvent, { readonly kind: "peerState" }>): Member | undefined {
    const { peerId: sessionId, state, transport } = event;
    const member = this.#registry.member(sessionId);
    if (member === undefined) return undefined;
    // The end of a transport that a fresh offer has replaced is not the end of the media.
    if (transport !== undefined && transport < (this.#transports.get(member) ?? 0)) return undefined;
    member.client.notify({ type: "media", state });
    if (state === "connected") this.returned(member);
    else member.mediaLost = true;
    if (state === "gone" && member.cancelGone === undefined) {
      member.cancelGone = this.#clock.after(MEDIA_GONE_MS, () => {
        member.cancelGone = undefined;
        if (this.#registry.member(sessionId) === member) this.#gone(sessionId);
      });
    }
    return member;
  }
}
