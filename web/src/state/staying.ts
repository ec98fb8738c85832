/** A refresh in a call goes straight back in, as it was: microphone and camera on or off. */
const KEY = "hearsay.staying";

export interface Staying {
  readonly slug: string;
  readonly microphone: boolean;
  readonly camera: boolean;
}

/** Kept for this tab only. */
export function stay(staying: Staying): void {
  sessionStorage.setItem(KEY, JSON.stringify(staying));
}

export function stayNoLonger(): void {
  sessionStorage.removeItem(KEY);
}

/** What the person had before a refresh of this very room; undefined when they came any other way. Asked once. */
export function stayedIn(slug: string): Staying | undefined {
  const text = sessionStorage.getItem(KEY);
  stayNoLonger();
  const [navigation] = performance.getEntriesByType("navigation");
  const isReload = navigation !== undefined && "type" in navigation && navigation.type === "reload";
  if (text === null || !isReload) return undefined;
  try {
    const staying = JSON.parse(text) as Partial<Staying>;
    return staying.slug === slug
      ? { slug, microphone: staying.microphone === true, camera: staying.camera === true }
      : undefined;
  } catch {
    return undefined;
  }
}
