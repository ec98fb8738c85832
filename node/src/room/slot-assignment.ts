/**
 * Which slot carries which track. A change of what is wanted moves as few slots as possible: a track that is still
 * wanted stays on its slot, because every move costs a keyframe and a blink. Rules: SPEC.md [P1…P3].
 */

/**
 * @param slots mid → the track on it now, in the order in which empty slots are filled
 * @param wanted track ids, most important first; those beyond the number of slots go without
 */
export function assignStable(
  slots: ReadonlyMap<string, string | null>,
  wanted: readonly string[],
): ReadonlyMap<string, string | null> {
  const chosen = new Set([...new Set(wanted)].slice(0, slots.size));
  const next = new Map<string, string | null>();
  const placed = new Set<string>();
  for (const [mid, trackId] of slots) {
    const stays = trackId !== null && chosen.has(trackId) && !placed.has(trackId);
    next.set(mid, stays ? trackId : null);
    if (stays) placed.add(trackId);
  }
  const missing = [...chosen].filter((trackId) => !placed.has(trackId)).values();
  for (const [mid, trackId] of next) {
    if (trackId !== null) continue;
    const { value, done } = missing.next();
    if (done === true) break;
    next.set(mid, value);
  }
  return next;
}
