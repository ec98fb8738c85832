// Queries that members ask each other without the application. Spec section 6.10.

import { addressBytes } from "../address.ts";
import { type NodeName, nodeName } from "../types.ts";
import { encodeSerf } from "../wire/encode-serf.ts";
import type { SerfConflictMember, SerfQuery } from "../wire/messages.ts";
import { decodeUtf8 } from "../wire/utf8.ts";
import type { MemberList, SerfMember } from "./member-list.ts";

export const INTERNAL_PREFIX = "_serf_";
export const PING_QUERY = "_serf_ping";
export const CONFLICT_QUERY = "_serf_conflict";

/** Bytes to answer with, nothing to say, or a query that we do not know. */
export type InternalAnswer = Uint8Array | "silence" | "unknown";

export function answerInternal(
  query: SerfQuery,
  about: { readonly self: NodeName; readonly members: MemberList },
): InternalAnswer {
  switch (query.name) {
    case PING_QUERY:
      // The ack is the answer.
      return "silence";
    case CONFLICT_QUERY: {
      const text = decodeUtf8(query.payload);
      if (text === undefined || text === about.self) return "silence";
      const member = about.members.get(nodeName(text));
      return encodeSerf({ kind: "conflictResponse", member: member === undefined ? null : described(member) });
    }
    default:
      return "unknown";
  }
}

function described(member: SerfMember): SerfConflictMember {
  return {
    name: member.name,
    addr: addressBytes(member.endpoint.host) ?? new Uint8Array(0),
    port: member.endpoint.port,
    tags: new Map(Object.entries(member.tags)),
    status: member.status,
    vsn: member.vsn,
  };
}
