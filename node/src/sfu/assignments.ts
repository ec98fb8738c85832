/** Which consumer is fed from where: binding to tracks, choice of layer, and what to ask of other nodes. */
import type { Consumer } from "./consumer.ts";
import { ALL_LAYERS } from "./layer-filter.ts";
import { availableLayer, wantedLayer } from "./layer-selector.ts";
import type { Producer } from "./producer.ts";
import type { RouterState } from "./router-state.ts";
import type { RtcpOutput } from "./rtcp-output.ts";
import type { Track } from "./track.ts";
import type { Assignment, InstantMs } from "./types.ts";

export class Assignments {
  readonly #state: RouterState;
  readonly #output: RtcpOutput;
  /** By track that is not here (yet); bounded by the number of consumers. */
  readonly #waiting = new Map<string, Set<Consumer>>();
  /** Of those, the tracks that were asked for. */
  readonly #announced = new Set<string>();

  constructor(state: RouterState, output: RtcpOutput) {
    this.#state = state;
    this.#output = output;
  }

  /** Idempotent; null empties the consumer. */
  assign(consumer: Consumer, assignment: Assignment | null, nowMs: InstantMs): void {
    const same = assignment !== null && consumer.assignment?.trackId === assignment.trackId;
    if (!same) this.#release(consumer);
    if (assignment === null) return;
    consumer.assignment = assignment;
    const track = this.#state.tracks.get(assignment.trackId);
    if (track === undefined) this.#wait(consumer, assignment.trackId);
    else this.#attach(consumer, track, nowMs);
  }

  /** A new track: whoever waited for it is served. */
  trackAdded(track: Track, nowMs: InstantMs): void {
    const waiting = this.#waiting.get(track.input.trackId);
    if (waiting === undefined) return;
    this.#waiting.delete(track.input.trackId);
    for (const consumer of waiting) this.#attach(consumer, track, nowMs);
    // Of a track that nobody here can show, nothing is wanted any more.
    if (this.#announced.delete(track.input.trackId)) this.updateDemand(track);
  }

  /** Its consumers keep their wish: of a remote track that is asked for again. */
  trackRemoved(track: Track): void {
    const { trackId } = track.input;
    for (const consumer of track.consumers) {
      consumer.pause();
      consumer.track = undefined;
      consumer.wantedIndex = -1;
      this.#wait(consumer, trackId, track.input.remote);
    }
    track.consumers.clear();
  }

  /** A layer came, went, or changed its size or activity. */
  reselectAll(track: Track, nowMs: InstantMs): void {
    for (const consumer of track.consumers) {
      consumer.peer.allocatedAtMs = Number.NEGATIVE_INFINITY;
      this.#reselect(consumer, track, nowMs);
    }
    this.updateDemand(track);
  }

  /** Says so when what this node wants of a remote track has changed. */
  updateDemand(track: Track): void {
    const layers = track.demand();
    if (!track.input.remote) {
      this.#widenLocal(track, layers);
      return;
    }
    const text = layers.join(",") + layers.length;
    if (text === track.lastDemand) return;
    track.lastDemand = text;
    const { trackId, roomId } = track.input;
    this.#state.sink.event({ kind: "demand", roomId, trackId, layers });
  }

  /** Tells publishers of layers that nobody has wanted for a while. */
  narrowLocal(track: Track, nowMs: InstantMs): void {
    if (track.input.remote || track.input.kind !== "video") return;
    const layers = track.demand();
    if (layers.length >= track.localDemand.length) {
      track.fewerSinceMs = Number.POSITIVE_INFINITY;
    } else if (track.fewerSinceMs === Number.POSITIVE_INFINITY) {
      track.fewerSinceMs = nowMs;
    } else if (nowMs - track.fewerSinceMs >= this.#state.options.demandHoldMs) {
      track.fewerSinceMs = Number.POSITIVE_INFINITY;
      this.#tellLocal(track, layers);
    }
  }

  /** What the path carries has changed. */
  reselect(consumer: Consumer, track: Track, nowMs: InstantMs): void {
    this.#reselect(consumer, track, nowMs);
    this.updateDemand(track);
    this.#output.sendDueRequests(nowMs);
  }

  tellPaused({ input: { peerId, egress } }: Consumer, paused: boolean): void {
    if (paused) this.#state.counters.slots_paused++;
    this.#state.sink.event({ kind: "slotPaused", peerId, egress, paused });
  }

  /** A higher spatial layer of the stream that is shown begins with a keyframe. */
  askForLayers(consumer: Consumer, nowMs: InstantMs): void {
    const { current, filter } = consumer;
    if (current === undefined || !filter.needsKeyframe || current.keyframes.deadlineMs !== Number.POSITIVE_INFINITY)
      return;
    this.#output.wantKeyframe(current, nowMs);
  }

  #widenLocal(track: Track, layers: readonly string[]): void {
    if (track.input.kind !== "video" || layers.every((layer) => track.localDemand.includes(layer))) return;
    const both = track.input.layers.filter((layer) => layers.includes(layer) || track.localDemand.includes(layer));
    this.#tellLocal(track, both);
  }

  #tellLocal(track: Track, layers: readonly string[]): void {
    track.localDemand = layers;
    const { trackId, roomId } = track.input;
    this.#state.sink.event({ kind: "localDemand", roomId, trackId, layers });
  }

  #attach(consumer: Consumer, track: Track, nowMs: InstantMs): void {
    if (!consumer.bind(track)) return;
    track.consumers.add(consumer);
    this.#reselect(consumer, track, nowMs);
    this.updateDemand(track);
  }

  #release(consumer: Consumer): void {
    const { assignment, track } = consumer;
    consumer.pause();
    consumer.assignment = undefined;
    consumer.track = undefined;
    consumer.wantedIndex = -1;
    // Nothing is known of what comes next here: it is not paused until it is said to be.
    if (consumer.limitIndex < 0) this.tellPaused(consumer, false);
    consumer.limitIndex = ALL_LAYERS;
    consumer.filter.reset();
    if (assignment !== undefined) this.#stopWaiting(consumer, assignment.trackId);
    if (track === undefined) return;
    track.consumers.delete(consumer);
    this.updateDemand(track);
  }

  #reselect(consumer: Consumer, track: Track, nowMs: InstantMs): void {
    const { assignment } = consumer;
    if (assignment === undefined) return;
    const index = this.#choose(consumer, track, assignment);
    if (consumer.limitIndex < 0) {
      consumer.pause();
      return;
    }
    const producer = track.producers[index];
    // What a transport sent never goes back to it: an echo to its person, a loop between two nodes.
    if (producer === undefined || track.muted || producer.peer === consumer.peer) return;
    if (consumer.await(producer) && track.input.kind === "video") this.#output.wantKeyframe(producer, nowMs);
  }

  /** Sets what is wanted and returns what can be had, -1: nothing. */
  #choose(consumer: Consumer, track: Track, { want }: Assignment): number {
    if ("layer" in want) {
      consumer.wantedIndex = track.input.layers.indexOf(want.layer);
      return consumer.wantedIndex;
    }
    const states = track.layerStates();
    consumer.wantedIndex = Math.max(0, Math.min(wantedLayer(states, want.target), consumer.limitIndex));
    const available = availableLayer(states, consumer.wantedIndex);
    if (available >= 0) return available;
    // Nothing has come yet: wait where a stream is announced, nearest to the wish.
    return nearestPresent(track.producers, consumer.wantedIndex);
  }

  #wait(consumer: Consumer, trackId: string, announce = true): void {
    let waiting = this.#waiting.get(trackId);
    if (waiting === undefined) {
      waiting = new Set();
      this.#waiting.set(trackId, waiting);
    }
    waiting.add(consumer);
    if (!announce || this.#announced.has(trackId)) return;
    this.#announced.add(trackId);
    this.#state.sink.event({ kind: "demand", roomId: consumer.input.roomId, trackId, layers: [""] });
  }

  #stopWaiting(consumer: Consumer, trackId: string): void {
    const waiting = this.#waiting.get(trackId);
    if (waiting?.delete(consumer) !== true || waiting.size > 0) return;
    this.#waiting.delete(trackId);
    if (!this.#announced.delete(trackId)) return;
    this.#state.sink.event({ kind: "demand", roomId: consumer.input.roomId, trackId, layers: [] });
  }
}

function nearestPresent(producers: readonly (Producer | undefined)[], wanted: number): number {
  for (let distance = 0; distance < producers.length; distance++) {
    if (producers[wanted - distance] !== undefined) return wanted - distance;
    if (producers[wanted + distance] !== undefined) return wanted + distance;
  }
  return -1;
}
