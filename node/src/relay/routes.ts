/**
 * Which way the streams of another node come: over the trunk to it, or by a detour over a third node that forwards. A
 * detour is taken when the direct trunk is broken, or when it has cost much more for a while; it is left again with
 * hysteresis, and the longer the more often that happened. Pure: time and what is known of the mesh come with each step.
 * Rules: SPEC.md [Y70…Y79].
 */
import type { InstantMs } from "#gossip";

/** "coming": being made, or nobody needed it yet. */
export type TrunkHealth = "up" | "coming" | "silent" | "down";

/** A way to a node over a third one; the cost of both legs in milliseconds, loss included. */
export interface Detour {
  readonly node: string;
  readonly costMs: number;
}

export interface RouteView {
  health(node: string): TrunkHealth;
  /** Undefined while nothing is known of the distance. */
  directCostMs(owner: string): number | undefined;
  /** Over nodes that forward, cheapest first. */
  detours(owner: string): readonly Detour[];
}

/** A trunk that was up and is gone is made anew within this time where it can be. */
export const LOST_GRACE_MS = 1_000;
/** The handshakes of a new trunk, on a busy machine. */
export const NEW_GRACE_MS = 4_000;
/** What a detour must save to be taken, and what it must still save to be kept: the greater of both. */
export const BETTER_BY = { ms: 10, ratio: 0.1 } as const;
export const STILL_BETTER_BY = { ms: 5, ratio: 0.05 } as const;
/** So long a difference must last. */
export const DIFFERENCE_HOLDS_MS = 30_000;
/** So long the direct trunk must be up again; doubled with every relapse. */
export const FIRST_HOLD_MS = 10_000;
export const LONGEST_HOLD_MS = 300_000;
/** Broken again within this time after a return: a relapse. */
export const RELAPSE_MS = 300_000;
/** A detour that failed is not tried again for this long. */
export const PENALTY_MS = 30_000;

interface Route {
  via: string | undefined;
  why: "broken" | "better";
  /** Of the direct trunk; one of the two is set. */
  upSinceMs: InstantMs | undefined;
  notUpSinceMs: InstantMs | undefined;
  wasUp: boolean;
  /** The trunk to the third node is not up since then. */
  viaNotUpSinceMs: InstantMs | undefined;
  /** The other way has been the better one since then. */
  differsSinceMs: InstantMs | undefined;
  returnedAtMs: InstantMs;
  relapses: number;
}

export class Routes {
  readonly #routes = new Map<string, Route>();
  /** Until when, by owner and third node. Bounded by the pairs of the mesh's nodes; those that are over are dropped. */
  readonly #penalties = new Map<string, InstantMs>();

  /** The third node over which the streams of that node come; undefined: directly. */
  viaOf(owner: string): string | undefined {
    return this.#routes.get(owner)?.via;
  }

  /** The direct trunk is to be made again although nothing comes over it. */
  isBroken(owner: string): boolean {
    const route = this.#routes.get(owner);
    return route?.via !== undefined && route.why === "broken";
  }

  /** The direct trunk has not been up for longer than it takes to make one. */
  isLost(owner: string, nowMs: InstantMs): boolean {
    const sinceMs = this.#routes.get(owner)?.notUpSinceMs;
    return sinceMs !== undefined && nowMs - sinceMs >= NEW_GRACE_MS;
  }

  all(): readonly { readonly owner: string; readonly via: string }[] {
    return [...this.#routes].flatMap(([owner, { via }]) => (via === undefined ? [] : [{ owner, via }]));
  }

  /** The third node says that it cannot, or its trunk does not come up. */
  failed(owner: string, via: string, nowMs: InstantMs): void {
    this.#penalties.set(pair(owner, via), nowMs + PENALTY_MS);
    const route = this.#routes.get(owner);
    if (route?.via === via) goDirect(route);
  }

  /** The node is gone: as an owner, and as a way to others. */
  forget(node: string): void {
    this.#routes.delete(node);
    for (const route of this.#routes.values()) if (route.via === node) goDirect(route);
  }

  /** Looks at everything anew. `owners`: those from whom something is wanted. True when a way changed. */
  step(owners: ReadonlySet<string>, view: RouteView, nowMs: InstantMs): boolean {
    for (const [key, untilMs] of this.#penalties) if (untilMs <= nowMs) this.#penalties.delete(key);
    let changed = false;
    for (const [owner, route] of this.#routes) if (!owners.has(owner)) changed = rest(route) || changed;
    for (const owner of owners) {
      const route = this.#routes.get(owner) ?? newRoute();
      this.#routes.set(owner, route);
      const before = route.via;
      watchTrunk(route, view.health(owner), nowMs);
      if (route.via !== undefined) this.#consider(owner, route, view, nowMs);
      if (route.via === undefined) this.#considerLeaving(owner, route, view, nowMs);
      changed = changed || route.via !== before;
    }
    return changed;
  }

  #considerLeaving(owner: string, route: Route, view: RouteView, nowMs: InstantMs): void {
    const [best] = view.detours(owner).filter(({ node }) => !this.#penalties.has(pair(owner, node)));
    if (route.notUpSinceMs !== undefined) {
      const graceMs = view.health(owner) === "silent" ? 0 : route.wasUp ? LOST_GRACE_MS : NEW_GRACE_MS;
      route.differsSinceMs = undefined;
      if (best !== undefined && nowMs - route.notUpSinceMs >= graceMs) leave(route, best.node, "broken", nowMs);
      return;
    }
    const directMs = view.directCostMs(owner);
    const isBetter = best !== undefined && directMs !== undefined && saves(directMs, best.costMs, BETTER_BY);
    if (holds(route, isBetter, nowMs, DIFFERENCE_HOLDS_MS * 2 ** route.relapses) && best !== undefined)
      leave(route, best.node, "better", nowMs);
  }

  #consider(owner: string, route: Route, view: RouteView, nowMs: InstantMs): void {
    const { via } = route;
    if (via === undefined) return;
    const detour = view.detours(owner).find(({ node }) => node === via);
    const isViaUp = view.health(via) === "up";
    route.viaNotUpSinceMs = isViaUp ? undefined : (route.viaNotUpSinceMs ?? nowMs);
    const isLost = route.viaNotUpSinceMs !== undefined && nowMs - route.viaNotUpSinceMs >= NEW_GRACE_MS;
    if (detour === undefined || view.health(via) === "silent" || isLost) {
      this.failed(owner, via, nowMs);
      return;
    }
    if (route.why === "broken") {
      const holdMs = Math.min(FIRST_HOLD_MS * 2 ** route.relapses, LONGEST_HOLD_MS);
      if (route.upSinceMs !== undefined && nowMs - route.upSinceMs >= holdMs) goBack(route, nowMs);
      return;
    }
    const directMs = view.directCostMs(owner);
    const isNoBetter = directMs === undefined || !saves(directMs, detour.costMs, STILL_BETTER_BY);
    if (holds(route, isNoBetter, nowMs, DIFFERENCE_HOLDS_MS)) goBack(route, nowMs);
  }
}

function newRoute(): Route {
  return {
    via: undefined,
    why: "broken",
    upSinceMs: undefined,
    notUpSinceMs: undefined,
    wasUp: false,
    viaNotUpSinceMs: undefined,
    differsSinceMs: undefined,
    returnedAtMs: Number.NEGATIVE_INFINITY,
    relapses: 0,
  };
}

function watchTrunk(route: Route, health: TrunkHealth, nowMs: InstantMs): void {
  const isUp = health === "up";
  route.upSinceMs = isUp ? (route.upSinceMs ?? nowMs) : undefined;
  route.notUpSinceMs = isUp ? undefined : (route.notUpSinceMs ?? nowMs);
  route.wasUp = route.wasUp || isUp;
}

function leave(route: Route, via: string, why: Route["why"], nowMs: InstantMs): void {
  route.relapses = nowMs - route.returnedAtMs < RELAPSE_MS ? Math.min(route.relapses + 1, MAX_RELAPSES) : 0;
  route.via = via;
  route.why = why;
  route.differsSinceMs = undefined;
  route.viaNotUpSinceMs = undefined;
}

/** FIRST_HOLD_MS doubled so often is above LONGEST_HOLD_MS. */
const MAX_RELAPSES = 5;

function goBack(route: Route, nowMs: InstantMs): void {
  goDirect(route);
  route.returnedAtMs = nowMs;
}

function goDirect(route: Route): boolean {
  const was = route.via !== undefined;
  route.via = undefined;
  route.differsSinceMs = undefined;
  return was;
}

/** Nothing is wanted from there: its trunk may close, and what it did before says nothing any more. */
function rest(route: Route): boolean {
  route.upSinceMs = undefined;
  route.notUpSinceMs = undefined;
  route.wasUp = false;
  return goDirect(route);
}

/** True when this has been so for long enough. */
function holds(route: Route, isSo: boolean, nowMs: InstantMs, forMs: number): boolean {
  route.differsSinceMs = isSo ? (route.differsSinceMs ?? nowMs) : undefined;
  return route.differsSinceMs !== undefined && nowMs - route.differsSinceMs >= forMs;
}

function saves(directMs: number, detourMs: number, by: { readonly ms: number; readonly ratio: number }): boolean {
  return directMs - detourMs > Math.max(by.ms, directMs * by.ratio);
}

const pair = (owner: string, via: string): string => JSON.stringify([owner, via]);
