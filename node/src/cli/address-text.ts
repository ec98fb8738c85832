// Address bytes of RPC records as text.

/** "" when there is no address. */
export function formatAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return Array.from(bytes).join(".");
  if (bytes.length !== 16) return "";
  const groups = Array.from({ length: 8 }, (_, i) =>
    (((bytes[2 * i] as number) << 8) | (bytes[2 * i + 1] as number)).toString(16),
  );
  // The URL parser knows RFC 5952; the brackets are its own.
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}
