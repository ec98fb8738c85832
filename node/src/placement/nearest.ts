/** The first rule of placement: a client goes to the alive node with the least RTT that it measured itself. Pure. */
import type { NodeInfo, PlaceCandidate, PlaceRequest, PlaceResponse } from "#protocol";

/** Candidates that an answer names besides the chosen one. */
const MAX_ALTERNATIVES = 20;

/**
 * `nodes`: alive ones, the asked one first. Draining nodes are taken only when nothing else is there. Equal RTTs: the name
 * decides. Measurements of unknown nodes are passed over; of several of one node the least counts.
 */
export function placeNearest(nodes: readonly [NodeInfo, ...NodeInfo[]], rtts: PlaceRequest["rtts"]): PlaceResponse {
  const rttOf = new Map<string, number>();
  for (const { node, rttMs } of rtts) rttOf.set(node, Math.min(rttMs, rttOf.get(node) ?? Number.POSITIVE_INFINITY));
  const open = nodes.filter((node) => !node.draining);
  const [self] = nodes;
  const candidates = (open.length === 0 ? nodes : open).map((node): PlaceCandidate => {
    const rttMs = rttOf.get(node.name);
    return rttMs === undefined ? { node } : { node, rttMs };
  });
  const ordered = [...candidates].sort(
    (a, b) => compareRtts(a, b) || preference(b, self) - preference(a, self) || (a.node.name < b.node.name ? -1 : 1),
  );
  const [chosen = { node: self }, ...alternatives] = ordered;
  return {
    chosen,
    alternatives: alternatives.slice(0, MAX_ALTERNATIVES),
    why: explain(chosen, alternatives, { isSelf: chosen.node.name === self.name, selfDrains: self.draining }),
  };
}

function compareRtts(a: PlaceCandidate, b: PlaceCandidate): number {
  const [left, right] = [a.rttMs ?? Number.POSITIVE_INFINITY, b.rttMs ?? Number.POSITIVE_INFINITY];
  return left === right ? 0 : left - right;
}

/** Without any measurement the node that was asked is the best guess: the client has reached it. */
const preference = (candidate: PlaceCandidate, self: NodeInfo): number =>
  candidate.rttMs === undefined && candidate.node.name === self.name ? 1 : 0;

function explain(
  chosen: PlaceCandidate,
  alternatives: readonly PlaceCandidate[],
  asked: { readonly isSelf: boolean; readonly selfDrains: boolean },
): string {
  const { name } = chosen.node;
  if (chosen.rttMs === undefined) {
    if (asked.isSelf) return `${name}, because it is the node that was asked and no round trips were measured`;
    return asked.selfDrains ? `${name}, because the node that was asked is going away` : `${name}, the only choice`;
  }
  const next = alternatives.find((candidate) => candidate.rttMs !== undefined);
  const best = `${name}, because it is the nearest: ${milliseconds(chosen.rttMs)} round trip`;
  return next?.rttMs === undefined ? best : `${best}; the next is ${next.node.name} with ${milliseconds(next.rttMs)}`;
}

const milliseconds = (ms: number): string => `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
