// Answers that take detours, so that one lost datagram does not lose them. Spec section 6.9, "Relay".

import { addressBytes } from "../address.ts";
import { pickDistinct, type Random } from "../random.ts";
import type { Endpoint, NodeName } from "../types.ts";
import { encodeSerf } from "../wire/encode-serf.ts";
import type { MemberList, SerfMember } from "./member-list.ts";

/** memberlist's protocol from which on members know how to relay. */
const RELAYING_PROTOCOL = 5;
/** The wire allows 255, by which one small forged query would make us send a quarter of a megabyte. */
export const MAX_RELAYS = 16;

export interface RelayChoice {
  readonly factor: number;
  readonly members: MemberList;
  readonly self: NodeName;
  readonly random: Random;
}

/** Living members other than us that can relay; none when the cluster is too small for it to be worth it. */
export function chooseRelays({ factor, members, self, random }: RelayChoice): SerfMember[] {
  const count = Math.min(factor, MAX_RELAYS);
  if (count === 0 || members.size < count + 1) return [];
  const canRelay = (member: SerfMember): boolean =>
    member.status === "alive" && (member.vsn[1] ?? 0) >= RELAYING_PROTOCOL && member.name !== self;
  return pickDistinct(Array.from(members.all()), count, random, canRelay);
}

/** A complete Serf message for somebody else, to be passed on by whoever gets it. */
export function wrapForRelay(to: Endpoint, node: NodeName, payload: Uint8Array): Uint8Array | undefined {
  const addr = addressBytes(to.host);
  return addr === undefined ? undefined : encodeSerf({ kind: "relay", addr, port: to.port, node, payload });
}
