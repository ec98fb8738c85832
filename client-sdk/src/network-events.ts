/** What the platform tells of its network. */

/** Network Information API; not in every browser. */
interface WithConnection {
  readonly connection?: EventTarget & { readonly type?: string };
}

/** `sure`: it is another network now; otherwise something about it changed. Returns how to stop. */
export function watchNetwork(changed: (sure: boolean) => void): () => void {
  const connection = (globalThis.navigator as (Navigator & WithConnection) | undefined)?.connection;
  let type = connection?.type;
  const online = (): void => changed(true);
  const other = (): void => {
    const isOther = connection?.type !== type;
    type = connection?.type;
    changed(isOther);
  };
  globalThis.addEventListener?.("online", online);
  connection?.addEventListener?.("change", other);
  return () => {
    globalThis.removeEventListener?.("online", online);
    connection?.removeEventListener?.("change", other);
  };
}
