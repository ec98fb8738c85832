/** How tiles share the stage. Pure. */

export interface Grid {
  readonly columns: number;
  readonly rows: number;
}

/** What people look best in: a phone films upright, a desktop across; the fewest cropped pixels win. */
const wantedRatio = (width: number, height: number): number => (width < height ? 1 : 4 / 3);

/** The columns that give the largest tiles, cropping counted against them. */
export function gridFor(count: number, width: number, height: number): Grid {
  let best: Grid = { columns: 1, rows: Math.max(1, count) };
  let bestScore = -1;
  const ratio = wantedRatio(width, height);
  for (let columns = 1; columns <= Math.max(1, count); columns += 1) {
    const rows = Math.max(1, Math.ceil(count / columns));
    const tileWidth = width / columns;
    const tileHeight = height / rows;
    const fit = Math.min(tileWidth, tileHeight * ratio);
    // Empty places at the end look unfinished.
    const score = fit - (rows * columns - count) * 2;
    if (score > bestScore) {
      bestScore = score;
      best = { columns, rows };
    }
  }
  return best;
}

/** People remembered in the order in which they spoke; at the bound the one who was silent longest is forgotten. */
const MAX_SPOKE = 100;

/** Who speaks now comes first, then whoever spoke before. */
export function recentFirst(spoke: readonly string[], speaking: readonly string[]): readonly string[] {
  return [...new Set([...speaking, ...spoke])].slice(0, MAX_SPOKE);
}

/** Whom to show when there is not room for all: in order of arrival, but nobody who speaks is left out. */
export function chooseShown(ids: readonly string[], speaking: readonly string[], places: number): readonly string[] {
  if (ids.length <= places) return ids;
  const loud = speaking.filter((id) => ids.includes(id)).slice(0, places);
  const first = ids.slice(0, places);
  const missing = loud.filter((id) => !first.includes(id));
  const shown = [...first];
  for (const id of missing) {
    const seat = shown.findLastIndex((candidate) => !loud.includes(candidate));
    if (seat >= 0) shown[seat] = id;
  }
  return shown;
}
