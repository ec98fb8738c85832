/**
 * Calendars as RFC 5545 writes them. Happenings do not repeat, so their times are written in UTC and need no VTIMEZONE; the
 * reader's program shows them in the reader's zone. Pure.
 */

export interface CalendarEvent {
  readonly uid: string;
  readonly title: string;
  readonly text?: string;
  readonly place?: string;
  readonly startsAtMs: number;
  readonly endsAtMs: number;
  /** 0 at first, one more with each change. */
  readonly sequence: number;
  readonly changedAtMs: number;
}

/** RFC 5545 section 3.1: octets of a line without its end. */
const MAX_LINE_OCTETS = 75;

export function calendarOf(name: string, events: readonly CalendarEvent[]): string {
  const lines = [
    "BEGIN:VCALENDAR",
    "VERSION:2.0",
    "PRODID:-//Hearsay//Happenings//EN",
    "CALSCALE:GREGORIAN",
    "METHOD:PUBLISH",
    `NAME:${escapeText(name)}`,
    `X-WR-CALNAME:${escapeText(name)}`,
    "REFRESH-INTERVAL;VALUE=DURATION:PT1H",
    ...events.flatMap(eventLines),
    "END:VCALENDAR",
  ];
  return lines.map((line) => `${fold(line)}\r\n`).join("");
}

function eventLines(event: CalendarEvent): readonly string[] {
  return [
    "BEGIN:VEVENT",
    `UID:${escapeText(event.uid)}`,
    `DTSTAMP:${utc(event.changedAtMs)}`,
    `DTSTART:${utc(event.startsAtMs)}`,
    `DTEND:${utc(event.endsAtMs)}`,
    `SEQUENCE:${event.sequence}`,
    `SUMMARY:${escapeText(event.title)}`,
    ...(event.text === undefined ? [] : [`DESCRIPTION:${escapeText(event.text)}`]),
    ...(event.place === undefined ? [] : [`LOCATION:${escapeText(event.place)}`]),
    "END:VEVENT",
  ];
}

/** 20261224T173000Z */
function utc(instantMs: number): string {
  return `${new Date(instantMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, "")}Z`;
}

/** Section 3.3.11. Other control characters cannot be written at all. */
function escapeText(text: string): string {
  return text
    .replaceAll(/[\\;,]/g, (char) => `\\${char}`)
    .replaceAll(/\r\n|\r|\n/g, "\\n")
    .replaceAll(/[^\P{Cc}\t]/gu, "");
}

/** Continuation lines begin with a blank; no character is cut in two. */
function fold(line: string): string {
  let folded = "";
  let octets = 0;
  for (const char of line) {
    const length = Buffer.byteLength(char);
    if (octets + length > MAX_LINE_OCTETS) {
      folded += "\r\n ";
      octets = 1;
    }
    folded += char;
    octets += length;
  }
  return folded;
}
