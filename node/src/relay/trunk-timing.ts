/** How long the steps of a trunk may take, and how long it rests between attempts. */

/** For an offer to follow an ask, and for ICE and DTLS to finish. */
export const STEP_TIMEOUT_MS = 5_000;
export const IDLE_CLOSE_MS = 60_000;
/** A trunk that was silent this long is made anew; a shorter outage ends soonest with the trunk that there is. */
export const SILENT_GRACE_MS = 5_000;
export const FIRST_REST_MS = 250;
export const LONGEST_REST_MS = 15_000;
/** No version in common: that changes only when one of the two is replaced. */
export const VERSION_REST_MS = 60_000;

export function restAfter(failures: number): number {
  return failures === 0 ? 0 : Math.min(FIRST_REST_MS * 2 ** (failures - 1), LONGEST_REST_MS);
}
