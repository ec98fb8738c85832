/**
 * Shares a budget over what a viewer shows: everybody's least first, so that nobody is paused for another's quality, then
 * step by step upwards, the important and the large ones first. Who does not even get its least is paused. Pure.
 */
export interface Shown {
  /** Cost of each quality, least first; at least one. */
  readonly costs: readonly number[];
  readonly priority: number;
  /** Pixels on the screen. */
  readonly area: number;
  /** Never paused: nothing is known yet of what the path carries, or of what it would cost. */
  readonly isFree: boolean;
}

export const PAUSED = -1;

/** The chosen quality of each, PAUSED: none. */
export function share(shown: readonly Shown[], budgetBps: number): number[] {
  const order = shown.map((_, i) => i).sort((a, b) => compare(shown[a] as Shown, shown[b] as Shown) || a - b);
  const chosen = shown.map(() => PAUSED);
  let left = budgetBps;
  for (const i of order) {
    const { costs, isFree } = shown[i] as Shown;
    const least = costs[0] ?? 0;
    if (least > left && !isFree) continue;
    chosen[i] = 0;
    left -= least;
  }
  for (let first = 0; first < order.length; ) {
    const { priority } = shown[order[first] as number] as Shown;
    let end = first;
    while (end < order.length && (shown[order[end] as number] as Shown).priority === priority) end++;
    left = raise(shown, { chosen, members: order.slice(first, end) }, left);
    first = end;
  }
  return chosen;
}

/** One step for each member in turn, while any step fits. Returns what is left. */
function raise(
  shown: readonly Shown[],
  { chosen, members }: { readonly chosen: number[]; readonly members: readonly number[] },
  budgetBps: number,
): number {
  let left = budgetBps;
  for (let changed = true; changed; ) {
    changed = false;
    for (const i of members) {
      const at = chosen[i] as number;
      const { costs } = shown[i] as Shown;
      const next = costs[at + 1];
      if (at === PAUSED || next === undefined) continue;
      const step = next - (costs[at] as number);
      if (step > left) continue;
      left -= step;
      chosen[i] = at + 1;
      changed = true;
    }
  }
  return left;
}

function compare(a: Shown, b: Shown): number {
  return b.priority - a.priority || b.area - a.area;
}
