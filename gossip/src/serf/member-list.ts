// Serf's view of members: what they are to people. It outlives membership's records, because a failed member is tried
// again for a day and one that left is remembered as having left. Spec section 6.2.

import type { MemberRecord } from "../membership/member.ts";
import type { Member, MemberStatus } from "../sink.ts";
import {
  type Endpoint,
  type Incarnation,
  type InstantMs,
  type LamportTime,
  lamportTime,
  type NodeName,
  type Tags,
} from "../types.ts";
import { decodeTags } from "../wire/meta.ts";

export interface SerfMember {
  readonly name: NodeName;
  endpoint: Endpoint;
  tags: Tags;
  vsn: Uint8Array;
  incarnation: Incarnation;
  status: MemberStatus;
  /** Of the last intent that was accepted; older ones are history. */
  statusTime: LamportTime;
  /** When it failed or left. */
  goneMs: InstantMs;
  /** When it was last said to be leaving. */
  leavingMs: InstantMs;
}

export class MemberList {
  readonly #byName = new Map<NodeName, SerfMember>();
  readonly #count: Record<MemberStatus, number> = { alive: 0, leaving: 0, left: 0, failed: 0 };

  get size(): number {
    return this.#byName.size;
  }

  count(status: MemberStatus): number {
    return this.#count[status];
  }

  get(name: NodeName): SerfMember | undefined {
    return this.#byName.get(name);
  }

  all(): IterableIterator<SerfMember> {
    return this.#byName.values();
  }

  withStatus(status: MemberStatus): SerfMember[] {
    const found: SerfMember[] = [];
    if (this.#count[status] === 0) return found;
    for (const member of this.#byName.values()) if (member.status === status) found.push(member);
    return found;
  }

  add(record: MemberRecord): SerfMember {
    const member: SerfMember = {
      name: record.name,
      endpoint: record.endpoint,
      tags: decodeTags(record.meta),
      vsn: record.vsn,
      incarnation: record.incarnation,
      status: "alive",
      statusTime: lamportTime(0),
      goneMs: 0,
      leavingMs: 0,
    };
    this.#byName.set(record.name, member);
    this.#count.alive += 1;
    return member;
  }

  /** Takes over what membership knows newer. */
  refresh(member: SerfMember, record: MemberRecord): void {
    member.endpoint = record.endpoint;
    member.tags = decodeTags(record.meta);
    member.vsn = record.vsn;
    member.incarnation = record.incarnation;
  }

  setStatus(member: SerfMember, status: MemberStatus): void {
    this.#count[member.status] -= 1;
    member.status = status;
    this.#count[status] += 1;
  }

  remove(member: SerfMember): void {
    if (this.#byName.delete(member.name)) this.#count[member.status] -= 1;
  }
}

export function isSameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return a.port === b.port && a.host === b.host;
}

/** What is handed out: later changes of the member do not show in it. */
export function snapshotOf(member: SerfMember): Member {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = member.vsn;
  return {
    name: member.name,
    host: member.endpoint.host,
    port: member.endpoint.port,
    tags: member.tags,
    status: member.status,
    incarnation: member.incarnation,
    versions: [a, b, c, d, e, f],
  };
}
