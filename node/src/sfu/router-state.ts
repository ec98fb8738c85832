/** What the parts of one core share. */
import type { PacketArena } from "./arena.ts";
import type { PeerSender } from "./congestion/peer-sender.ts";
import { PayloadInfo } from "./keyframe.ts";
import type { ResolvedRouterOptions } from "./options.ts";
import type { Peer } from "./peer.ts";
import type { Producer } from "./producer.ts";
import { RedLayout } from "./red.ts";
import { RtpRewrite } from "./rtp-rewrite.ts";
import { RtpView } from "./rtp-view.ts";
import { RouterCounters } from "./stats.ts";
import type { Track } from "./track.ts";
import type { RandomSource, RouterSink } from "./types.ts";

/** As much as its one-byte count can tell (RFC 3550 section 5.1). */
const PADDING_BYTES = 255;

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
  /** With packets that wait for their turn, or a probe under way. */
  readonly pacing = new Set<PeerSender>();
  /** To stand on cached packets, one at a time. */
  readonly scratch = new RtpView();
  readonly scratchInfo = new PayloadInfo();
  readonly scratchRed = new RedLayout();
  /** Of the packet that is on its way out: filled, sent or queued by its number, and free again. */
  readonly rewrite = new RtpRewrite();
  /** On a packet found in redundant audio, while it is forwarded. */
  readonly recovered = new RtpView();
  #padding = 0;

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

  /** Stands the view on a payload of nothing but padding; false when packet memory is full. */
  loadPadding(view: RtpView): boolean {
    if (this.#padding === 0) {
      this.#padding = this.arena.allocate(PADDING_BYTES);
      if (this.#padding === 0) return false;
      this.arena.bytes.fill(0, this.#padding, this.#padding + PADDING_BYTES);
      this.arena.bytes[this.#padding + PADDING_BYTES - 1] = PADDING_BYTES;
    }
    view.bytes = this.arena.bytes;
    view.offset = this.#padding;
    view.headerLength = 0;
    view.length = PADDING_BYTES;
    view.payloadLength = PADDING_BYTES;
    view.audioLevel = -1;
    view.dependencyLength = 0;
    return true;
  }
}
