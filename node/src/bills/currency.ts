/** Currencies of ISO 4217 as the runtime knows them. */

const KNOWN: ReadonlySet<string> = new Set(Intl.supportedValuesOf("currency"));

export const isCurrency = (code: string): boolean => KNOWN.has(code);

/** Digits after the point: 2 for EUR, 0 for VND, 3 for KWD. */
export function digitsOf(currency: string): number {
  const options = new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions();
  return options.maximumFractionDigits ?? 2;
}
