/** Money as people write it. Amounts are whole minor units; nothing here rounds. Pure. */

/** Digits after the point that a currency has: 2 for EUR, 0 for VND. */
export function digitsOf(currency: string): number {
  try {
    return new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits ?? 2;
  } catch {
    return 2;
  }
}

/** "12,50" or "12.5" as 1250; undefined for what is no amount above zero, or has too many digits. */
export function minorOf(text: string, currency: string): number | undefined {
  const digits = digitsOf(currency);
  const match = /^(\d{1,12})(?:[.,](\d*))?$/.exec(text.trim());
  const fraction = match?.[2] ?? "";
  if (match === null || fraction.length > digits) return undefined;
  const minor = Number(`${match[1]}${fraction.padEnd(digits, "0")}`);
  return Number.isSafeInteger(minor) && minor > 0 ? minor : undefined;
}

export function moneyText(minor: number, currency: string, locale: string): string {
  const amount = minor / 10 ** digitsOf(currency);
  return new Intl.NumberFormat(locale, { style: "currency", currency }).format(amount);
}

export function bytesText(bytes: number, locale: string): string {
  const [unit, size] = bytes >= 1e9 ? (["gigabyte", 1e9] as const) : (["megabyte", 1e6] as const);
  const style = { style: "unit", unit, maximumFractionDigits: 1 } as const;
  return new Intl.NumberFormat(locale, style).format(bytes / size);
}
