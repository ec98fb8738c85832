/** What the parts of one core share. */
import type { PacketArena } from "./arena.ts";
import type { ResolvedRouterOptions } from "./options.ts";
import type { Peer } from "./peer.ts";
import type { Producer } from "./producer.ts";
import { RouterCounters } from "./stats.ts";
import type { Track } from "./track.ts";
import type { RandomSource, RouterSink } from "./types.ts";

export class RouterState {
  readonly options: ResolvedRouterOptions;
  readonly sink: RouterSink;
  readonly random: RandomSource;
  readonly arena: PacketArena;
  readonly counters = new RouterCounters();
  readonly peers = new Map<string, Peer>();
  readonly tracks = new Map<string, Track>();
  /** With holes to ask for. */
  readonly nacking = new Set<Producer>();
  /** With a keyframe to ask for. */
  readonly awaitingKeyframe = new Set<Producer>();

  constructor(input: {
    readonly options: ResolvedRouterOptions;
    readonly sink: RouterSink;
    readonly random: RandomSource;
    readonly arena: PacketArena;
  }) {
    this.options = input.options;
    this.sink = input.sink;
    this.random = input.random;
    this.arena = input.arena;
  }
}
