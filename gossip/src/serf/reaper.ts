// Forgets members that failed or left long ago, and tries failed ones again now and then. Spec section 6.12.

import { Ticker } from "../membership/ticker.ts";
import type { ResolvedGossipOptions } from "../options.ts";
import type { Random } from "../random.ts";
import type { InstantMs } from "../types.ts";
import type { MemberList, SerfMember } from "./member-list.ts";

export interface ReaperPorts {
  readonly options: ResolvedGossipOptions;
  readonly members: MemberList;
  readonly random: Random;
  forget(member: SerfMember): void;
  forgetOldIntents(nowMs: InstantMs): void;
  reconnect(member: SerfMember, nowMs: InstantMs): void;
}

export class Reaper {
  readonly #ports: ReaperPorts;
  readonly #reapTicker: Ticker;
  readonly #reconnectTicker: Ticker;

  constructor(ports: ReaperPorts) {
    this.#ports = ports;
    this.#reapTicker = new Ticker(ports.options.reapIntervalMs);
    this.#reconnectTicker = new Ticker(ports.options.reconnectIntervalMs);
  }

  start(nowMs: InstantMs): void {
    const { options, random } = this.#ports;
    this.#reapTicker.start(nowMs + options.reapIntervalMs * (0.5 + random.next()));
    this.#reconnectTicker.start(nowMs + options.reconnectIntervalMs * (0.5 + random.next()));
  }

  deadlineMs(): InstantMs {
    return Math.min(this.#reapTicker.deadlineMs(), this.#reconnectTicker.deadlineMs());
  }

  handleTimeout(nowMs: InstantMs): void {
    if (this.#reapTicker.take(nowMs)) this.#reap(nowMs);
    if (this.#reconnectTicker.take(nowMs)) this.#reconnectOne(nowMs);
  }

  #reap(nowMs: InstantMs): void {
    const { members, options } = this.#ports;
    this.#ports.forgetOldIntents(nowMs);
    for (const member of members.withStatus("failed")) {
      if (nowMs - member.goneMs > options.reconnectTimeoutMs) this.#ports.forget(member);
    }
    for (const member of members.withStatus("left")) {
      if (nowMs - member.goneMs > options.tombstoneTimeoutMs) this.#ports.forget(member);
    }
  }

  /** The more of the cluster is gone, the likelier it is that we are the ones cut off, and the more often one is tried. */
  #reconnectOne(nowMs: InstantMs): void {
    const { members, random } = this.#ports;
    const failed = members.withStatus("failed");
    const present = members.size - failed.length - members.count("left");
    if (failed.length === 0 || random.next() > failed.length / Math.max(1, present)) return;
    const chosen = failed[random.below(failed.length)];
    if (chosen !== undefined) this.#ports.reconnect(chosen, nowMs);
  }
}
