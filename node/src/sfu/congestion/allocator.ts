/**
 * Turns the estimate of each transport into what its slots get: audio first, then pictures. Less at once, more only with
 * some room to spare and after a while, and ever later when more has failed before: so a slot does not swing.
 */
import type { Assignments } from "../assignments.ts";
import type { Consumer } from "../consumer.ts";
import { ALL_LAYERS } from "../layer-filter.ts";
import { wantedLayer } from "../layer-selector.ts";
import type { Peer } from "../peer.ts";
import type { RouterState } from "../router-state.ts";
import type { Track } from "../track.ts";
import type { InstantMs } from "../types.ts";
import { type LayerLevel, withDetail } from "./layer-ladder.ts";
import { PAUSED, type Shown, share } from "./sharing.ts";

/** 50 packets/s of Opus at 32 kbit/s with all headers. */
const AUDIO_BPS = 60_000;
/** One copy of each block besides. */
const RED_BPS = 35_000;
const INTERVAL_MS = 200;
/** Where everything is shown in full with so much to spare, there is little to decide: what changes that asks for itself. */
const PLENTY_INTERVAL_MS = 1000;
const PLENTY_FACTOR = 1.15;
const CHANGE_SHARE = 0.03;
/** A layer's measured rate scatters; what is shown stays while it nearly fits. */
const KEEP_FACTOR = 1.05;
const RAISE_FACTOR = 0.88;
const FIRST_HOLD_MS = 1000;
const MAX_HOLD_MS = 8000;
const MAX_PAUSED_HOLD_MS = 2000;
/** Less, so soon after more, means that more was too much. */
const FAILED_RAISE_MS = 6000;
const FORGIVEN_AFTER_MS = 30_000;
const MAX_REPAIR_SHARE = 0.15;
/** Of the estimate, what the retransmissions of one stream may take for a moment. */
const REPAIR_BURST_SHARE = 0.5;
const REPAIR_CHOKED_SHARE = 0.15;
/** From here on a repair is likely enough to be lost that it goes twice. */
const LOSSY = 0.025;
/** Below this share of what is on the wire there is no waiting for a keyframe. */
const URGENT_SHARE = 0.8;

interface Entry extends Shown {
  readonly consumer: Consumer;
  readonly track: Track;
  readonly levels: readonly LayerLevel[];
}

export class Allocator {
  readonly #state: RouterState;
  readonly #assignments: Assignments;

  constructor(state: RouterState, assignments: Assignments) {
    this.#state = state;
    this.#assignments = assignments;
  }

  /** Cheap when nothing has changed. */
  run(peer: Peer, nowMs: InstantMs): void {
    const { sender } = peer;
    if (sender === undefined) {
      this.#serveUnlimited(peer, nowMs);
      return;
    }
    const { estimator } = sender;
    const { bps } = estimator;
    const moved = Math.abs(bps - peer.allocatedBps) > peer.allocatedBps * CHANGE_SHARE;
    const intervalMs = peer.hasPlenty ? PLENTY_INTERVAL_MS : INTERVAL_MS;
    if (!moved && nowMs - peer.allocatedAtMs < intervalMs) return;
    peer.allocatedBps = bps;
    peer.allocatedAtMs = nowMs;
    const entries = this.#entries(peer, estimator.isSettled && sender.isGuided(nowMs), nowMs);
    const audioBps = audioRate(peer, nowMs);
    sender.desiredBps = entries.reduce((sum, { costs }) => sum + (costs.at(-1) ?? 0), audioBps);
    peer.hasPlenty = false;
    const isMissing = entries.some(({ consumer }) => consumer.limitIndex === PAUSED);
    sender.missingBps = isMissing ? entries.reduce((sum, { costs }) => sum + (costs[0] ?? 0), audioBps) : 0;
    if (!sender.isGuided(nowMs)) {
      for (const entry of entries) this.#apply(entry, entry.levels.length - 1, nowMs);
      return;
    }
    const repairShare = Math.min(MAX_REPAIR_SHARE, estimator.lossRatio);
    const budgetBps = Math.max(0, bps * (1 - repairShare) - audioBps);
    // While a queue overflows, repairs would only make it longer.
    const isCalm = !estimator.isRecovering(nowMs);
    const repairBurst = isCalm ? REPAIR_BURST_SHARE : REPAIR_CHOKED_SHARE;
    const rateBps = Math.min(this.#state.options.retransmitBps, bps * repairBurst);
    const repairs = { rateBps, isLossy: isCalm && estimator.lossRatio > LOSSY };
    const kept = share(entries, estimator.isOverused ? budgetBps : budgetBps * KEEP_FACTOR);
    const raised = share(entries, budgetBps * RAISE_FACTOR);
    for (const [i, entry] of entries.entries()) {
      entry.consumer.responder.limit(repairs);
      this.#decide(entry, { keep: kept[i] as number, raise: raised[i] as number, budgetBps }, nowMs);
    }
    const isFull = entries.every(({ consumer, isFree }) => !isFree && consumer.limitIndex === ALL_LAYERS);
    peer.hasPlenty = isFull && isCalm && !repairs.isLossy && bps > sender.desiredBps * PLENTY_FACTOR;
  }

  /** Nothing is known of the path: everybody gets what fits its size. */
  #serveUnlimited(peer: Peer, nowMs: InstantMs): void {
    if (nowMs - peer.allocatedAtMs < INTERVAL_MS) return;
    peer.allocatedAtMs = nowMs;
    for (const entry of this.#entries(peer, false, nowMs)) this.#apply(entry, entry.levels.length - 1, nowMs);
  }

  #entries(peer: Peer, isKnown: boolean, nowMs: InstantMs): Entry[] {
    const entries: Entry[] = [];
    for (const [ssrc, consumer] of peer.consumers) {
      const { track, assignment } = consumer;
      const counts = ssrc === consumer.input.ssrc && consumer.input.kind === "video";
      if (!counts || track === undefined || assignment === undefined || track.muted) continue;
      const { want } = assignment;
      const levels = levelsFor(track, want, nowMs);
      if (levels.length === 0) continue;
      const area = "target" in want ? want.target.width * want.target.height : 0;
      const priority = (assignment.priority ?? 0) + (track.input.priority ?? 0);
      const costs = levels.map(({ bps }) => bps);
      entries.push({ consumer, track, levels, costs, priority, area, isFree: !isKnown || !track.isMeasured });
    }
    return entries;
  }

  #decide(
    entry: Entry,
    { keep, raise, budgetBps }: { readonly keep: number; readonly raise: number; readonly budgetBps: number },
    nowMs: InstantMs,
  ): void {
    const { consumer, levels } = entry;
    const current = currentLevel(entry);
    if (keep < current) {
      if (nowMs - consumer.raisedAtMs < FAILED_RAISE_MS) {
        consumer.raiseHoldMs = Math.min(MAX_HOLD_MS, consumer.raiseHoldMs * 2);
        consumer.raisedAtMs = Number.NEGATIVE_INFINITY;
      }
      if (!entry.isFree) consumer.loweredAtMs = nowMs;
      this.#apply(entry, keep, nowMs);
      this.#relieve(entry, budgetBps);
      return;
    }
    if (nowMs - consumer.loweredAtMs > FORGIVEN_AFTER_MS) consumer.raiseHoldMs = FIRST_HOLD_MS;
    const holdMs = current === PAUSED ? Math.min(consumer.raiseHoldMs, MAX_PAUSED_HOLD_MS) : consumer.raiseHoldMs;
    if (raise > current && nowMs - consumer.loweredAtMs >= holdMs) {
      consumer.raisedAtMs = nowMs;
      this.#apply(entry, raise, nowMs);
    } else if (levels[current] !== undefined) {
      // The same level under another name: layers may have come or gone.
      this.#apply(entry, current, nowMs);
    }
  }

  #apply({ consumer, track, levels }: Entry, chosen: number, nowMs: InstantMs): void {
    const level = levels[chosen];
    const wasPaused = consumer.limitIndex === PAUSED;
    const limit = level?.index ?? PAUSED;
    const isTop = chosen === levels.length - 1;
    const limitIndex = isTop ? ALL_LAYERS : limit;
    const before = consumer.limitIndex;
    consumer.limitIndex = limitIndex;
    if (level !== undefined) {
      consumer.filter.targetSpatial = level.spatial;
      consumer.filter.targetTemporal = level.temporal;
    }
    if (wasPaused !== (limitIndex === PAUSED)) this.#assignments.tellPaused(consumer, limitIndex === PAUSED);
    if (before !== limitIndex) this.#assignments.reselect(consumer, track, nowMs);
    else this.#assignments.askForLayers(consumer, nowMs);
  }

  /** A lower simulcast layer begins with its keyframe; until then the higher one is thinned, or stopped. */
  #relieve({ consumer, track, levels }: Entry, budgetBps: number): void {
    const { current } = consumer;
    if (current === undefined || consumer.currentIndex <= consumer.limitIndex) return;
    const onWireBps = current.meter?.bps(ALL_LAYERS, ALL_LAYERS) ?? 0;
    consumer.filter.squeeze();
    const thinnedBps = current.meter?.bps(ALL_LAYERS, 0) ?? 0;
    const canThin = (current.meter?.maxTemporalId ?? 0) > 0;
    if ((canThin ? thinnedBps : onWireBps) * URGENT_SHARE > budgetBps && levels.length > 0) consumer.abandon();
    this.#assignments.updateDemand(track);
  }
}

/** Where the consumer is on its ladder now, PAUSED: paused. */
function currentLevel({ consumer, levels }: Entry): number {
  const { limitIndex, filter } = consumer;
  if (limitIndex === PAUSED) return PAUSED;
  for (let i = levels.length - 1; i >= 0; i--) {
    const level = levels[i] as LayerLevel;
    if (level.index > limitIndex) continue;
    if (level.index < limitIndex) return i;
    if (level.spatial <= filter.targetSpatial && level.temporal <= filter.targetTemporal) return i;
  }
  return limitIndex === ALL_LAYERS ? levels.length - 1 : 0;
}

/** The track's ladder up to what the slot's size asks for; of a trunk's egress, its one layer. */
function levelsFor(
  track: Track,
  want: NonNullable<Consumer["assignment"]>["want"],
  nowMs: InstantMs,
): readonly LayerLevel[] {
  const ladder = track.ladder(nowMs);
  if ("layer" in want) {
    const index = track.input.layers.indexOf(want.layer);
    return ladder.filter((level) => level.index === index);
  }
  const { spatialSizes } = track.producers[0] ?? { spatialSizes: [] };
  const isSpatial = track.producers.length === 1 && spatialSizes.length > 1;
  const states = isSpatial
    ? spatialSizes.map(({ width, height }) => ({ width, height, active: true }))
    : track.layerStates();
  const rank = wantedLayer(states, want.target);
  const fitting = ladder.filter((level) => level.rank <= rank);
  return track.input.prefersDetail === true ? withDetail(fitting) : fitting;
}

function audioRate(peer: Peer, nowMs: InstantMs): number {
  let bps = 0;
  for (const [ssrc, consumer] of peer.consumers) {
    if (ssrc !== consumer.input.ssrc || consumer.input.kind !== "audio") continue;
    const { current } = consumer;
    if (current === undefined || nowMs - current.lastPacketMs >= 1000) continue;
    const isWrapped = consumer.takesRed && current.info.primaryAt > 0;
    bps += AUDIO_BPS * (peer.duplication?.isOn === true && !isWrapped ? 2 : 1) + (isWrapped ? RED_BPS : 0);
  }
  return bps;
}
