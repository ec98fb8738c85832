/**
 * Wall clocks of time zones. Pure but for the rules of the zones, which come with the runtime (Intl); these change with laws,
 * so what is kept is the wall clock and the zone's name, and instants are computed anew.
 */

const LOCAL = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2})$/;
/** An IANA name, not an offset. */
const ZONE = /^[A-Za-z][A-Za-z0-9_+-]{0,31}(?:\/[A-Za-z0-9_+-]{1,32}){0,2}$/;
const DAY_MS = 86_400_000;
const FIRST_YEAR = 1970;
const LAST_YEAR = 2199;
/** Formatters are dear to make; there are about 600 zones. */
const MAX_FORMATTERS = 100;

const formatters = new Map<string, Intl.DateTimeFormat>();

export function isTimeZone(name: string): boolean {
  return ZONE.test(name) && formatterOf(name) !== undefined;
}

/** Of a wall clock as if it were UTC; undefined for what is no time ("2026-02-30T12:00", other years than 1970 to 2199). */
export function localMsOf(local: string): number | undefined {
  const found = LOCAL.exec(local);
  if (found === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0] = found.slice(1).map(Number);
  if (year < FIRST_YEAR || year > LAST_YEAR) return undefined;
  const ms = Date.UTC(year, month - 1, day, hour, minute);
  return localTextOf(ms) === local ? ms : undefined;
}

/**
 * The instant at which the zone's clocks show `local`, in Unix milliseconds. Shown twice (clocks go back): the first time.
 * Never shown (clocks go forward): as long after the jump as it would be without it (RFC 5545 section 3.3.5). Undefined:
 * no such time or zone.
 */
export function instantOf(local: string, timeZone: string): number | undefined {
  const localMs = localMsOf(local);
  if (localMs === undefined || !isTimeZone(timeZone)) return undefined;
  // No zone changes its clocks twice within two days.
  const before = localMs - offsetMs(localMs - DAY_MS, timeZone);
  const after = localMs - offsetMs(localMs + DAY_MS, timeZone);
  const shown = [before, after].filter((instant) => instant + offsetMs(instant, timeZone) === localMs);
  return shown.length === 0 ? before : Math.min(...shown);
}

/** What the zone's clocks show at an instant. */
export function localAt(instantMs: number, timeZone: string): string {
  return localTextOf(instantMs + offsetMs(instantMs, timeZone));
}

function localTextOf(localMs: number): string {
  return new Date(localMs).toISOString().slice(0, 16);
}

/** How far the zone's clocks are ahead of UTC then. Old offsets have seconds; they are kept. */
function offsetMs(instantMs: number, timeZone: string): number {
  const parts = formatterOf(timeZone)?.formatToParts(instantMs) ?? [];
  const value = (type: string): number => Number(parts.find((part) => part.type === type)?.value ?? 0);
  const shown = Date.UTC(
    value("year"),
    value("month") - 1,
    value("day"),
    value("hour"),
    value("minute"),
    value("second"),
  );
  return shown - Math.floor(instantMs / 1000) * 1000;
}

function formatterOf(timeZone: string): Intl.DateTimeFormat | undefined {
  const known = formatters.get(timeZone);
  if (known !== undefined) return known;
  const made = makeFormatter(timeZone);
  const [oldest] = formatters.keys();
  if (formatters.size >= MAX_FORMATTERS && oldest !== undefined) formatters.delete(oldest);
  if (made !== undefined) formatters.set(timeZone, made);
  return made;
}

function makeFormatter(timeZone: string): Intl.DateTimeFormat | undefined {
  const two = "2-digit";
  try {
    return new Intl.DateTimeFormat("en-US", {
      ...{ timeZone, calendar: "gregory", numberingSystem: "latn", hourCycle: "h23", year: "numeric" },
      ...{ month: two, day: two, hour: two, minute: two, second: two },
    } as Intl.DateTimeFormatOptions);
  } catch {
    return undefined; // The runtime knows no such zone.
  }
}
