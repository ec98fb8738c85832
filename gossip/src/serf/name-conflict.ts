// Two nodes claim one name: whoever the others do not mean gives way. Spec section 6.10.

import { endpointOf } from "../address.ts";
import type { Endpoint } from "../types.ts";
import { decodeSerf } from "../wire/decode-serf.ts";

export interface Verdict {
  readonly kept: boolean;
  /** Readable answers; "never heard of it" is one. */
  readonly answers: number;
  /** Those that mean us. */
  readonly matching: number;
}

/**
 * A majority of the answers keeps the name. Nobody answering keeps it as well, where the reference gives up: else one
 * forged packet would end a member that is alone.
 */
export function judgeConflict(payloads: readonly Uint8Array[], self: Endpoint): Verdict {
  let answers = 0;
  let matching = 0;
  for (const payload of payloads) {
    const decoded = decodeSerf(payload);
    if (!decoded.ok || decoded.value.kind !== "conflictResponse") continue;
    answers += 1;
    const { member } = decoded.value;
    const endpoint = member === null ? undefined : endpointOf(member.addr, member.port);
    if (endpoint?.host === self.host && endpoint.port === self.port) matching += 1;
  }
  const majority = Math.floor(answers / 2) + 1;
  return { kept: answers === 0 || matching >= majority, answers, matching };
}
